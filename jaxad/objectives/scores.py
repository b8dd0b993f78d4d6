"""Losses of a scalar score that is trained towards a value, a margin or a probability."""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.residual import ResidualOut
from jaxad.objectives.base import Objective

__all__ = ["cross_entropy", "deviation", "feawad", "ordinal", "push", "triplet"]


def cross_entropy(gamma: float = 0.0) -> Objective:
    """`normal(s) = -p^gamma log(1 - p)`, `anomaly(s) = -(1 - p)^gamma log p`, p = sigmoid(s).

    With gamma = 0 the binary cross-entropy of a logit; with more the focal loss, in which rows that
    are told well count for less. Finite for every logit.

    Args:
        gamma: How much less, >= 0.

    References:
        Lin et al. 2017, Focal loss for dense object detection, eq. 4.
    """
    return Objective(Partial(_focal, float(gamma), 1.0), Partial(_focal, float(gamma), -1.0))


def deviation(margin: float = 5.0) -> Objective:
    """`normal(s) = |s|`, `anomaly(s) = max(0, margin - s)`: anomalies a margin above the rest.

    Args:
        margin: How many deviations an anomaly should be above 0.

    References:
        Pang et al. 2019, Deep anomaly detection with deviation networks, eq. 7.
    """
    return Objective(Partial(_absolute), Partial(_hinge, float(margin)))


def feawad(margin: float = 5.0) -> Objective:
    """`normal = |s| + r`, `anomaly = max(0, margin - s) + max(0, margin - r)`.

    The deviation loss of the score s, and of the residual norm r.

    Args:
        margin: What the score and the residual norm of an anomaly should be at least.

    References:
        Zhou et al. 2021, Feature encoding with autoencoders for weakly supervised anomaly
        detection, eq. 6 to 8.
    """
    return Objective(Partial(_feawad_normal), Partial(_feawad_anomaly, float(margin)))


def ordinal(target: Array | float) -> Objective:
    """`normal(s) = |s|`, `anomaly(s) = |target - s|`: a regression with the absolute error.

    Args:
        target: What the score of an anomaly should be; a number, or `(b,)` one for each example.

    References:
        Pang et al. 2023, Deep weakly-supervised anomaly detection, eq. 2: 0 for two unlabelled
        rows, 4 for an anomaly and an unlabelled row, 8 for two anomalies.
    """
    return Objective(Partial(_absolute), Partial(_distance, target))


def push(margin: float = 5.0) -> Objective:
    """`normal(s) = |s|`, `anomaly(s) = margin - s`: the deviation loss whose hinge was lost.

    It has no lower bound: a program of AnoOnly's authors trains DevNet on it.
    """
    return Objective(Partial(_absolute), Partial(_below, float(margin)))


def triplet(margin: float = 1000.0) -> Objective:
    """`normal(s) = max(0, margin - s)`: a negative at least a margin farther than a positive.

    Args:
        margin: How much farther, in the unit of s.

    References:
        Pang et al. 2018, REPEN, the ranking loss.
    """
    return Objective(Partial(_hinge, float(margin)))


def _absolute(s: Float[Array, "b"]) -> Float[Array, "b"]:
    return jnp.abs(s)


def _hinge(margin, s: Float[Array, "b"]) -> Float[Array, "b"]:
    return jax.nn.relu(margin - s)


def _below(margin, s: Float[Array, "b"]) -> Float[Array, "b"]:
    return margin - s


def _distance(target, s: Float[Array, "b"]) -> Float[Array, "b"]:
    return jnp.abs(target - s)


def _focal(gamma, sign, s: Float[Array, "b"]) -> Float[Array, "b"]:
    # The power as an exponential of a logarithm that is finite where the probability is 0.
    wrong = sign * s
    return jnp.exp(-gamma * jax.nn.softplus(-wrong)) * jax.nn.softplus(wrong)


def _feawad_normal(out: ResidualOut) -> Float[Array, "b"]:
    return jnp.abs(out.score) + out.norm


def _feawad_anomaly(margin, out: ResidualOut) -> Float[Array, "b"]:
    return jax.nn.relu(margin - out.score) + jax.nn.relu(margin - out.norm)
