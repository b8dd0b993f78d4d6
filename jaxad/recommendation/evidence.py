"""The results that recommendations rest on: a csv file beside this one, and its rows.

Nobody types it: `experiments/recommend/collect.py` writes it from what `jaxad sweep` has measured.
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
from jaxad.detectors.registry import Examples
from jaxad.errors import DataError
from jaxad.utils.files import write_atomically

__all__ = [
    "FOLDER",
    "Measured",
    "plain_name",
    "read_results",
    "setting_text",
    "settings_of",
    "write_results",
]

FOLDER = "experiments/recommend"
RESULTS = files("jaxad.recommendation") / "results.csv"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A detector in a situation: a row of the file.

    Attributes:
        experiment: The experiment's file in `experiments/recommend`.
        kind: What an example is: "table", "image", "sequence" or "text".
        dataset: The data set.
        normal_class: Its normal class.
        rows: How many unlabelled rows it was trained on.
        columns: How many columns the table has; 0 for other kinds.
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
    kind: Examples
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
        """What is left out together: the data set and its normal class."""
        return self.dataset, self.normal_class

    @property
    def choice(self) -> tuple[str, str]:
        """The detector and its settings."""
        return self.detector, self.settings

    @property
    def command(self) -> str:
        """What measured it; DATA is the folder of the data."""
        return f"jaxad sweep {FOLDER}/{self.experiment} --data-dir DATA"


def read_results(path: str | Path | None = None) -> tuple[Measured, ...]:
    """The rows of a file of results.

    Args:
        path: The file; by default the one that jaxad comes with.

    Raises:
        DataError: It is not there, or not such a file; the message names the line.
    """
    return _own() if path is None else _read(Path(path).read_text, str(path))


def write_results(path: str | Path, measured: Iterable[Measured]) -> None:
    """Write a file that `read_results` reads, in an order that does not depend on theirs."""
    names = [field.name for field in fields(Measured)]
    lines = sorted([_shown(getattr(one, name)) for name in names] for one in measured)
    with write_atomically(Path(path)) as partial, partial.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([names, *lines])


def plain_name(source: str) -> str:
    """A data set's name in the results: `mean:v.npz:DATA/6_cardio.npz` to `cardio`.

    Example:
        >>> plain_name("some/where/6_cardio.npz"), plain_name("sequence:ecg5000")
        ('cardio', 'ecg5000')
    """
    name = source.split(":")[-1].rsplit("/", 1)[-1].split(".")[0]
    number, _, rest = name.partition("_")
    return rest if number.isdigit() and rest else name


def settings_of(text: str) -> dict[str, Any]:
    """The settings that a text stands for, as `jaxad.make` takes them.

    Example:
        >>> settings_of("score=evidence; widths=128,64")
        {'score': 'evidence', 'widths': (128, 64)}
    """
    pairs = (part.partition("=") for part in text.split("; ") if part)
    return {name: _value(value) for name, _, value in pairs}


def setting_text(settings: dict[str, Any]) -> str:
    """The settings of a detector as a text, the inverse of `settings_of`."""
    return "; ".join(f"{name}={_said(value)}" for name, value in sorted(settings.items()))


@cache
def _own() -> tuple[Measured, ...]:
    return _read(RESULTS.read_text, str(RESULTS))


def _read(text: Any, name: str) -> tuple[Measured, ...]:
    try:
        lines = list(csv.DictReader(text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{name}: cannot be read: {error}") from error
    kinds = {field.name: field.type for field in fields(Measured)}
    measured = []
    for number, line in enumerate(lines, 2):
        try:
            one = Measured(**{key: _as(kinds[key], value) for key, value in line.items()})
            get_entry(one.detector)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{name}, line {number}: {error}") from error
        measured.append(one)
    return tuple(measured)


def _as(kind: Any, value: str) -> Any:
    return kind(value) if kind in (int, float) else value


def _said(value: Any) -> str:
    """A value as `--set` takes it: 128,64 or 128, or () for a tuple."""
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
