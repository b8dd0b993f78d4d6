"""Whether detectors differ over data sets: ranks, Friedman's test, Nemenyi's critical difference.

References:
    Demsar 2006, Statistical comparisons of classifiers over multiple data sets.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxad.errors import DataError

__all__ = ["Comparison", "compare_detectors", "compute_ranks", "wilcoxon_holm"]


class Comparison(NamedTuple):
    """A comparison of detectors over data sets.

    Attributes:
        mean_ranks: `(k,)` mean rank of each detector, 1 is the best.
        p_value: Of Friedman's test, whose null hypothesis is that all are equally good.
        critical_difference: Of Nemenyi's test at 5 %: mean ranks that differ by less do not differ
            significantly.
    """

    mean_ranks: Float[np.ndarray, "k"]
    p_value: float
    critical_difference: float


def compute_ranks(values: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """Compute the rank of each detector on each data set, 1 for the highest value.

    Ties get the mean of their ranks.
    """
    above = (values[:, None, :] > values[:, :, None]).sum(2)
    ties = (values[:, None, :] == values[:, :, None]).sum(2)
    return above + (ties + 1) / 2


def compare_detectors(values: Float[np.ndarray, "n k"]) -> Comparison:
    """Compute Friedman's test and Nemenyi's critical difference.

    Args:
        values: A metric of k detectors (columns) on n data sets (rows); higher is better.

    Raises:
        DataError: Fewer than 3 detectors or 2 data sets, or a value that is not finite.
    """
    from scipy.stats import friedmanchisquare, studentized_range

    n, k = values.shape
    if k < 3 or n < 2 or not np.isfinite(values).all():
        raise DataError(
            f"at least 3 detectors and 2 data sets with a value each are compared; given {k} "
            f"detectors, {n} data sets and {int((~np.isfinite(values)).sum())} missing values"
        )
    mean_ranks = compute_ranks(values).mean(axis=0)
    # With every rank tied there is nothing to test.
    p_value = 1.0 if np.ptp(values, axis=1).max() == 0 else friedmanchisquare(*values.T).pvalue
    q = studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2)
    return Comparison(mean_ranks, float(p_value), float(q * np.sqrt(k * (k + 1) / (6 * n))))


def wilcoxon_holm(values: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "k k"]:
    """Compute p-values of all pairs by Wilcoxon's signed-rank test with Holm's correction.

    Returns:
        `(k, k)` p-values, 1 on the diagonal.

    Args:
        values: As for `compare_detectors`.
    """
    from scipy.stats import wilcoxon

    k = values.shape[1]
    pairs = [(i, j) for i in range(k) for j in range(i)]
    raw = [_p_value(wilcoxon, values[:, i] - values[:, j]) for i, j in pairs]
    corrected, largest = np.ones((k, k)), 0.0
    for done, at in enumerate(np.argsort(raw)):
        largest = max(largest, min(1.0, raw[at] * (len(pairs) - done)))
        i, j = pairs[at]
        corrected[i, j] = corrected[j, i] = largest
    return corrected


def _p_value(test: Callable, differences: Float[np.ndarray, "n"]) -> float:
    """Return the p-value of a paired test; 1 where nothing differs."""
    return 1.0 if not differences.any() else float(test(differences).pvalue)
