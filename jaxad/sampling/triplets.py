"""A sampler of triplets: two rows that are likely normal, and one that is likely an anomaly.

How likely is estimated once, before training, from distances to the nearest rows of random subsets.

References:
    Pang et al. 2018, Learning representations of ultrahigh-dimensional data for random
    distance-based outlier detection (REPEN).
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt32

from jaxad.sampling.permutation import ROUNDS, permute
from jaxad.types import Key, Leaf, TrainData

__all__ = ["SUBSETS", "SUBSET_SIZE", "Candidates", "Triplets", "nearest_in_subsets"]

SUBSETS, SUBSET_SIZE = 50, 8
_DEVIATIONS = 1.73  # at most a quarter of any distribution lies further above its mean
_MANY = 2**30  # a power of two, so that `permute` scrambles each number only once
_BLOCK = 2048


class Candidates(NamedTuple):
    """Three distributions over the rows, each as cumulative sums that end at 1."""

    anchors: Float[Leaf, "n"]
    positives: Float[Leaf, "n"]
    negatives: Float[Leaf, "n"]


@partial(jax.tree_util.register_dataclass, data_fields=["steps"], meta_fields=["batch_size"])
@dataclass(frozen=True)
class Triplets:
    """A sampler of triplets (anchor, positive, negative), all drawn with replacement.

    Rows are scored by their mean distance to the nearest rows of random subsets. Rows more than
    1.73 standard deviations above the mean score are candidates for anomalies, and so is the row
    with the highest score. Anchors are drawn from the other rows, more often the lower their score;
    positives uniformly from the same rows; negatives from the candidates, more often the higher
    their score. If there are labelled anomalies, they are the negatives instead, all equally often.
    Labelled normal rows are never candidates.

    Attributes:
        batch_size: Triplets in a batch, >= 1.
        steps: Batches in an epoch, >= 1.
    """

    batch_size: int
    steps: int

    def init(self, data: TrainData) -> Candidates:
        """Compute the three distributions, which depend on the data alone."""
        label, x = np.asarray(data.label), np.asarray(data.x)
        if label.ndim == 1:
            return _candidates(x, label, int(data.count))
        made = [_candidates(*one) for one in zip(x, label, np.asarray(data.count), strict=True)]
        return Candidates(*map(np.stack, zip(*made, strict=True)))

    def shuffle(self, key: Key) -> UInt32[Array, "3 rounds 2"]:
        """Draw the constants of three streams of numbers."""
        return jax.random.bits(key, (3, ROUNDS, 2), jnp.uint32)

    def draw(self, table: Candidates, order: Array, step: Int[Array, ""]) -> Int[Array, "b 3"]:
        """Draw the triplets of one batch, `(batch_size, 3)` rows."""
        position = step * self.batch_size + jnp.arange(self.batch_size)
        index = [
            jnp.searchsorted(up_to, (permute(constants, _MANY, position) + 0.5) / _MANY)
            for up_to, constants in zip(table, order, strict=True)
        ]
        return jnp.stack(index, axis=1)

    def steps_per_epoch(self, data: TrainData) -> np.ndarray:
        """Return the fixed number of batches for each seed."""
        return np.full(np.shape(data.count), self.steps)


def _candidates(x: np.ndarray, label: np.ndarray, count: int) -> Candidates:
    """Compute the distributions of one split."""
    n, x, label = len(label), x[:count].reshape(count, -1), label[:count]
    if x.dtype.kind != "f":
        x = x.astype(np.float32)
    unknown = np.flatnonzero(label >= 0)
    score = _initial_scores(x, unknown)
    high = score[unknown].mean() + _DEVIATIONS * score[unknown].std()
    suspect = (label == 0) & (score > high)
    if not suspect.any():
        suspect[unknown[np.argmax(np.where(label[unknown] == 0, score[unknown], -1))]] = True
    inlier = (label >= 0) & ~suspect
    weights = [
        np.where(inlier, score[inlier].max(initial=0) - score, 0),
        inlier.astype(float),
        np.where(suspect, score, 0),
    ]
    if (label < 0).any():
        weights[2] = (label < 0).astype(float)
    fallbacks = [inlier, inlier, suspect]
    return Candidates(*(_running(w, f, n) for w, f in zip(weights, fallbacks, strict=True)))


def _running(weight: np.ndarray, among: np.ndarray, n: int) -> np.ndarray:
    """Return cumulative probabilities, `(n,)`; uniform ones if all weights are 0."""
    weight = weight if weight.sum() > 0 else among.astype(float)
    up_to = np.cumsum(weight) / weight.sum()
    # Rows after the last one with a weight are at exactly 1, so that they are never drawn.
    up_to[np.flatnonzero(weight)[-1] :] = 1.0
    return np.concatenate([up_to, np.ones(n - len(up_to))]).astype(np.float32)


def _initial_scores(x: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Score every row by subsets of `among`; a row is not its own neighbour."""
    rng = np.random.default_rng(0)
    size = min(SUBSET_SIZE, len(among) - 1)
    chosen = np.stack([rng.choice(among, size, replace=False) for _ in range(SUBSETS)])
    known, score = x[chosen.reshape(-1)], np.empty(len(x))
    for start in range(0, len(x), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(x)))
        square = _square_distances(x[rows], known)
        square[np.arange(rows.start, rows.stop)[:, None] == chosen.reshape(-1)] = np.inf
        nearest = square.reshape(-1, SUBSETS, size).min(axis=2)
        some = np.isfinite(nearest)
        score[rows] = np.sqrt(np.where(some, nearest, 0)).sum(1) / np.maximum(some.sum(1), 1)
    return score


def _square_distances(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    x, known = x.astype(float), known.astype(float)
    square = np.sum(x**2, 1)[:, None] + np.sum(known**2, 1) - 2 * x @ known.T
    return np.maximum(square, 0)


def nearest_in_subsets(
    points: Float[Array, "b k"], known: Float[Array, "m k"], size: int = SUBSET_SIZE
) -> Float[Array, "b"]:
    """Compute each point's distance to the nearest row of a subset, averaged over subsets.

    Args:
        points: `(b, k)` points.
        known: `(m, k)` subsets of `size` rows each, one after the other.
        size: Rows in a subset; a divisor of m.

    Returns:
        `(b,)` mean distances.
    """
    square = sum(((a[:, None] - b) ** 2 for a, b in zip(points.T, known.T, strict=True)), 0.0)
    nearest = jnp.min(jnp.asarray(square).reshape(len(points), -1, size), axis=2)
    return jnp.mean(jnp.sqrt(nearest), axis=1)
