"""Detectors that add up how rare each value of a row is in its column.

References:
    Li et al. 2022, ECOD: Unsupervised outlier detection using empirical cumulative distribution
    functions; Li et al. 2020, COPOD: Copula-based outlier detection; Goldstein and Dengel 2012,
    Histogram-based outlier score (HBOS).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register

__all__ = ["Bins", "ColumnHistograms", "TailProbabilities", "Tails", "fit_histograms"]

_ON_EDGE = 1e-4  # of the width of a bin: how far below an edge a value counts as on it
_SAME = 1e-3  # how far from the only value of a column a value counts as equal
_ROUNDED = 1e-6  # the same as a share of that value


@dataclass(frozen=True, kw_only=True)
class Tails(CheckedConfig):
    """Settings of ECOD and COPOD, which have none."""

    def __post_init__(self):
        pass


@dataclass(frozen=True, kw_only=True)
class Bins(CheckedConfig):
    """Settings of the histogram-based outlier score.

    Attributes:
        bins: Number of bins of equal width in each column, >= 2.
        alpha: Number that is added to the density of each bin, so that empty bins have a finite
            score, in (0, 1).
        tolerance: How far outside the outermost bins, in widths of a bin, a value still counts as
            in them, in [0, 1].
    """

    bins: int = 10
    alpha: float = 0.1
    tolerance: float = 0.5

    def __post_init__(self):
        self._need(is_count(self.bins, 2), "bins", "a whole number of at least 2")
        self._need(is_number(self.alpha) and 0 < self.alpha < 1, "alpha", "in (0, 1)")
        within = is_number(self.tolerance) and 0 <= self.tolerance <= 1
        self._need(within, "tolerance", "in [0, 1]")


@dataclass(frozen=True)
class TailProbabilities:
    """Sum over columns of the negative logarithms of tail probabilities, as a score.

    The tail probabilities of a value are the shares of values that are at most, and at least, as
    large, among those of the training rows and the value itself.

    Attributes:
        columns: The values of each column of the training rows in increasing order, `(n, d)`.
        skewness: The skewness of each column, `(d,)`; 0 for a constant column.
        copula: Whether the two tails of a column count by their mean, as in COPOD, instead of by
            the larger one, as in ECOD, where that is more than the tail on the side of the skew.
    """

    columns: Float[np.ndarray, "n d"]
    skewness: Float[np.ndarray, "d"]
    copula: bool

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return self.terms(rows).sum(axis=1)

    def terms(self, rows: np.ndarray) -> np.ndarray:
        """Return the part of each column in the scores, `(m, d)`."""
        n, parts = len(self.columns), []
        for values, column, skew in zip(rows.T, self.columns.T, self.skewness, strict=True):
            left = np.searchsorted(column, values, side="right")
            right = n - np.searchsorted(column, values, side="left")
            low, high = (-np.log((count + 1) / (n + 1)) for count in (left, right))
            by_skew = (skew <= 0) * low + (skew >= 0) * high
            both = (low + high) / 2 if self.copula else np.maximum(low, high)
            parts.append(np.maximum(by_skew, both))
        return np.stack(parts, axis=1)


@dataclass(frozen=True)
class ColumnHistograms:
    """Minus the sum over columns of the logarithms of densities by histograms, as a score.

    Attributes:
        edges: The edges of the bins of each column, all of one width, `(bins + 1, d)`.
        heights: The binary logarithms of the densities, `(bins, d)`.
        tolerance: How far outside the outermost bins, in widths of a bin, a value still counts as
            in them. Values farther away count as in an empty bin.
        empty: The binary logarithm of the density of an empty bin; None in detectors saved before
            version 0.3, where such values have the lowest density of their column.
    """

    edges: Float[np.ndarray, "edges d"]
    heights: Float[np.ndarray, "bins d"]
    tolerance: float
    empty: float | None = None

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return self.terms(rows).sum(axis=1)

    def terms(self, rows: np.ndarray) -> np.ndarray:
        """Return the part of each column in the scores, `(m, d)`."""
        parts = []
        for values, edges, heights in zip(rows.T, self.edges.T, self.heights.T, strict=True):
            far = self.tolerance * (edges[1] - edges[0])
            outside = (values < edges[0] - far) | (values > edges[-1] + far)
            empty = heights.min() if self.empty is None else self.empty
            parts.append(-np.where(outside, empty, heights[_find_bins(values, edges)]))
        return np.stack(parts, axis=1)


@register("ecod", Tails, uses_labels=False, host=True)
def build_ecod(config: Tails, spec: Spec) -> HostDetector:
    """ECOD; the score adds up the logarithms of the tail probabilities of a row's values.

    In each column it is the largest of: the left tail, the right tail, and the one on the side of
    the longer tail of the column by its skewness. There is nothing to tune.
    """
    return _build_tails(False)


@register("copod", Tails, uses_labels=False, host=True)
def build_copod(config: Tails, spec: Spec) -> HostDetector:
    """COPOD; the score adds up the logarithms of tail probabilities by an empirical copula.

    In each column it is the larger of: the mean of the left and the right tail, and the one on the
    side of the longer tail of the column by its skewness. There is nothing to tune.
    """
    return _build_tails(True)


@register("hbos", Bins, uses_labels=False, host=True)
def build_hbos(config: Bins, spec: Spec) -> HostDetector:
    """HBOS; the score adds up the negative logarithms of the densities of a row's values.

    The density of each column is a histogram with bins of equal width. A value outside of it counts
    as in an empty bin, and so does any other value of a column in which all rows have one value.
    """

    def train(x, label, seed):
        return fit_histograms(x[label >= 0], config)

    return HostDetector(train, score_type=ColumnHistograms)


def fit_histograms(x: Float[np.ndarray, "n d"], config: Bins | None = None) -> ColumnHistograms:
    """Fit a histogram to each column of rows, by default with the settings of `hbos`."""
    config = config or Bins()
    found = [_fit_histogram(column, config.bins) for column in x.T]
    density, edges = (np.stack(arrays, axis=1) for arrays in zip(*found, strict=True))
    empty = float(np.log2(config.alpha))
    return ColumnHistograms(edges, np.log2(density + config.alpha), config.tolerance, empty)


def _build_tails(copula: bool) -> HostDetector:
    def train(x, label, seed):
        return _fit_tails(x[label >= 0], copula)

    return HostDetector(train, score_type=TailProbabilities)


def _fit_tails(x: Float[np.ndarray, "n d"], copula: bool) -> TailProbabilities:
    centred = x - x.mean(axis=0)
    constant = (x == x[0]).all(axis=0)
    spread = np.where(constant, 1, np.sqrt(np.mean(centred**2, axis=0)))
    skewness = np.where(constant, 0.0, np.mean((centred / spread) ** 3, axis=0))
    return TailProbabilities(np.sort(x, axis=0), skewness, copula)


def _fit_histogram(
    column: Float[np.ndarray, "n"], bins: int
) -> tuple[Float[np.ndarray, "bins"], Float[np.ndarray, "edges"]]:
    """Return the densities and the edges of the bins of a column."""
    low, high = float(column.min()), float(column.max())
    if high - low > 4 * bins * np.spacing(max(abs(low), abs(high))):
        edges = np.linspace(low, high, bins + 1)
        counts = np.bincount(_find_bins(column, edges), minlength=bins)
        return counts / (len(column) * (edges[1] - edges[0])), edges
    # All rows have one value: narrow bins, of which the middle one holds it and what is rounded to
    # it. Its density is that of bins which divide a unit.
    width = 2 * max(_SAME, _ROUNDED * abs(low))
    edges = low + width * (np.arange(bins + 1) - bins // 2 - 0.5)
    return bins * (np.arange(bins) == bins // 2).astype(float), edges


def _find_bins(
    values: Float[np.ndarray, "m"], edges: Float[np.ndarray, "edges"]
) -> Int[np.ndarray, "m"]:
    """Return the bins of values; values outside count as in the outermost ones.

    A bin begins a little below its lower edge: whole numbers are often on edges, and stay in one
    bin when they are rounded.
    """
    place = (values - edges[0]) / (edges[1] - edges[0]) + _ON_EDGE
    return np.clip(place, 0, len(edges) - 2).astype(int)
