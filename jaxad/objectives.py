"""Pairs of per-example losses: one for rows taken as normal, one for rows taken as anomalous.

Training minimises `mean_i [w_i^N normal(s_i) + w_i^A anomaly(s_i)] + regulariser`; a weighing
decides the two weights. An objective is a pytree: functions are its structure, numbers its leaves.
"""

from typing import NamedTuple

import jax
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.hypersphere import Boundary

__all__ = ["Objective", "identity", "inverse", "soft_boundary"]


class Objective(NamedTuple):
    """A pair of pure functions from a model's output to `(b,)` losses.

    Attributes:
        normal: The loss of rows taken as normal.
        anomaly: The loss of rows taken as anomalous; None where there is no such loss.
    """

    normal: Partial
    anomaly: Partial | None = None


def identity() -> Objective:
    """`normal(s) = s`: the score is the loss. There is no loss of anomalies.

    Example:
        >>> import jax.numpy as jnp
        >>> identity().normal(jnp.array([1.0, 2.0])).tolist()
        [1.0, 2.0]
    """
    return Objective(Partial(_identity))


def inverse(eps: float = 1e-6) -> Objective:
    """`normal(d) = d`, `anomaly(d) = 1 / (d + eps)`: small for normal rows, large for anomalies.

    With weights eta for labelled rows this is the loss of Deep SAD,
    `mean d (unlabelled) + eta * mean (d + eps)^y (labelled)`; with weight 0 on anomalies it is
    one-class Deep SVDD.

    References:
        Ruff et al. 2020, Deep semi-supervised anomaly detection, eq. 7; thesis, eq. 2.30.
    """
    return Objective(Partial(_identity), Partial(_inverse, float(eps)))


def soft_boundary(nu: float) -> Objective:
    """`normal(d) = R^2 + max(0, d - R^2) / nu`, the soft-boundary loss of Deep SVDD.

    Args:
        nu: Upper bound on the fraction of rows outside the sphere, in (0, 1].

    References:
        Ruff et al. 2018, Deep one-class classification, eq. 3.
    """
    return Objective(Partial(_soft_boundary, float(nu)))


def _identity(s: Float[Array, "b"]) -> Float[Array, "b"]:
    return s


def _inverse(eps, d: Float[Array, "b"]) -> Float[Array, "b"]:
    return 1 / (d + eps)


def _soft_boundary(nu, out: Boundary) -> Float[Array, "b"]:
    return out.radius_sq + jax.nn.relu(out.distance - out.radius_sq) / nu
