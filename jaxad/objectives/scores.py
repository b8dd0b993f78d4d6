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
    """Return the binary cross-entropy of a logit, or the focal loss if gamma > 0.

    `normal(s) = -p^gamma log(1 - p)` and `anomaly(s) = -(1 - p)^gamma log p` with `p = sigmoid(s)`.
    The focal loss reduces the weight of rows that are already classified well. Both losses are
    finite for every finite logit.

    Args:
        gamma: Exponent of the focal loss, >= 0; the larger, the less well-classified rows count.

    References:
        Lin et al. 2017, Focal loss for dense object detection, eq. 4.
    """
    return Objective(Partial(_focal, float(gamma), 1.0), Partial(_focal, float(gamma), -1.0))


def deviation(margin: float = 5.0) -> Objective:
    """Return the objective `normal(s) = |s|`, `anomaly(s) = max(0, margin - s)` of DevNet.

    Args:
        margin: Score, in standard deviations of the prior, from which on an anomaly has no loss.

    References:
        Pang et al. 2019, Deep anomaly detection with deviation networks, eq. 7.
    """
    return Objective(Partial(_absolute), Partial(_hinge, float(margin)))


def feawad(margin: float = 5.0, residual: float = 1.0, absolute: bool = False) -> Objective:
    """Return the objective of FEAWAD, the deviation losses of a score s and a residual norm r.

    `normal = |s| + lambda r` and `anomaly = max(0, margin - s) + lambda max(0, margin - r)`.

    Args:
        margin: Value of s and of r from which on an anomaly has no loss.
        residual: Weight lambda of the losses of r, the paper's lambda_R, >= 0.
        absolute: Whether the loss of anomalies reads `|s|` as printed, so that a score far below 0,
            which ranks an anomaly as normal, has no loss either.

    References:
        Zhou et al. 2021, Feature encoding with autoencoders for weakly supervised anomaly
        detection, eq. 6 to 8.
    """
    numbers = (float(residual), float(absolute))
    anomaly = Partial(_feawad_anomaly, float(margin), *numbers)
    return Objective(Partial(_feawad_normal, float(residual)), anomaly)


def ordinal(target: float = 4.0) -> Objective:
    """Return the objective of PReNet, the absolute error of the score of a pair.

    `normal(s) = |s|`, and `anomaly(s) = |k target - s|` for a pair with k labelled anomalies. For
    weightings, a pair with a labelled anomaly is a labelled anomaly and any other pair is
    unlabelled. Batches hold pairs: `x` is `(b, 2, ...)`, `label` and `index` are `(b, 2)`.

    Args:
        target: The score of a pair with one labelled anomaly, > 0.

    References:
        Pang et al. 2023, Deep weakly-supervised anomaly detection, eq. 2: 0 for two unlabelled
        rows, 4 for an anomaly and an unlabelled row, 8 for two anomalies.
    """
    return Objective(Partial(_absolute), Partial(_ordinal_anomaly, target), Partial(_relabel_pairs))


def push(margin: float = 5.0) -> Objective:
    """Return the objective `normal(s) = |s|`, `anomaly(s) = margin - s`, without a lower bound.

    It is the deviation loss without its hinge, with which the program of AnoOnly's authors trains
    DevNet.

    Args:
        margin: Constant of the loss of anomalies; it does not change gradients.
    """
    return Objective(Partial(_absolute), Partial(_below, float(margin)))


def triplet(margin: float = 1000.0) -> Objective:
    """Return the objective `normal(s) = max(0, margin - s)` of REPEN, for triplets.

    s is the squared distance of the anchor to the negative minus that to the positive. It has no
    loss of anomalies. For weightings, a triplet is a labelled anomaly if its anchor or its positive
    is one, since the triplet is then wrong, and otherwise unlabelled. Batches hold triplets:
    `label` and `index` are `(b, 3)`.

    Args:
        margin: Value of s from which on the loss is 0.

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
    # Powers through logarithms of the probability, which stay finite where it underflows to 0.
    wrong = sign * s
    return jnp.exp(-gamma * jax.nn.softplus(-wrong)) * jax.nn.softplus(wrong)


def _feawad_normal(residual, out: ResidualOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return jnp.abs(out.score) + residual * out.norm


def _feawad_anomaly(
    margin, residual, absolute, out: ResidualOut, batch: Batch | None = None
) -> Float[Array, "b"]:
    del batch
    score = jnp.where(absolute > 0, jnp.abs(out.score), out.score)
    return jax.nn.relu(margin - score) + residual * jax.nn.relu(margin - out.norm)
