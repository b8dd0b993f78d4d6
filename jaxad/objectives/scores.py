"""Losses of a scalar score that is trained towards a value, a margin or a probability."""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.residual import ResidualOut
from jaxad.objectives.base import Objective
from jaxad.types import Batch

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


def ordinal(target: float = 4.0) -> Objective:
    """`normal(s) = |s|`, `anomaly(s) = |k target - s|` for a pair with k labelled anomalies.

    A regression of the scores of pairs with the absolute error. To a weighting, a pair with a
    labelled anomaly is a labelled anomaly and any other pair is unlabelled. Batches hold pairs: `x`
    is `(b, 2, ...)`, `label` and `index` are `(b, 2)`.

    Args:
        target: The score of a pair with one labelled anomaly, > 0.

    References:
        Pang et al. 2023, Deep weakly-supervised anomaly detection, eq. 2: 0 for two unlabelled
        rows, 4 for an anomaly and an unlabelled row, 8 for two anomalies.
    """
    return Objective(Partial(_absolute), Partial(_ordinal_anomaly, target), Partial(_relabel_pairs))


def push(margin: float = 5.0) -> Objective:
    """`normal(s) = |s|`, `anomaly(s) = margin - s`: the deviation loss whose hinge was lost.

    It has no lower bound: a program of AnoOnly's authors trains DevNet on it.
    """
    return Objective(Partial(_absolute), Partial(_below, float(margin)))


def triplet(margin: float = 1000.0) -> Objective:
    """`normal(s) = max(0, margin - s)`: a negative at least a margin farther than a positive.

    To a weighting, a triplet is one row: a labelled anomaly where its anchor or its positive is
    one, so that the triplet cannot be right, and else unlabelled. Batches hold triplets: `label`
    and `index` are `(b, 3)`.

    Args:
        margin: How much farther, in the unit of s.

    References:
        Pang et al. 2018, REPEN, the ranking loss.
    """
    return Objective(Partial(_hinge, float(margin)), None, Partial(_relabel_triplets))


def _absolute(s: Float[Array, "b"], batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return jnp.abs(s)


def _hinge(margin, s: Float[Array, "b"], batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return jax.nn.relu(margin - s)


def _below(margin, s: Float[Array, "b"], batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return margin - s


def _ordinal_anomaly(target, s: Float[Array, "b"], batch: Batch) -> Float[Array, "b"]:
    return jnp.abs(target * jnp.sum(batch.label < 0, axis=1) - s)


def _relabel_pairs(batch: Batch) -> Batch:
    label = -jnp.any(batch.label < 0, axis=1).astype(batch.label.dtype)
    return batch._replace(label=label, index=batch.index[:, 0])


def _relabel_triplets(batch: Batch) -> Batch:
    wrong = jnp.any(batch.label[:, :2] < 0, axis=1)
    return batch._replace(label=-wrong.astype(batch.label.dtype), index=batch.index[:, 0])


def _focal(gamma, sign, s: Float[Array, "b"], batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    # The power as an exponential of a logarithm that is finite where the probability is 0.
    wrong = sign * s
    return jnp.exp(-gamma * jax.nn.softplus(-wrong)) * jax.nn.softplus(wrong)


def _feawad_normal(out: ResidualOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return jnp.abs(out.score) + out.norm


def _feawad_anomaly(margin, out: ResidualOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return jax.nn.relu(margin - out.score) + jax.nn.relu(margin - out.norm)
