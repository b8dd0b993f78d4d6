"""The Clever-Hans score: whether a detector is right for the wrong reason, by its heat maps.

References:
    Kauffmann et al. 2020, The Clever Hans effect in anomaly detection; Ruff et al. 2021, A unifying
    review of deep and shallow anomaly detection, section 6; Ruff thesis, table 4.4.
"""

import numpy as np
from jaxtyping import Float

from jaxad.errors import DataError

__all__ = ["clever_hans_score", "similarity"]


def similarity(
    maps: Float[np.ndarray, "n *shape"], truth: Float[np.ndarray, "n *shape"]
) -> Float[np.ndarray, "n"]:
    """Compute the cosine similarity between heat maps and the truth.

    Args:
        maps: `(n, ...)` heat maps or attributions; one that is 0 everywhere has the cosine 0.
        truth: `(n, ...)` how much each entry was changed.

    Returns:
        `(n,)` in [-1, 1]; NaN where the truth is 0 everywhere.

    Raises:
        DataError: Different shapes, or values that are not finite.
    """
    maps, truth = np.asarray(maps, np.float64), np.asarray(truth, np.float64)
    if maps.shape != truth.shape or maps.ndim < 2:
        raise DataError(
            f"maps and truth must both be (n, ...); given {maps.shape} and {truth.shape}"
        )
    if not (np.isfinite(maps).all() and np.isfinite(truth).all()):
        raise DataError("maps and truth must be finite")
    maps, truth = maps.reshape(len(maps), -1), truth.reshape(len(truth), -1)
    length = np.linalg.norm(truth, axis=1)
    both = length * np.linalg.norm(maps, axis=1)
    cosine = np.sum(maps * truth, axis=1) / np.where(both > 0, both, 1)
    return np.where(length > 0, cosine, np.nan)


def clever_hans_score(
    auroc: float, maps: Float[np.ndarray, "n *shape"], truth: Float[np.ndarray, "n *shape"]
) -> float:
    """Compute the Clever-Hans score, `100 (AUROC - mean cosine)`.

    It is high where a detector recognises anomalies by other entries than those that were changed.

    Args:
        auroc: The AUROC of anomalies against normal rows, in [0, 1].
        maps: `(n, ...)` heat maps of the anomalies.
        truth: `(n, ...)` how much each entry was changed; unchanged rows are left out.

    Raises:
        DataError: As for `similarity`, or no row was changed.
    """
    cosine = similarity(maps, truth)
    if np.isnan(cosine).all():
        raise DataError("truth is 0 everywhere: there is no changed entry to compare with")
    return float(100 * (auroc - np.nanmean(cosine)))
