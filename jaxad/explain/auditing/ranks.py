"""Ranks of rows by suspicion."""

import numpy as np
from jaxtyping import Float, Int

__all__ = ["average_ranks", "sort_descending"]


def sort_descending(values: Float[np.ndarray, "n"]) -> Int[np.ndarray, "m"]:
    """Return the places of values in descending order, stable among equals, without NaN."""
    return np.argsort(-values, kind="stable")[: np.count_nonzero(~np.isnan(values))]


def average_ranks(suspicion: Float[np.ndarray, "seeds n"]) -> Float[np.ndarray, "n"]:
    """Return the mean over seeds of each row's rank among the rows that are not NaN, in [0, 1]."""
    known = ~np.isnan(suspicion[0])
    among = suspicion[:, known]
    _, equal = zip(*(np.unique(s, return_inverse=True) for s in among), strict=True)
    places = []
    for group in equal:
        size = np.bincount(group)
        places.append((np.cumsum(size) - (size + 1) / 2)[group])  # equal values share their ranks
    out = np.full(suspicion.shape[1], np.nan)
    out[known] = np.mean(places, axis=0) / max(among.shape[1] - 1, 1)
    return out
