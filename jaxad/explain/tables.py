"""Attributed rows of a table, of which those with the highest and the lowest scores are kept."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

__all__ = ["AttributedRows"]


class AttributedRows(NamedTuple):
    """Rows of a table with their scores and attributions.

    Attributes:
        row: `(n,)` which row of the table each is.
        score: `(n,)` scores, higher is more anomalous.
        x: `(n, d)` the rows.
        value: `(n, d)` their attributions.
    """

    row: Int[np.ndarray, "n"]
    score: Float[np.ndarray, "n"]
    x: Float[np.ndarray, "n d"]
    value: Float[np.ndarray, "n d"]

    def join(self, other: "AttributedRows") -> "AttributedRows":
        """Return these rows and others behind them."""
        return AttributedRows(*map(np.concatenate, zip(self, other, strict=True)))

    def keep_extremes(self, most: int) -> "AttributedRows":
        """Return the rows with the `most` highest and the `most` lowest scores."""
        order = np.argsort(-self.score, kind="stable")
        kept = np.unique(np.concatenate([order[:most], order[-most:]]))
        return AttributedRows(*(part[kept] for part in self))
