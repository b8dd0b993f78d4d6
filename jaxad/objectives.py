"""Pairs of per-example losses: one for rows taken as normal, one for rows taken as anomalous.

Training minimises `mean_i [w_i^N normal(s_i) + w_i^A anomaly(s_i)] + regulariser`; a weighing
decides the two weights. An objective is a pytree: functions are its structure, numbers its leaves.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.calibrated import Coded
from jaxad.models.class_code import ClassCodeOut
from jaxad.models.encoded_twice import EncodedTwiceOut
from jaxad.models.hypersphere import Boundary
from jaxad.models.margin import Distance
from jaxad.models.mixture import MixtureOut
from jaxad.models.residual import ResidualOut
from jaxad.models.subspace import SubspaceOut
from jaxad.models.variational import VariationalOut

__all__ = [
    "Objective",
    "calibrated",
    "class_bound",
    "cross_entropy",
    "deviation",
    "encoded_twice",
    "evidence",
    "feawad",
    "hinge",
    "identity",
    "inverse",
    "mixture",
    "ordinal",
    "push",
    "soft_boundary",
    "subspace_error",
    "subspace_residual",
    "triplet",
]


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


def calibrated() -> Objective:
    """`normal = ||x - g(f(x))||^2`, `anomaly = ||g(f(x)) - x'||^2` with x' a generated normal row.

    Both are those of `jaxad.models.Calibrated`; x' is a constant.

    References:
        Yu et al. 2023, NCAE, eq. 8. It prints `||x - x'||^2`, which no weight of the network
        changes; the reconstruction of x is meant.
    """
    return Objective(Partial(_error), Partial(_calibrated))


def soft_boundary(nu: float) -> Objective:
    """`normal(d) = R^2 + max(0, d - R^2) / nu`, the soft-boundary loss of Deep SVDD.

    Args:
        nu: Upper bound on the fraction of rows outside the sphere, in (0, 1].

    References:
        Ruff et al. 2018, Deep one-class classification, eq. 3.
    """
    return Objective(Partial(_soft_boundary, float(nu)))


def subspace_error() -> Objective:
    """`normal = ||x - x'||`, not squared, of `jaxad.models.Subspace`.

    References:
        Lai et al. 2020, RSRAE, the reconstruction loss with p = 1.
    """
    return Objective(Partial(_error))


def subspace_residual() -> Objective:
    """`normal = ||y - A A^T y||`, not squared, of `jaxad.models.Subspace`.

    References:
        Lai et al. 2020, RSRAE, the loss of the recovery layer with q = 1.
    """
    return Objective(Partial(_residual))


def deviation(margin: float = 5.0) -> Objective:
    """`normal(s) = |s|`, `anomaly(s) = max(0, margin - s)`: anomalies a margin above the rest.

    Args:
        margin: How many deviations an anomaly should be above 0.

    References:
        Pang et al. 2019, Deep anomaly detection with deviation networks, eq. 7.
    """
    return Objective(Partial(_absolute), Partial(_hinge, float(margin)))


def class_bound(
    label: Array | int,
    alpha: float,
    prior: float,
    labelled: Array | float = 1.0,
    unlabelled: Array | float = 1.0,
) -> Objective:
    """The losses of a row with a class y and a code, minus evidence lower bounds.

    With `L(y)` the bound of class y, `L_y - log p(y)` as in `jaxad.models.ClassCode`, and q the
    classifier's probabilities: `normal = sum_y q(y) (L(y) + log q(y))` for unlabelled rows,
    `normal = L(0) - alpha log q(0)` for labelled normal ones, `anomaly = L(1) - alpha log q(1)`.

    Args:
        label: `(b,)` training labels.
        alpha: Weight of the cross-entropy, >= 0.
        prior: `p(1)`, in (0, 1).
        labelled: Factor of the losses of labelled rows, >= 0.
        unlabelled: Factor of the losses of unlabelled rows, >= 0.

    References:
        Kingma et al. 2014, Semi-supervised learning with deep generative models, eq. 6 to 9.
    """
    return Objective(
        Partial(_class_normal, label, alpha, prior, labelled, unlabelled),
        Partial(_class_anomaly, alpha, prior, labelled),
    )


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


def encoded_twice(matching: float = 1.0, error: float = 50.0, code: float = 1.0) -> Objective:
    """`normal = matching |f(x) - f(x')|^2 + error |x - x'| + code |z - z'|` of GANomaly.

    The three are those of `jaxad.models.EncodedTwice`. There is no loss of anomalies.

    References:
        Akcay et al. 2018, GANomaly, eq. 4.
    """
    return Objective(Partial(_encoded_twice, float(matching), float(error), float(code)))


def evidence(beta: float = 1.0, eps: float = 1e-6) -> Objective:
    """`normal = ||x - g(z)||^2 / 2 + beta KL`, minus the evidence lower bound; anomaly its inverse.

    Both parts are those of `jaxad.models.Variational`. The bound is that of a decoder with variance
    beta, times beta and up to a constant.

    Args:
        beta: Weight of the divergence, > 0.
        eps: Added to the bound before it is inverted.

    References:
        Kingma and Welling 2014, Auto-encoding variational Bayes, eq. 7 and 10.
    """
    return Objective(
        Partial(_evidence, float(beta)), Partial(_inverse_evidence, float(beta), float(eps))
    )


def hinge() -> Objective:
    """`normal = Omega`, `anomaly = max(0, C - Omega)`: anomalies at least a margin C away.

    Omega and C are those of `jaxad.models.Margined`.

    References:
        Zhang et al. 2021, ELITE, section 4.1.
    """
    return Objective(Partial(_omega), Partial(_within_margin))


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


def mixture(energy: float = 0.1, penalty: float = 0.005) -> Objective:
    """`normal = ||x - x'||^2 + energy * E + penalty * P` of DAGMM. There is no loss of anomalies.

    E, the energy, and P, the sum of inverse variances, are those of `jaxad.models.MixtureEnergy`.

    Args:
        energy: Weight of the energy, >= 0.
        penalty: Weight of the penalty, >= 0.

    References:
        Zong et al. 2018, DAGMM, eq. 7.
    """
    return Objective(Partial(_mixture, float(energy), float(penalty)))


def ordinal(target: Array | float) -> Objective:
    """`normal(s) = |s|`, `anomaly(s) = |target - s|`: a regression with the absolute error.

    Args:
        target: What the score of an anomaly should be; a number, or `(b,)` one for each example.

    References:
        Pang et al. 2023, Deep weakly-supervised anomaly detection, eq. 2: 0 for two unlabelled
        rows, 4 for an anomaly and an unlabelled row, 8 for two anomalies.
    """
    return Objective(Partial(_absolute), Partial(_distance, target))


def _absolute(s: Float[Array, "b"]) -> Float[Array, "b"]:
    return jnp.abs(s)


def _hinge(margin, s: Float[Array, "b"]) -> Float[Array, "b"]:
    return jax.nn.relu(margin - s)


def _below(margin, s: Float[Array, "b"]) -> Float[Array, "b"]:
    return margin - s


def _distance(target, s: Float[Array, "b"]) -> Float[Array, "b"]:
    return jnp.abs(target - s)


def _class_normal(label, alpha, prior, labelled, unlabelled, out: ClassCodeOut):
    losses = jnp.stack([out.normal - jnp.log1p(-prior), out.anomaly - jnp.log(prior)])
    log_q = -jax.nn.softplus(jnp.stack([out.logit, -out.logit]))
    expected = jnp.sum(jnp.exp(log_q) * (losses + log_q), axis=0)
    known = losses[0] - alpha * log_q[0]
    return jnp.where(label > 0, labelled * known, unlabelled * expected)


def _class_anomaly(alpha, prior, labelled, out: ClassCodeOut) -> Float[Array, "b"]:
    return labelled * (out.anomaly - jnp.log(prior) + alpha * jax.nn.softplus(-out.logit))


def _focal(gamma, sign, s: Float[Array, "b"]) -> Float[Array, "b"]:
    # The power as an exponential of a logarithm that is finite where the probability is 0.
    wrong = sign * s
    return jnp.exp(-gamma * jax.nn.softplus(-wrong)) * jax.nn.softplus(wrong)


def _encoded_twice(matching, error, code, out: EncodedTwiceOut) -> Float[Array, "b"]:
    return matching * out.matching + error * out.error + code * out.code_error


def _evidence(beta, out: VariationalOut) -> Float[Array, "b"]:
    return 0.5 * out.error + beta * out.divergence


def _inverse_evidence(beta, eps, out: VariationalOut) -> Float[Array, "b"]:
    return 1 / (_evidence(beta, out) + eps)


def _mixture(energy, penalty, out: MixtureOut) -> Float[Array, "b"]:
    return out.error + energy * out.energy + penalty * out.penalty


def _omega(out: Distance) -> Float[Array, "b"]:
    return out.omega


def _within_margin(out: Distance) -> Float[Array, "b"]:
    return jax.nn.relu(out.margin - out.omega)


def _feawad_normal(out: ResidualOut) -> Float[Array, "b"]:
    return jnp.abs(out.score) + out.norm


def _feawad_anomaly(margin, out: ResidualOut) -> Float[Array, "b"]:
    return jax.nn.relu(margin - out.score) + jax.nn.relu(margin - out.norm)


def _residual(out: SubspaceOut) -> Float[Array, "b"]:
    return out.residual


def _error(out: Coded | SubspaceOut) -> Float[Array, "b"]:
    return out.error


def _calibrated(out: Coded) -> Float[Array, "b"]:
    return out.calibrated


def _identity(s: Float[Array, "b"]) -> Float[Array, "b"]:
    return s


def _inverse(eps, d: Float[Array, "b"]) -> Float[Array, "b"]:
    return 1 / (d + eps)


def _soft_boundary(nu, out: Boundary) -> Float[Array, "b"]:
    return out.radius_sq + jax.nn.relu(out.distance - out.radius_sq) / nu
