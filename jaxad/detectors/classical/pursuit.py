"""Robust principal components: a low-rank matrix plus a sparse one.

References:
    Candes et al. 2011, Robust principal component analysis?, eq. 1.1 and algorithm 1.
"""

import numpy as np
from jaxtyping import Float

__all__ = ["pursue_low_rank"]


def pursue_low_rank(
    x: Float[np.ndarray, "n d"], tolerance: float = 1e-6, most: int = 500
) -> Float[np.ndarray, "n d"]:
    """Find the low-rank part L of a matrix by principal component pursuit.

    It minimises `||L||_* + lambda ||S||_1` subject to `L + S = x`, with the sum of singular values
    `||L||_*` and `lambda = 1 / sqrt(max(n, d))`, by alternating directions: the singular values of
    L and the entries of S are shrunk in turn.

    Args:
        x: The matrix.
        tolerance: Relative error of `L + S = x` at which to stop.
        most: Largest number of iterations.
    """
    size = np.linalg.norm(x)
    if size == 0:
        return np.zeros_like(x)
    weight = 1 / np.sqrt(max(x.shape))
    step = x.size / (4 * np.abs(x).sum())
    sparse, dual = np.zeros_like(x), np.zeros_like(x)
    low_rank = x
    for _ in range(most):
        u, values, v = np.linalg.svd(x - sparse + dual / step, full_matrices=False)
        low_rank = (u * np.maximum(values - 1 / step, 0)) @ v
        rest = x - low_rank + dual / step
        sparse = np.sign(rest) * np.maximum(np.abs(rest) - weight / step, 0)
        left = x - low_rank - sparse
        dual = dual + step * left
        if np.linalg.norm(left) <= tolerance * size:
            break
    return low_rank
