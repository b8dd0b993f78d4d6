r"""Relevance of features for kernel densities, as soft minima of distances to points.

$$-\log \sum_j w_j e^{-\gamma d_j}, \quad d_j = \|x - u_j\|^2, \quad \sum_j w_j = 1$$

is a network of distances and a soft minimum (Kauffmann et al. 2020; Ruff thesis, section 4.4.2). It
is at least 0, and 0 where x coincides with all points. The share of point j is
`softmax_j(log w_j - gamma d_j)`, of which feature i gets `(x_i - u_ji)^2 / d_j`.
"""

import numpy as np
from jaxtyping import Float

from jaxad.detectors.classical.scores import KernelSum

__all__ = ["soft_min", "soft_min_relevance"]


def soft_min(kernel: KernelSum, rows: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "m"]:
    """Compute `-log sum_j w_j exp(-gamma d_j)`, at least 0.

    For a kernel density it is the score less a constant, `d/2 log(2 pi width^2)`, the score of a
    row at distance 0 from all points. For a support vector machine it increases with the score.
    """
    from scipy.special import logsumexp

    return np.maximum(-np.asarray(logsumexp(kernel.log_parts(rows), axis=1)), 0)


def soft_min_relevance(
    kernel: KernelSum, rows: Float[np.ndarray, "m d"]
) -> Float[np.ndarray, "m d"]:
    """Compute the relevance of each feature, at least 0; relevances add up to `soft_min`.

    The share of a point at distance 0, for which no direction stands out, is divided equally among
    the features.
    """
    from scipy.special import softmax

    share = softmax(kernel.log_parts(rows), axis=1)
    found = np.empty(rows.shape)
    for i, (row, of_points) in enumerate(zip(rows, share, strict=True)):
        # The differences themselves: in the expanded square those to near points would cancel.
        squares = (row - kernel.points) ** 2
        distance = squares.sum(axis=1)
        away = distance > 0
        found[i] = (of_points[away] / distance[away]) @ squares[away]
        found[i] += of_points[~away].sum() / rows.shape[1]
    return found * soft_min(kernel, rows)[:, None]
