"""Detectors by the distances to the nearest training rows.

References:
    Ramaswamy, Rastogi and Shim 2000, Efficient algorithms for mining outliers from large data sets;
    Angiulli and Pizzuti 2002, Fast outlier detection in high dimensional spaces; Livernoche et al.
    2024, On diffusion modeling for anomaly detection.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig
from jaxad.detectors.config import is_count
from jaxad.detectors.registry import Spec, register

__all__ = ["DiffusionTime", "DiffusionVariance", "NearestNeighbours", "NeighbourDistance"]

Statistic = Literal["largest", "mean", "median"]
_STATISTICS = {
    "largest": lambda distances: distances[:, -1],
    "mean": lambda distances: distances.mean(axis=1),
    "median": lambda distances: np.median(distances, axis=1),
}
_SPARE = 8  # further candidates, as those found in float32 may be in another order
_ROWS = 512  # rows that are searched for at once
_ENTRIES = 2**23  # entries of a matrix of distances: 32 MB
_FEW_COLUMNS = 8  # for which differences are computed instead of a product: there is no rounding
_FAR = 1e6  # distance from which on all neighbours of a row are equally far in float32


@dataclass(frozen=True, kw_only=True)
class NearestNeighbours(CheckedConfig):
    """Settings of the distance to nearest neighbours.

    Attributes:
        neighbours: Number of neighbours, >= 1; reduced to the number of training rows minus 1 if
            there are fewer rows.
        statistic: The score: the "largest", "mean" or "median" of the distances to the neighbours.
    """

    neighbours: int = 5
    statistic: Statistic = "largest"

    def __post_init__(self):
        self._need(is_count(self.neighbours, 1), "neighbours", "a whole number of at least 1")
        known = ", ".join(map(repr, _STATISTICS))
        self._need(self.statistic in _STATISTICS, "statistic", f"one of {known}")


@dataclass(frozen=True, kw_only=True)
class DiffusionTime(CheckedConfig):
    """Settings of the non-parametric estimate of diffusion time.

    Attributes:
        neighbours: Number of neighbours, >= 1; reduced to the number of training rows minus 1 if
            there are fewer rows.
    """

    neighbours: int = 5

    def __post_init__(self):
        self._need(is_count(self.neighbours, 1), "neighbours", "a whole number of at least 1")


@dataclass(frozen=True)
class NeighbourDistance:
    """Statistic of the distances to the nearest training rows as a score.

    A row that equals a training row is taken to be that row, and is not its own neighbour. Further
    copies of it in the training data are neighbours at distance 0.

    Attributes:
        points: The training rows, `(n, d)`.
        neighbours: The number of neighbours, < n.
        statistic: The statistic: "largest", "mean" or "median".
    """

    points: Float[np.ndarray, "n d"]
    neighbours: int
    statistic: str

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        distances, _ = find_neighbours(rows, self.points, self.neighbours)
        return _STATISTICS[self.statistic](distances)

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """Return the gradients of the scores with respect to `(m, d)` rows."""
        units, k = _find_directions(rows, self.points, self.neighbours)[0], self.neighbours
        if self.statistic == "largest":
            return units[:, -1]
        if self.statistic == "mean":
            return units.mean(axis=1)
        return (units[:, (k - 1) // 2] + units[:, k // 2]) / 2


@dataclass(frozen=True)
class DiffusionVariance:
    """Estimate of the variance of the noise that was added to a row, as a score.

    Attributes:
        points: The training rows, `(n, d)`.
        neighbours: The number of neighbours, < n.
    """

    points: Float[np.ndarray, "n d"]
    neighbours: int

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        distances, _ = find_neighbours(rows, self.points, self.neighbours)
        return distances.mean(axis=1) ** 2 / self.points.shape[1]

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """Return the gradients of the scores with respect to `(m, d)` rows."""
        units, distances = _find_directions(rows, self.points, self.neighbours)
        mean = distances.mean(axis=1, keepdims=True)
        return 2 * mean * units.mean(axis=1) / self.points.shape[1]


@register("knn", NearestNeighbours, uses_labels=False, host=True)
def build_knn(config: NearestNeighbours, spec: Spec) -> HostDetector:
    """Nearest neighbours; the score is the distance to the k-th nearest training row.

    It is the mean or the median of the distances to the k nearest rows if the setting `statistic`
    says so. A training row is not its own neighbour.
    """

    def train(x, label, seed):
        x = x[label >= 0]
        return NeighbourDistance(x, min(config.neighbours, len(x) - 1), config.statistic)

    return HostDetector(train, score_type=NeighbourDistance)


@register("dte_np", DiffusionTime, uses_labels=False, host=True)
def build_dte_np(config: DiffusionTime, spec: Spec) -> HostDetector:
    """Diffusion time by nearest neighbours; the score is the estimated variance of added noise.

    If a row is a training row u plus Gaussian noise, its variance has, given the row x, an inverse
    gamma distribution with shape d / 2 - 1 and scale ||x - u||^2 / 2, whose mode is
    ||x - u||^2 / d. The distance to u is estimated by the mean distance to the k nearest training
    rows. The order of rows is that of `knn` with the mean distance.
    """

    def train(x, label, seed):
        x = x[label >= 0]
        return DiffusionVariance(x, min(config.neighbours, len(x) - 1))

    return HostDetector(train, score_type=DiffusionVariance)


def find_neighbours(
    rows: Float[np.ndarray, "m d"], points: Float[np.ndarray, "n d"], neighbours: int
) -> tuple[Float[np.ndarray, "m k"], Int[np.ndarray, "m k"]]:
    """Find the nearest points of rows by Euclidean distance.

    Candidates are found in float32 on the default device, some rows at a time, and their distances
    computed in float64. Where float32 cannot tell which points are near, such as in a tight cluster
    far from all others, the search is repeated in float64. A row that equals a point is not its own
    neighbour.

    Args:
        rows: The rows.
        points: The points.
        neighbours: The number k of neighbours, 1 <= k < n.

    Returns:
        The distances in increasing order, and the indices of the points.
    """
    n, d = points.shape
    count = min(neighbours + 1 + _SPARE, n)
    centre = points.mean(axis=0)
    size = float(np.abs(points - centre).max()) or 1.0
    scaled = (points - centre) / size
    small = jnp.asarray(scaled, jnp.float32)
    norms = jnp.sum(small**2, axis=1)
    reach = np.sqrt(np.max(np.sum(scaled**2, axis=1)))
    block = max(1, min(_ROWS, _ENTRIES // (n * (d if d <= _FEW_COLUMNS else 1))))
    distances = np.empty((len(rows), neighbours))
    indices = np.empty((len(rows), neighbours), int)
    for start in range(0, len(rows), block):
        some = rows[start : start + block]
        near = (some - centre) / size
        norm = np.linalg.norm(near, axis=1)
        near = near / np.maximum(norm / _FAR, 1)[:, None]
        padded = np.zeros((block, d), np.float32)
        padded[: len(some)] = near
        found, places = _search(padded, small, norms, count)
        places = np.array(places)[: len(some)]
        squares = _measure(some, points, places)
        if count < n:
            # All other points are at least this far, but for what was lost to rounding.
            last = np.asarray(found, np.float64)[: len(some), -1]
            error = _bound_errors(np.minimum(norm, _FAR) + reach, last, d)
            kth = np.partition(squares, neighbours, axis=1)[:, neighbours] / size**2
            known = (kth <= last - error) | (2 * error <= 1e-3 * kth) | (kth == 0)
            certain = known | (norm > _FAR)
            for i in np.flatnonzero(~certain):
                others = _measure(some[i : i + 1], points, np.arange(n)[None])[0]
                places[i] = np.argpartition(others, count - 1)[:count]
                squares[i] = others[places[i]]
        order = np.argsort(squares, axis=1, kind="stable")
        squares = np.take_along_axis(squares, order, axis=1)
        places = np.take_along_axis(places, order, axis=1)
        columns = np.arange(neighbours) + (squares[:, :1] == 0)
        part = slice(start, start + len(some))
        distances[part] = np.sqrt(np.take_along_axis(squares, columns, axis=1))
        indices[part] = np.take_along_axis(places, columns, axis=1)
    return distances, indices


def _find_directions(
    rows: Float[np.ndarray, "m d"], points: Float[np.ndarray, "n d"], neighbours: int
) -> tuple[Float[np.ndarray, "m k d"], Float[np.ndarray, "m k"]]:
    """Return the unit vectors from the nearest points to each row, and the distances."""
    distances, places = find_neighbours(rows, points, neighbours)
    length = np.where(distances > 0, distances, 1)[..., None]
    return (rows[:, None] - points[places]) / length, distances


@partial(jax.jit, static_argnums=3)
def _search(
    rows: Float[Array, "m d"], points: Float[Array, "n d"], norms: Float[Array, "n"], count: int
) -> tuple[Float[Array, "m k"], Int[Array, "m k"]]:
    """Return the smallest squared distances of rows to points, and the indices of those points."""
    if rows.shape[1] <= _FEW_COLUMNS:
        squares = jnp.sum((rows[:, None] - points) ** 2, axis=-1)
        values, places = jax.lax.top_k(-squares, count)
        return -values, places
    product = jnp.matmul(rows, points.T, precision=jax.lax.Precision.HIGHEST)
    values, places = jax.lax.top_k(2 * product - norms, count)
    return jnp.sum(rows**2, axis=1, keepdims=True) - values, places


def _bound_errors(
    reach: Float[np.ndarray, "m"], squares: Float[np.ndarray, "m"], d: int
) -> Float[np.ndarray, "m"]:
    """Return how far squared distances in float32 may be off.

    Args:
        reach: The norm of each row plus the largest norm of the points.
        squares: The squared distances.
        d: The number of columns.
    """
    eps = np.finfo(np.float32).eps
    if d > _FEW_COLUMNS:
        return (d + 4) * eps * reach**2
    shift = 2 * eps * reach  # of a difference, by rounding both of its terms
    return 2 * shift * np.sqrt(np.abs(squares)) + shift**2 + (d + 4) * eps * np.abs(squares)


def _measure(
    rows: Float[np.ndarray, "m d"], points: Float[np.ndarray, "n d"], places: Int[np.ndarray, "m k"]
) -> Float[np.ndarray, "m k"]:
    """Return the squared distances of each row to some points in float64."""
    return np.sum((rows[:, None] - points[places]) ** 2, axis=-1)
