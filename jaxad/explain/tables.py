"""Attributed rows of a table, of which those with the highest and the lowest scores are kept."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

__all__ = ["AttributedRows", "find_extremes"]


class AttributedRows(NamedTuple):
    """Rows of a table with their scores and attributions.

    Attributes:
        row: `(n,)` which row of the table each is.
        score: `(n,)` scores, higher is more anomalous.
        x: `(n, d)` the values of the rows: numbers or texts.
        value: `(n, d)` their attributions.
        note: `(n,)` a text about each row, which may be empty.
    """

    row: Int[np.ndarray, "n"]
    score: Float[np.ndarray, "n"]
    x: Shaped[np.ndarray, "n d"]
    value: Float[np.ndarray, "n d"]
    note: Shaped[np.ndarray, "n"]

    def join(self, other: "AttributedRows") -> "AttributedRows":
        """Return these rows and others behind them."""
        return AttributedRows(*map(np.concatenate, zip(self, other, strict=True)))

    def keep_extremes(self, most: int) -> "AttributedRows":
        """Return the rows with the `most` highest and the `most` lowest scores."""
        kept = find_extremes(self.score, most)
        return AttributedRows(*(part[kept] for part in self))


def find_extremes(score: Float[np.ndarray, "n"], most: int) -> Int[np.ndarray, "k"]:
    """Return the rows with the `most` highest and the `most` lowest scores, in their order."""
    order = np.argsort(-score, kind="stable")
    return np.unique(np.concatenate([order[:most], order[-most:]]))
