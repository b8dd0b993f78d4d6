"""The situation that a recommendation is made for."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from jaxad.data.tables.labels import as_training_labels
from jaxad.detectors.registry import Examples
from jaxad.errors import ConfigError, DataError

__all__ = ["Kind", "Situation", "Want", "describe_data"]

Kind = Literal[Examples, "features", "series"]
Want = Literal["scores", "audit", "heatmaps"]


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Properties of a data set, and what is wanted of a detector.

    Attributes:
        kind: The kind of example: "table" (a row of one), "image", "sequence", "text", "features"
            (a row of features that a frozen network computed) or "series" (a window of a long
            series).
        rows: How many training rows there are, >= 2; None if unknown.
        columns: How many columns a table has, >= 1; None if unknown.
        labelled_anomalies: How many of the training rows are labelled anomalies, >= 0.
        labelled_normals: How many are labelled normal rows, >= 0.
        contamination: The share of anomalies expected among the unlabelled rows, in [0, 1); None
            if unknown, which counts as the largest share that was measured.
        want: "scores"; "audit" to find hidden anomalies among the training rows, too; or "heatmaps"
            to see which parts of an image are anomalous, too.
        exposure: Whether there is a set of images that are certainly not normal.

    Raises:
        ConfigError: A value out of its range, or values that exclude each other.
    """

    kind: Kind = "table"
    rows: int | None = None
    columns: int | None = None
    labelled_anomalies: int = 0
    labelled_normals: int = 0
    contamination: float | None = None
    want: Want = "scores"
    exposure: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("kind", get_args(Kind)), ("want", get_args(Want))):
            if getattr(self, name) not in allowed:
                raise ConfigError(
                    f"{name} must be {_either(allowed)}; given {self.__dict__[name]!r}"
                )
        for name, least in (("rows", 2), ("columns", 1)):
            if getattr(self, name) is not None:
                self._count(name, least)
        for name in ("labelled_anomalies", "labelled_normals"):
            self._count(name, 0)
        share = self.contamination
        if share is not None and not (_is_number(share) and 0 <= share < 1):
            raise ConfigError(
                f"contamination must be in [0, 1), the share of anomalies among the unlabelled "
                f"rows, or None if it is not known; given {share!r}"
            )
        labelled = self.labelled_anomalies + self.labelled_normals
        if self.rows is not None and labelled > self.rows:
            raise ConfigError(f"{labelled} labelled rows are more than rows={self.rows}")
        if self.columns is not None and self.kind not in ("table", "features"):
            raise ConfigError(f"columns={self.columns} are a table's; kind is {self.kind!r}")
        for name, asked in (
            ("want='heatmaps'", self.want == "heatmaps"),
            ("exposure", self.exposure),
        ):
            if asked and self.kind != "image":
                raise ConfigError(f"{name} is for images; kind is {self.kind!r}")
        if self.want == "audit" and self.exposure:
            raise ConfigError("want='audit' is of training rows alone: leave exposure out")

    def _count(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ConfigError(f"{name} must be a whole number of at least {least}; given {value!r}")


def describe_data(
    data: Any = None, y: Any = None, positive: Any = None, normal: Any = None
) -> dict[str, Any]:
    """Return the fields of a situation that rows and labels give.

    Args:
        data: `(n, ...)` rows; None: there are none to look at.
        y: `(n,)` labels, as `as_training_labels` takes them.
        positive: The values of labelled anomalies.
        normal: The values of verified normal rows.

    Raises:
        ConfigError: Labels without data.
        DataError: Rows of no known kind, or another number of labels.
    """
    if data is None:
        if y is not None:
            raise ConfigError("y labels the rows of data; give data, too")
        return {}
    shape = tuple(data.shape) if hasattr(data, "shape") else np.shape(data)
    kinds: dict[int, Examples] = {2: "table", 3: "sequence", 4: "image"}
    if len(shape) not in kinds:
        raise DataError(
            f"data must be (n, d) rows of a table, (n, time, channels) sequences or (n, height, "
            f"width, channels) images; given {type(data).__name__} of shape {shape}"
        )
    found: dict[str, Any] = {"kind": kinds[len(shape)], "rows": int(shape[0])}
    if len(shape) == 2:
        found["columns"] = int(shape[1])
    if y is not None:
        label = as_training_labels(y, positive, normal)
        if len(label) != shape[0]:
            raise DataError(f"y has {len(label)} labels and data {shape[0]} rows; give one each")
        found["labelled_anomalies"] = int((label < 0).sum())
        found["labelled_normals"] = int((label > 0).sum())
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(map(repr, names[:-1]))} or {names[-1]!r}"
