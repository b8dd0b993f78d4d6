"""Fitted estimators as folders, and as values that pickle can hold."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxad.detector import HostDetector
from jaxad.detectors.registry import Spec, make_for
from jaxad.errors import ConfigError, DataError
from jaxad.saving.folder import load as load_fit
from jaxad.saving.folder import save as save_fit
from jaxad.sklearn.frames import Column, Encoding
from jaxad.thresholds import SCORES, pack, unpack
from jaxad.training.fitted import Fit
from jaxad.types import State

__all__ = ["ESTIMATOR", "Frozen", "frozen", "load", "save", "thawed"]

ESTIMATOR = "estimator.json"
FORMAT, VERSION = "jaxad-estimator", 1


class Frozen(NamedTuple):
    """A fit without functions: a detector's description, and its arrays as NumPy's."""

    name: str
    config: dict[str, Any]
    spec: Spec
    state: State
    fields: dict[str, Any]


def frozen(fitted: Fit) -> Frozen:
    """A fit as plain values.

    Raises:
        ConfigError: The detector is another library's, whose models are functions.
    """
    detector = fitted.detector
    if isinstance(detector, HostDetector) or fitted.state is None:
        raise ConfigError(
            f"a fitted {detector.name!r} is another library's and cannot be pickled or saved"
        )
    spec = Spec(tuple(detector.input_shape or ()), fitted.rows, *detector.labelled)
    fields = {k: v for k, v in vars(fitted).items() if k not in ("detector", "state", "models")}
    state = jax.tree.map(np.asarray, fitted.state)
    return Frozen(detector.name, asdict(detector.config), spec, state, fields)


def thawed(values: Frozen) -> Fit:
    """The fit that `frozen` was given."""
    detector = make_for(values.name, values.spec, values.config)
    return Fit(detector, jax.tree.map(jax.numpy.asarray, values.state), **values.fields)


def save(estimator: Any, folder: Path) -> Path:
    """Save a fitted estimator; see `JaxADDetector.save`."""
    encoding = estimator._encoding
    names = getattr(estimator, "feature_names_in_", None)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "parameters": estimator.get_params(deep=False),
        "threshold": estimator.threshold_,
        "columns_in": estimator.n_features_in_,
        "names_in": None if names is None else [str(name) for name in names],
        "encoding": None if encoding is None else [c._asdict() for c in encoding.columns],
    }
    try:
        text = json.dumps(about, indent=2, default=_plain)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the parameters cannot be written as JSON: {error}") from error
    files = {ESTIMATOR: text.encode(), SCORES: pack(estimator.reference_)}
    return save_fit(estimator.fitted_, folder, scaling=estimator.scaling_, files=files)


def load(cls: type, folder: Path) -> Any:
    """Load what `save` saved; see `JaxADDetector.load`."""
    fitted, scaling = load_fit(folder)  # which checks every file
    what = f"{str(folder)!r} is no saved estimator"
    try:
        about = json.loads((folder / ESTIMATOR).read_text())
        scores = (folder / SCORES).read_bytes()
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{what}: {error}") from error
    if not isinstance(about, dict) or (about.get("format"), about.get("version")) != (
        FORMAT,
        VERSION,
    ):
        raise DataError(f"{what}: {ESTIMATOR} has another format or version")
    if scaling is None:
        raise DataError(f"{what}: it has no scaling")
    try:
        given = about["parameters"]
        given["settings"] = _settings(given["settings"])
        estimator = cls(**given)
        estimator._rule()
        estimator.fitted_, estimator.scaling_ = fitted, scaling
        estimator.reference_ = unpack(scores, str(folder))
        estimator.threshold_ = _number(about["threshold"])
        estimator.offset_ = -estimator.threshold_
        estimator.n_features_in_ = int(about["columns_in"])
        _set_columns(estimator, about)
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{what}: {ESTIMATOR} is broken ({error!r})") from error
    return estimator


def _set_columns(estimator: Any, about: dict[str, Any]) -> None:
    """Set the encoding and all names of columns.

    Raises:
        DataError: They are not those of the arrays.
    """
    names, columns = about["names_in"], about["encoding"]
    width = estimator.n_features_in_
    if names is not None:
        if len(names) != width or not all(isinstance(name, str) for name in names):
            raise DataError(f"{ESTIMATOR}: {len(names)} names for {width} columns")
        estimator.feature_names_in_ = np.array(names, object)
    estimator._encoding = None
    estimator.encoded_names_ = [f"x{i}" for i in range(width)]
    if columns is not None:
        estimator._encoding = Encoding.of(tuple(_column(**c) for c in columns))
        estimator.encoded_names_ = estimator._encoding.names
    encoded = (len(estimator.encoded_names_),)
    if encoded != estimator.scaling_.shift.shape:
        raise DataError(
            f"{ESTIMATOR}: {encoded[0]} encoded columns, and the detector was trained on "
            f"{estimator.scaling_.shift.shape[0]}"
        )


def _column(name: str, kind: str, median: float, missing: bool, categories: list[str]) -> Column:
    words = all(isinstance(word, str) for word in (name, *categories))
    if kind not in ("number", "category") or not words or (kind == "category" and not categories):
        raise TypeError(f"no column: {name!r}")
    number = kind == "number"
    return Column(
        name, "number" if number else "category", _number(median), bool(missing), (*categories,)
    )


def _settings(settings: dict[str, Any] | None) -> dict[str, Any] | None:
    """Settings with the tuples that JSON made lists of."""
    if settings is None:
        return None
    return {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"no finite number: {value!r}")
    return float(value)


def _plain(value: Any) -> Any:
    """What JSON makes of NumPy's numbers."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no number, text, list or dict")
