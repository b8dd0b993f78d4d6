"""Detectors that add up how rare each value of a row is in its column.

References:
    Li et al. 2022, ECOD: Unsupervised outlier detection using empirical cumulative distribution
    functions; Li et al. 2020, COPOD: Copula-based outlier detection; Goldstein and Dengel 2012,
    Histogram-based outlier score (HBOS).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register

__all__ = ["Bins", "ColumnHistograms", "TailProbabilities", "Tails", "fit_histograms"]


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
        edges: The edges of the bins of each column, `(bins + 1, d)`.
        heights: The binary logarithms of the densities, `(bins, d)`.
        tolerance: How far outside the outermost bins, in widths of a bin, a value still counts as
            in them. Values farther away count as in the bin of the lowest density.
    """

    edges: Float[np.ndarray, "edges d"]
    heights: Float[np.ndarray, "bins d"]
    tolerance: float

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return self.terms(rows).sum(axis=1)

    def terms(self, rows: np.ndarray) -> np.ndarray:
        """Return the part of each column in the scores, `(m, d)`."""
        parts = []
        for values, edges, heights in zip(rows.T, self.edges.T, self.heights.T, strict=True):
            # As np.histogram counts: bins hold their lower edge, and the last one its upper edge.
            place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(heights) - 1)
            below = edges[0] - values > self.tolerance * (edges[1] - edges[0])
            above = values - edges[-1] > self.tolerance * (edges[-1] - edges[-2])
            parts.append(-np.where(below | above, heights.min(), heights[place]))
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

    The density of each column is a histogram with bins of equal width.
    """

    def train(x, label, seed):
        return fit_histograms(x[label >= 0], config)

    return HostDetector(train, score_type=ColumnHistograms)


def fit_histograms(x: Float[np.ndarray, "n d"], config: Bins | None = None) -> ColumnHistograms:
    """Fit a histogram to each column of rows, by default with the settings of `hbos`."""
    config = config or Bins()
    found = [_fit_histogram(column, config.bins) for column in x.T]
    density, edges = (np.stack(arrays, axis=1) for arrays in zip(*found, strict=True))
    return ColumnHistograms(edges, np.log2(density + config.alpha), config.tolerance)


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
    try:
        return np.histogram(column, bins, density=True)
    except ValueError:  # its range is too small for as many bins in floating point
        middle = float(column.mean())
        return np.histogram(column, bins, (middle - 0.5, middle + 0.5), density=True)
