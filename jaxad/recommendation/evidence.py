"""The results that recommendations are based on: a csv file beside this one, and its rows.

`experiments/recommend/collect.py` writes it from the results of `jaxad sweep`.
"""

import ast
import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jaxad.detectors import get_entry
from jaxad.errors import DataError
from jaxad.recommendation.situation import Kind
from jaxad.utils.files import write_atomically

__all__ = [
    "FOLDER",
    "Measurement",
    "format_settings",
    "parse_settings",
    "read_measurements",
    "simplify_name",
    "write_measurements",
]

FOLDER = "experiments/recommend"
RESULTS = files("jaxad.recommendation") / "results.csv"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The result of a detector in a situation: a row of the file.

    Attributes:
        experiment: The experiment's file in `experiments/recommend`, or a script as
            `folder/name.py` in `experiments`.
        kind: The kind of example; see `Situation`.
        dataset: The data set.
        normal_class: Its normal class; of a series with several kinds of anomalies, the kind.
        rows: How many unlabelled rows it was trained on.
        columns: How many columns the table or the features have; 0 for other kinds.
        anomalies: The share of anomalies in the data set, from 0 to 1.
        labelled: How many labelled anomalies there were.
        hidden: The share of anomalies among the unlabelled rows, from 0 to 1.
        exposure: The exposure set whose rows were labelled anomalies too; "" for none.
        detector: The detector's name.
        settings: Its settings where they differ from the defaults, as `field=value; field=value`.
        auroc: Mean over seeds of the area under the ROC curve on the test rows, from 0 to 1.
        auroc_std: Its sample deviation over seeds; 0 for one seed.
        auprc: Mean over seeds of the average precision, from 0 to 1.
        seeds: How many seeds.
    """

    experiment: str
    kind: Kind
    dataset: str
    normal_class: str
    rows: int
    columns: int
    anomalies: float
    labelled: int
    hidden: float
    exposure: str
    detector: str
    settings: str
    auroc: float
    auroc_std: float
    auprc: float
    seeds: int

    @property
    def task(self) -> tuple[str, str]:
        """The data set and its normal class, which are left out together."""
        return self.dataset, self.normal_class

    @property
    def choice(self) -> tuple[str, str]:
        """The detector and its settings."""
        return self.detector, self.settings

    @property
    def command(self) -> str:
        """The command that measured it; DATA is the folder of the data, OUT that of results."""
        if self.experiment.endswith(".py"):
            return f"python experiments/{self.experiment} DATA --out OUT"
        return f"jaxad sweep {FOLDER}/{self.experiment} --data-dir DATA"


def read_measurements(path: str | Path | None = None) -> tuple[Measurement, ...]:
    """Read a file of results.

    Args:
        path: The file; by default the one that jaxad comes with.

    Raises:
        DataError: It cannot be read, or is not such a file; the message names the line.
    """
    return _own() if path is None else _read(Path(path).read_text, str(path))


def write_measurements(path: str | Path, measured: Iterable[Measurement]) -> None:
    """Write a file that `read_measurements` reads, sorted."""
    names = [field.name for field in fields(Measurement)]
    lines = sorted([_shown(getattr(one, name)) for name in names] for one in measured)
    with write_atomically(Path(path)) as partial, partial.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([names, *lines])


def simplify_name(source: str) -> str:
    """Return the name of a data set in the results: `cardio` for `mean:v.npz:DATA/6_cardio.npz`.

    Example:
        >>> simplify_name("some/where/6_cardio.npz"), simplify_name("sequence:ecg5000")
        ('cardio', 'ecg5000')
    """
    name = source.split(":")[-1].rsplit("/", 1)[-1].split(".")[0]
    number, _, rest = name.partition("_")
    return rest if number.isdigit() and rest else name


def parse_settings(text: str) -> dict[str, Any]:
    """Parse settings from text to values as `jaxad.make` takes them.

    Example:
        >>> parse_settings("score=evidence; widths=128,64")
        {'score': 'evidence', 'widths': (128, 64)}
    """
    pairs = (part.partition("=") for part in text.split("; ") if part)
    return {name: _value(value) for name, _, value in pairs}


def format_settings(settings: dict[str, Any]) -> str:
    """Return the settings of a detector as text, the inverse of `parse_settings`."""
    return "; ".join(f"{name}={_format_value(value)}" for name, value in sorted(settings.items()))


@cache
def _own() -> tuple[Measurement, ...]:
    return _read(RESULTS.read_text, str(RESULTS))


def _read(text: Any, name: str) -> tuple[Measurement, ...]:
    try:
        lines = list(csv.DictReader(text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{name}: cannot be read: {error}") from error
    kinds = {field.name: field.type for field in fields(Measurement)}
    measured = []
    for number, line in enumerate(lines, 2):
        try:
            one = Measurement(**{key: _as(kinds[key], value) for key, value in line.items()})
            get_entry(one.detector)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{name}, line {number}: {error}") from error
        measured.append(one)
    return tuple(measured)


def _as(kind: Any, value: str) -> Any:
    return kind(value) if kind in (int, float) else value


def _format_value(value: Any) -> str:
    """Return a value as `--set` takes it: 128,64 or 128, or () for a tuple."""
    if not isinstance(value, tuple):
        return str(value)
    return ",".join(map(str, value)) + "," * (len(value) == 1) or "()"


def _shown(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
