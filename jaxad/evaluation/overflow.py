"""Scores of rows that are so far from training that the score overflows."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Num

from jaxad.types import Windows

__all__ = ["CEILINGS", "rank_overflows"]

# Far enough below the largest number that a sum over many seeds stays finite.
CEILINGS = {np.dtype(np.float32): 1e30, np.dtype(np.float64): 1e300}


def rank_overflows(
    scores: Float[np.ndarray, "seeds n"],
    rows: Num[np.ndarray, "..."] | Windows,
    lead: int,
    valid: Bool[np.ndarray, "seeds n"],
    rescore: Callable[[Num[np.ndarray, "..."]], Float[np.ndarray, "seeds m"]],
) -> Float[np.ndarray, "seeds n"]:
    """Replace scores that overflowed by the largest scores there are.

    A score has overflowed if it is NaN or its absolute value reaches the ceiling of its type, and
    the row has a finite score once it is scaled down to entries of at most 1. It is then replaced
    by `ceiling * (1 + log(1 + m))`, where m is the largest absolute entry of the row. Such rows are
    thus ordered by m and lie above all other rows, and the score of a row does not depend on the
    rows beside it. If the row has no finite score when scaled down either, training diverged and
    the score is left as it is.

    Args:
        scores: Scores of the rows.
        rows: `(n, ...)` rows of all seeds, or `(seeds, n, ...)`; or a view of windows.
        lead: 1 if the rows have a seed axis in front, else 0.
        valid: Which scores belong to rows that are not padding.
        rescore: Computes the scores of `(m, ...)` or `(seeds, m, ...)` rows.

    Returns:
        The scores, of the same type.
    """
    if rows.dtype.kind != "f":
        return scores
    ceiling = CEILINGS[scores.dtype]
    bad = valid & ~(np.abs(scores) < ceiling)
    places = np.flatnonzero(bad.any(axis=0))
    if not len(places):
        return scores
    # Indexing copies only these rows of a view of windows, too.
    far = (np.take(rows, places, axis=lead) if lead else rows[places]).astype(np.float64)
    inner = tuple(range(lead + 1, far.ndim))
    largest = np.abs(far).max(axis=inner, keepdims=True)
    near = rescore((far / np.maximum(largest, 1)).astype(rows.dtype))
    levels = ceiling * (1 + np.log1p(largest.reshape(largest.shape[: lead + 1])))
    scores = scores.copy()
    replaced = bad[:, places] & np.isfinite(near)
    scores[:, places] = np.where(replaced, levels, scores[:, places])
    return scores
