"""The scores of some rows of a file, and what is known of the rows."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from jaxad.data.tables.events import Events

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ScoredRows"]


@dataclass(frozen=True)
class ScoredRows:
    """The scores of consecutive rows of a file.

    Attributes:
        scores: `(seeds, n)` the scores of each seed, higher is more anomalous; NaN for bad rows.
        mean: `(n,)` the mean score over seeds in float64, raised for rows with unknown values (see
            `jaxad.data.tables.events`).
        bad: Why a row could not be scored, by its place among these rows.
        x: `(n, ...)` the rows as numbers, before scaling.
        label: `(n,)` the labels as the file has them; None if it has none.
        ids: `(n,)` the ids of the rows; None for row numbers.
        id: The name of their column; None for row numbers.
        events: The unknown values by which scores were raised; None where there is no encoding.
        table: The columns of the rows as the file has them; None where the file is not a table.
        group: `(n,)` the names of the series of timestamps; None where there are no groups.
        more: `(n,)` further columns of outputs by name: the scores of channels.
        rim: `(n,)` the timestamps of series that no window reaches: they have no score without
            being bad. None for other rows.
        rows: `(n,)` the row numbers where the rows are not consecutive, as those of streams of
            series; None where they are.
        texts: `(n,)` the texts that the rows stand for; None without texts.
    """

    scores: Float[np.ndarray, "seeds n"]
    mean: Float[np.ndarray, "n"]
    bad: dict[int, str]
    x: Num[np.ndarray, "n *shape"]
    label: Any = None
    ids: Any = None
    id: str | None = None
    events: Events | None = None
    table: "pa.Table | None" = None
    group: Any = None
    more: dict[str, Any] = field(default_factory=dict)
    rim: Bool[np.ndarray, "n"] | None = None
    rows: Int[np.ndarray, "n"] | None = None
    texts: Any = None

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.mean)

    @property
    def raised(self) -> Float[np.ndarray, "n"]:
        """By how much events raised each score; NaN for bad rows."""
        return self.mean - self.scores.mean(axis=0, dtype=np.float64)

    @property
    def good(self) -> Bool[np.ndarray, "n"]:
        """Which rows have a score."""
        where = np.ones(self.count, bool)
        where[list(self.bad)] = False
        return where if self.rim is None else where & ~self.rim
