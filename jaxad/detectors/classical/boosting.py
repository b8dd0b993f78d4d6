"""Second-order boosting of trees.

References:
    Chen and Guestrin 2016, XGBoost: A scalable tree boosting system.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["BoostedTrees", "boost"]

_LEAST_HESSIAN = 1e-6  # so that no row has the weight 0


@dataclass(frozen=True)
class BoostedTrees:
    """Log odds that are a sum of trees.

    Attributes:
        trees: Fitted regression trees of scikit-learn.
        rate: Factor of each tree.
    """

    trees: list
    rate: float

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the log odds of `(m, d)` rows."""
        total = np.zeros(len(rows))
        for tree in self.trees:
            total += self.rate * tree.predict(rows)
        return total


def boost(
    x: Float[np.ndarray, "n d"],
    y: Bool[np.ndarray, "n"],
    *,
    trees: int,
    depth: int,
    rate: float,
    penalty: float,
    min_weight: float,
    seed: int,
) -> BoostedTrees:
    r"""Fit trees that lower the cross-entropy by Newton steps.

    With the probability $p_i$ of row i under the trees before, the gradient $g_i = p_i - y_i$ and
    the second derivative $h_i = p_i (1 - p_i)$, a leaf with the rows I has the value

    $$-\frac{\sum_{i \in I} g_i}{\sum_{i \in I} h_i + \lambda}$$

    (eq. 5 of Chen and Guestrin). A split is that with the largest sum of
    $(\sum g_i)^2 / \sum h_i$ over its two sides, each of which must have a sum of $h_i$ of at
    least `min_weight`; eq. 7 has $\lambda$ in these denominators, too. Boosting starts from
    $p_i = 1/2$ and ends where no split is possible.

    Args:
        x: The rows.
        y: Whether each row is of the class; there are rows of both kinds.
        trees: The largest number of trees.
        depth: Maximum depth of a tree.
        rate: Factor of each tree.
        penalty: The penalty $\lambda$ of squared leaf values.
        min_weight: Minimum sum of $h_i$ in a leaf.
        seed: Seed of the choice among equally good splits.
    """
    from scipy.special import expit
    from sklearn.tree import DecisionTreeRegressor

    rng = np.random.default_rng(seed)
    odds, fitted = np.zeros(len(x)), []
    for _ in range(trees):
        p = expit(odds)
        g, h = p - y, np.maximum(p * (1 - p), _LEAST_HESSIAN)
        if h.sum() < 2 * min_weight:
            break
        tree: Any = DecisionTreeRegressor(
            max_depth=depth,
            min_weight_fraction_leaf=min_weight / h.sum(),
            random_state=int(rng.integers(2**31)),
        ).fit(x, -g / h, sample_weight=h)
        leaf, size = tree.apply(x), tree.tree_.node_count
        g_sum, h_sum = np.bincount(leaf, g, size), np.bincount(leaf, h, size)
        tree.tree_.value[:, 0, 0] = -g_sum / np.maximum(h_sum + penalty, _LEAST_HESSIAN)
        odds += rate * tree.tree_.value[leaf, 0, 0]
        fitted.append(tree)
    return BoostedTrees(fitted, rate)
