"""Small synthetic data sets, drawn from a key."""

import numpy as np
from jaxtyping import Float

from jaxad.data.dataset import Dataset
from jaxad.data.rng import Stream
from jaxad.types import Key

__all__ = ["blobs", "monotone_sequences", "two_moons"]

# Differs from the stages of a split: with the same numbers and the same key, the part that a point
# falls into would depend on its place on a moon.
MOONS = 100


def monotone_sequences(
    key: Key | int = 0, n_normal: int = 1_000, n_anomaly: int = 1_000, length: int = 10
) -> Dataset:
    """Draw sequences in [0, 1]; increasing ones are normal, decreasing ones anomalous.

    Args:
        key: A typed key or an integer.
        n_normal: The number of increasing sequences.
        n_anomaly: The number of decreasing sequences.
        length: The number of points of a sequence.

    Returns:
        A table `(n_normal + n_anomaly, length)` of sorted uniform numbers, not scaled by default.

    References:
        The synthetic experiment of "Contradicting training" (IJCAI 2022).
    """
    x = np.sort(Stream(key).uniform(0, n_normal + n_anomaly, length), axis=1)
    x[n_normal:] = x[n_normal:, ::-1]
    return _build_dataset("monotone", x, n_normal, scaling="none")


def two_moons(
    key: Key | int = 0, n_normal: int = 1_000, n_anomaly: int = 200, noise: float = 0.1
) -> Dataset:
    """Draw points on a big and a small moon: interlocking half circles of radius 1 and 1/2.

    Args:
        key: A typed key or an integer.
        n_normal: The number of points on the moons, four fifths of them on the big one.
        n_anomaly: The number of anomalies, uniform in the box [-2, 3] x [-2, 2].
        noise: The standard deviation of the Gaussian noise on each coordinate, >= 0.

    Returns:
        A table `(n_normal + n_anomaly, 2)`.

    References:
        The toy example of Ruff, "Deep one-class learning" (2021), chapters 2 and 4.
    """
    stream = Stream(key)
    big = 4 * n_normal // 5
    angle = np.pi * stream.uniform(MOONS, n_normal)
    moons = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    moons[big:] = [1.0, 0.25] - moons[big:] / 2
    moons += noise * stream.normal(MOONS + 1, n_normal, 2)
    box = [-2.0, -2.0] + stream.uniform(MOONS + 2, n_anomaly, 2) * [5.0, 4.0]
    return _build_dataset("two_moons", np.concatenate([moons, box]), n_normal)


def blobs(
    key: Key | int = 0,
    n_normal: int = 500,
    n_anomaly: int = 100,
    features: int = 2,
    centres: int = 3,
) -> Dataset:
    """Draw normal rows from Gaussian blobs, and anomalies uniformly around them.

    Args:
        key: A typed key or an integer.
        n_normal: The number of normal rows.
        n_anomaly: The number of anomalies, uniform in [-10, 10].
        features: The number of columns.
        centres: The number of blobs, each of standard deviation 1/2, with centres in [-5, 5].

    Returns:
        A table `(n_normal + n_anomaly, features)`.
    """
    stream = Stream(key)
    centre = 10.0 * stream.uniform(0, centres, features) - 5.0
    inliers = centre[stream.choice(1, centres, n_normal)] + stream.normal(2, n_normal, features) / 2
    around = 20.0 * stream.uniform(3, n_anomaly, features) - 10.0
    return _build_dataset("blobs", np.concatenate([inliers, around]), n_normal)


def _build_dataset(
    name: str, x: Float[np.ndarray, "n d"], n_normal: int, scaling: str | None = None
) -> Dataset:
    """Build a data set whose first `n_normal` rows are normal and the others anomalies."""
    y = (np.arange(len(x)) >= n_normal).astype(np.int64)
    return Dataset(name, x, y, anomaly=True, scaling=scaling)
