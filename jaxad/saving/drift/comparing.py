"""Tests for drift: alarms, scores, and the values and gaps of columns, with Holm's correction."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxad.saving.drift.gathering import GatheredColumn
from jaxad.saving.drift.report import DriftTest

__all__ = [
    "adjust_by_holm",
    "compare_alarms",
    "compare_column",
    "compare_scores",
    "compute_interval",
]

MARGIN = 0.1  # of the distance between the distribution of training scores and that of new ones
FACTOR = 2  # of the share of alarms, likewise


def compare_alarms(
    count: int, rows: int, compared: Float[np.ndarray, "m"], limit: float, held_out: bool
) -> DriftTest:
    """Test the number of alarms among new rows.

    If the new rows are like those of the reference, of which k - 1 of m lie above the threshold,
    the share of alarms is distributed as Beta(k, m + 1 - k), because the threshold itself is chosen
    by a sample; the number of alarms is then beta-binomial.
    """
    from scipy.stats import betabinom

    m, k = len(compared), min(int((compared > limit).sum()) + 1, len(compared))
    if not held_out:
        k = min(FACTOR * k, m)
    law = betabinom(rows, k, m + 1 - k)
    high = float(law.sf(count - 1))
    p_value = min(1.0, 2 * min(high, float(law.cdf(count)))) if held_out else min(high, 1.0)
    return DriftTest("alarm rate", None, "beta-binomial", count / rows, p_value)


def compare_scores(
    scores: Float[np.ndarray, "n"], compared: Float[np.ndarray, "m"], held_out: bool
) -> DriftTest:
    """Test whether new scores are distributed as those of the reference."""
    distance, p_value = _kolmogorov_smirnov(scores, compared, 0.0 if held_out else MARGIN)
    return DriftTest("scores", None, "Kolmogorov-Smirnov", distance, p_value)


def compare_column(one: GatheredColumn) -> Iterator[DriftTest]:
    """Yield the tests of the values of a column and of its gaps."""
    profile, name = one.profile, one.profile.name
    values = one.sample.cut()
    if profile.kind == "number" and len(values) and len(profile.sample):
        distance, p_value = _kolmogorov_smirnov(values, profile.sample)
        yield DriftTest("values", name, "Kolmogorov-Smirnov", distance, p_value)
    if profile.kind == "category" and one.counts and profile.counts:
        statistic, p_value = _chi_squared(one)
        yield DriftTest("values", name, "chi-squared", statistic, p_value)
    new, old = one.gaps, profile.gaps
    if new or old:
        from scipy.stats import fisher_exact

        found: Any = fisher_exact([[new, one.rows - new], [old, profile.rows - old]])
        yield DriftTest("gaps", name, "Fisher's exact", new / max(one.rows, 1), float(found.pvalue))


def _kolmogorov_smirnov(
    a: Float[np.ndarray, "n"], b: Float[np.ndarray, "m"], margin: float = 0.0
) -> tuple[float, float]:
    """Return the largest distance between two distribution functions, and its p-value.

    Args:
        a: The numbers of one sample.
        b: Those of the other.
        margin: The distance that the two distributions may have.
    """
    from scipy.stats import ks_2samp, kstwo

    found: Any = ks_2samp(a, b, method="asymp")
    distance = float(found.statistic)
    effective = max(round(len(a) * len(b) / (len(a) + len(b))), 1)
    return distance, float(np.clip(kstwo.sf(max(distance - margin, 0.0), effective), 0.0, 1.0))


def _chi_squared(one: GatheredColumn) -> tuple[float, float]:
    """Test whether categories are as frequent as in training.

    Categories with fewer than 5 expected rows are pooled; those that are not stored count as one.
    """
    from scipy.stats import chi2_contingency

    profile = one.profile
    old = dict(zip(profile.categories, profile.counts, strict=True))
    names = sorted(old.keys() | one.counts.keys())
    table = np.array([[old.get(n, 0) for n in names], [one.counts.get(n, 0) for n in names]], float)
    rest = profile.rows - profile.gaps - sum(profile.counts)
    if rest:
        unseen = [name not in old for name in names]
        pooled = table[:, unseen].sum(axis=1) + np.array([rest, 0])
        table = np.column_stack([table[:, np.logical_not(unseen)], pooled])
    table = table[:, np.argsort(-table.sum(axis=0))]
    while table.shape[1] > 1:
        expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
        if expected[-1] >= 5:
            break
        table = np.column_stack([table[:, :-2], table[:, -2] + table[:, -1]])
        table = table[:, np.argsort(-table.sum(axis=0))]
    if table.shape[1] < 2:
        return 0.0, 1.0
    found: Any = chi2_contingency(table, correction=False)
    return float(found.statistic), float(found.pvalue)


def adjust_by_holm(p: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    """Return p-values with Holm's correction for k tests.

    References:
        Holm 1979, A simple sequentially rejective multiple test procedure.

    Example:
        >>> adjust_by_holm(np.array([0.01, 0.04, 0.02])).round(3)
        array([0.03, 0.04, 0.04])
    """
    order = np.argsort(p)
    factors = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1.0)
    return adjusted


def compute_interval(count: int, rows: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share."""
    from scipy.stats import beta

    low = beta.ppf(0.025, count, rows - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, rows - count) if count < rows else 1.0
    return float(low), float(high)
