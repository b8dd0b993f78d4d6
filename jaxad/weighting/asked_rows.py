"""The share of anomalies among training rows, from a few rows that were asked for.

References:
    Li et al. 2023, Deep anomaly detection under labeling budget constraints (SOEL).
"""

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from jaxad.errors import ConfigError

__all__ = ["estimate_alpha"]


def estimate_alpha(scores: ArrayLike, asked: ArrayLike, anomalous: ArrayLike) -> float:
    r"""Estimate the share of anomalies among rows of which a few were asked for.

    Rows that are asked for are mostly suspicious or diverse ones, so that the share of anomalies
    among them is too large. Each answer y is weighted by how common its score is:

    $$\hat\alpha = \frac{1}{|Q|} \sum_{j \in Q} \frac{p(s_j)}{q(s_j)} y_j,$$

    where p is the density of the scores of all rows and q that of the rows asked for, Q. Both are
    estimated with Gaussian kernels. The bandwidth of both, the average spacing of the scores in Q,
    is a choice made here. The result is meant for `soel(alpha)` and the other weightings that
    assume a share.

    Args:
        scores: `(n,)` scores of all training rows, of a detector trained without the answers.
        asked: `(k,)` positions of the rows asked for, two or more and none twice. They must reach
            over the range of the scores: if only the top was asked for, the anomalies below it
            are not counted.
        anomalous: `(k,)` answers: whether each of these rows is anomalous.

    Returns:
        The share, from 0 to 1.

    Raises:
        ConfigError: A score is not finite, the answers do not fit the rows, or the rows asked for
            are fewer than two, are there twice, or have one score.

    Example:
        >>> share = estimate_alpha([0.1, 0.2, 0.3, 0.4, 0.5, 3.0], [0, 4, 5], [False, False, True])
        >>> round(share, 2)
        0.23
    """
    score, row = np.asarray(scores, float), np.asarray(asked)
    label = np.asarray(anomalous)
    if score.ndim != 1 or not np.isfinite(score).all():
        raise ConfigError("scores must be one finite number for each row")
    if row.dtype.kind not in "iu" or row.ndim != 1 or len(np.unique(row)) != len(row):
        raise ConfigError("asked must be the positions of different rows, as whole numbers")
    if len(row) < 2 or row.min() < 0 or row.max() >= len(score):
        raise ConfigError(f"asked must be two or more positions from 0 to {len(score) - 1}")
    if label.shape != row.shape or not np.isin(label, (0, 1)).all():
        raise ConfigError(f"anomalous must be True or False for each of the {len(row)} asked rows")
    some = score[row]
    bandwidth = np.ptp(some) / (len(some) - 1)
    if bandwidth == 0:
        raise ConfigError("asked must be rows with different scores; all have the same")
    p, q = (_density(among, some, bandwidth) for among in (score, some))
    return float(np.clip(np.mean(p / q * label), 0, 1))


def _density(
    scores: Float[np.ndarray, "n"], where: Float[np.ndarray, "k"], bandwidth: float
) -> Float[np.ndarray, "k"]:
    """Return the mean of the kernels of scores, up to a factor that depends on the bandwidth."""
    far = cdist(where[:, None], scores[:, None], "sqeuclidean")
    return np.exp(-far / (2 * bandwidth**2)).mean(axis=1)
