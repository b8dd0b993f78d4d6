"""Published values that the key `published` of an experiment names."""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxad.errors import ConfigError
from jaxad.sweep.content import PUBLISHED_COLUMNS, as_list, check_published
from jaxad.sweep.jobs import Job

__all__ = ["Published", "read_published"]


class Published(NamedTuple):
    """A published value, in percent.

    Attributes:
        mean: The value.
        std: Its standard deviation; None if none is published.
        tuned: Whether settings were chosen with test labels.
    """

    mean: float
    std: float | None
    tuned: bool = False

    def __str__(self) -> str:
        text = f"{self.mean:.1f}" if self.std is None else f"{self.mean:.1f} ± {self.std:.1f}"
        return text + "†" * self.tuned


def read_published(
    about: Mapping[str, Any], jobs: Sequence[Job]
) -> dict[tuple[str, str], Published]:
    """Read the published value of each job and metric, `{(job name, metric): value}`.

    The value of a table's mean has the detector's title in place of the job's name.

    Args:
        about: The experiment's table `published`:
            file: A csv with the columns method, dataset, subset, setting, metric, mean, std.
            methods: The published name of the method, by the title of the detector.
            where: Columns and their required values, as `{ dataset = "fashion_mnist" }`.
            datasets: The name of a data set in the file, by its name here, where they differ.
            row: Whether a row of the file is found by "dataset", "subset" (the normal class) or
                "both", or is the "mean" over all rows of the table.
            tuned: Methods whose settings were chosen with test labels; tables mark them.
        jobs: The jobs.

    Raises:
        ConfigError: An unknown key, or a file that cannot be read.
    """
    check_published(about)
    if not about:
        return {}
    numbers = {}
    where, tuned = about.get("where", {}), set(as_list(about.get("tuned", [])))
    for row in _rows(Path(about.get("file", ""))):
        if row["mean"] and all(row.get(k) == str(v) for k, v in where.items()):
            std = _number(row["std"]) if row["std"] else None
            key = (row["method"], row["dataset"], _plain(row["subset"]), row["metric"])
            numbers[key] = Published(_number(row["mean"]), std, row["method"] in tuned)
    by = about.get("row", "both")
    found = {}
    for job in jobs:
        method = about.get("methods", {}).get(job.variant.title)
        dataset = about.get("datasets", {}).get(job.dataset, job.dataset)
        subset = _plain(str(job.class_label))
        for (printed, of_data, of_class, metric), number in numbers.items():
            if by == "mean" and printed == method:
                found[job.variant.title, metric] = number
            same_data = by == "subset" or of_data == dataset
            same_class = by == "dataset" or of_class == subset
            if by != "mean" and printed == method and same_data and same_class:
                found[job.name, metric] = number
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise ConfigError(f"published: there is no file {path}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"published: {path} cannot be read: {error}") from error
    if not rows or not set(rows[0]) >= PUBLISHED_COLUMNS:
        columns = ", ".join(sorted(PUBLISHED_COLUMNS))
        raise ConfigError(f"published: {path} must have the columns {columns}")
    return [{column: row[column] or "" for column in PUBLISHED_COLUMNS} for row in rows]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(f"published: {text!r} is not a number") from error


def _plain(name: str) -> str:
    """Return a name without case, blanks and signs: "T-shirt/top" is "tshirttop"."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())
