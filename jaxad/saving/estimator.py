"""The record of an estimator beside its detector, as JSON; it is read without trust."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxad.data.scaling import Scaling
from jaxad.data.tables.encoding import Encoding
from jaxad.data.tables.legacy import convert_columns
from jaxad.errors import ConfigError, DataError
from jaxad.utils.limits import read_json

__all__ = ["ESTIMATOR", "EstimatorRecord", "dump_record", "read_record"]

ESTIMATOR = "estimator.json"
FORMAT, VERSION = "jaxad-estimator", 3
# Settings by their names in older versions of the format that can be read.
_SETTINGS: dict[int, dict[str, str]] = {1: {"weighing": "weighting"}, 2: {}, 3: {}}
# The parameter `labels` of versions 1 and 2, and the parameters that mean the same.
_LABELS: dict[str, dict[str, Any]] = {
    "anomaly": {"labels": "use", "normal": 0},
    "training": {"labels": "use", "positive": -1, "normal": 1},
    "ignore": {"labels": "ignore"},
}


class EstimatorRecord(NamedTuple):
    """What a saved estimator knows beside its detector.

    Attributes:
        parameters: The estimator's parameters.
        threshold: Its threshold.
        columns_in: How many columns its rows have.
        names_in: Their names; None where they have none.
        encoding: How columns become numbers; None for arrays.
    """

    parameters: dict[str, Any]
    threshold: float
    columns_in: int
    names_in: tuple[str, ...] | None
    encoding: Encoding | None


def dump_record(record: EstimatorRecord) -> bytes:
    """Return the content of the file `ESTIMATOR`.

    Raises:
        ConfigError: A parameter that JSON cannot hold.
    """
    about = {
        "format": FORMAT,
        "version": VERSION,
        "parameters": record.parameters,
        "threshold": record.threshold,
        "columns_in": record.columns_in,
        "names_in": record.names_in,
        "encoding": None if record.encoding is None else record.encoding.dump(),
    }
    try:
        return json.dumps(about, indent=2, default=_convert_number).encode()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"settings: cannot be written as JSON: {error}") from error


def read_record(folder: Path, scaling: Scaling | None) -> EstimatorRecord:
    """Read and check the record of an estimator.

    Args:
        folder: The folder, whose files were checked against their checksums.
        scaling: The scaling that was saved with the detector.

    Raises:
        DataError: There is no record, it has another format or version, or it does not fit the
            detector.
    """
    what = f"{str(folder)!r} is not a saved estimator"
    about = read_json(folder / ESTIMATOR, what)
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise DataError(f"{what}: {ESTIMATOR} has another format")
    version = about.get("version")
    if not isinstance(version, int) or version not in _SETTINGS:
        raise DataError(
            f"{str(folder)!r}: {ESTIMATOR} has format version {version}; this version of jaxad "
            f"reads {', '.join(map(str, _SETTINGS))}"
        )
    if scaling is None:
        raise DataError(f"{what}: it has no scaling")
    try:
        encoding, names = about["encoding"], about["names_in"]
        record = EstimatorRecord(
            _restore_parameters(about["parameters"], version),
            _check_number(about["threshold"]),
            _check_count(about["columns_in"]),
            None if names is None else tuple(names),
            None if encoding is None else _restore_encoding(encoding, version),
        )
        _check_columns(record, scaling)
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{what}: {ESTIMATOR} is broken ({repr(error)[:300]})") from error
    return record


def _check_columns(record: EstimatorRecord, scaling: Scaling) -> None:
    """Raise a `DataError` if names or encoded columns are not those of the arrays."""
    names, width = record.names_in, record.columns_in
    if names is not None and (
        len(names) != width or not all(isinstance(name, str) for name in names)
    ):
        raise DataError(f"{ESTIMATOR}: {len(names)} names for {width} columns")
    if record.encoding is not None and len(record.encoding.inputs) != width:
        raise DataError(f"{ESTIMATOR}: an encoding of other columns than the {width} of training")
    encoded = width if record.encoding is None else len(record.encoding.names)
    if (encoded,) != scaling.shift.shape:
        raise DataError(
            f"{ESTIMATOR}: {encoded} encoded columns, and the detector was trained on "
            f"{scaling.shift.shape[0]}"
        )


def _restore_encoding(values: Any, version: int) -> Encoding:
    return convert_columns(values) if version < 3 else Encoding.restore(values)


def _restore_parameters(parameters: dict[str, Any], version: int) -> dict[str, Any]:
    """Return the parameters; settings get the names that they have now, and tuples for lists."""
    settings, names = parameters["settings"], _SETTINGS[version]
    if version < 3:
        parameters = parameters | _LABELS[parameters["labels"]]
    if settings is None:
        return parameters
    restored = {
        names.get(name, name): tuple(value) if isinstance(value, list) else value
        for name, value in settings.items()
    }
    return parameters | {"settings": restored}


def _check_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"not a finite number: {value!r}")
    return float(value)


def _check_count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"not a count: {value!r}")
    return value


def _convert_number(value: Any) -> Any:
    """Return a number of NumPy as one that JSON holds."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not a number, string, list or dict")
