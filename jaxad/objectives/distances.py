"""Losses of a distance, to a centre or of a row to its reconstruction."""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.hypersphere import Boundary
from jaxad.models.margin import Distance
from jaxad.objectives.base import Objective
from jaxad.types import Batch

__all__ = ["hinge", "hypersphere_classification", "identity", "inverse", "soft_boundary"]


def identity() -> Objective:
    """Return the objective `normal(s) = s`, the score itself, without a loss of anomalies.

    Example:
        >>> import jax.numpy as jnp
        >>> identity().normal(jnp.array([1.0, 2.0])).tolist()
        [1.0, 2.0]
    """
    return Objective(Partial(_identity))


def inverse(eps: float = 1e-6) -> Objective:
    """Return the objective `normal(d) = d`, `anomaly(d) = 1 / (d + eps)`.

    It decreases the distance d of rows taken as normal and increases that of rows taken as
    anomalous. With weight eta on labelled rows it is the loss of Deep SAD,
    `mean d (unlabelled) + eta * mean (d + eps)^y (labelled)`; with weight 0 on anomalies it is the
    loss of one-class Deep SVDD.

    Args:
        eps: Constant added to the distance of an anomaly, > 0.

    References:
        Ruff et al. 2020, Deep semi-supervised anomaly detection, eq. 7; thesis, eq. 2.13.
    """
    return Objective(Partial(_identity), Partial(_inverse, float(eps)))


def soft_boundary(nu: float) -> Objective:
    """Return the objective `normal(d) = R^2 + max(0, d - R^2) / nu` of soft-boundary Deep SVDD.

    It has no loss of anomalies.

    Args:
        nu: Upper bound on the fraction of rows outside the sphere, in (0, 1].

    References:
        Ruff et al. 2018, Deep one-class classification, eq. 3.
    """
    return Objective(Partial(_soft_boundary, float(nu)))


def hinge() -> Objective:
    """Return the objective `normal = Omega`, `anomaly = max(0, C - Omega)` of ELITE.

    The loss of anomalies is 0 from the margin C on. The distance Omega and C are those of
    `jaxad.models.Margined`.

    References:
        Zhang et al. 2021, ELITE, section 4.1.
    """
    return Objective(Partial(_omega), Partial(_within_margin))


def hypersphere_classification(eps: float = 1e-6) -> Objective:
    """Return the objective `normal(h) = h`, `anomaly(h) = -log(1 - exp(-(h + eps)))` of HSC.

    This is the binary cross-entropy with `exp(-h)` as the probability that a row is normal. eps
    limits the loss of an anomaly at the centre to about `log(1 / eps)`, and its derivative to
    `1 / eps`.

    Args:
        eps: Constant added to the distance of an anomaly, > 0.

    References:
        Ruff et al. 2021, Rethinking assumptions in deep anomaly detection, eq. 4; thesis, section
        2.3.5. Liznerski et al. 2021, Explainable deep one-class classification, eq. 2.
    """
    return Objective(Partial(_identity), Partial(_unlikely, float(eps)))


def _identity(s: Float[Array, "b"], batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return s


def _inverse(eps, d: Float[Array, "b"], batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return 1 / (d + eps)


def _unlikely(eps, h: Float[Array, "b"], batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return -jnp.log(-jnp.expm1(-(h + eps)))


def _soft_boundary(nu, out: Boundary, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.radius_sq + jax.nn.relu(out.distance - out.radius_sq) / nu


def _omega(out: Distance, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.omega


def _within_margin(out: Distance, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return jax.nn.relu(out.margin - out.omega)
