"""Losses of models whose output has several parts: an error with a density, a code or a copy."""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.calibrated import Coded
from jaxad.models.class_code import ClassCodeOut
from jaxad.models.encoded_twice import EncodedTwiceOut
from jaxad.models.mixture import MixtureOut
from jaxad.models.subspace import SubspaceOut
from jaxad.models.variational import VariationalOut
from jaxad.objectives.base import Objective
from jaxad.types import Batch

__all__ = [
    "calibrated",
    "class_bound",
    "encoded_twice",
    "evidence",
    "mixture",
    "subspace_error",
    "subspace_residual",
]


def calibrated() -> Objective:
    """`normal = ||x - g(f(x))||^2`, `anomaly = ||g(f(x)) - x'||^2` with x' a generated normal row.

    Both are those of `jaxad.models.Calibrated`; x' is a constant.

    References:
        Yu et al. 2023, NCAE, eq. 8. It prints `||x - x'||^2`, which no weight of the network
        changes; the reconstruction of x is meant.
    """
    return Objective(Partial(_error), Partial(_calibrated))


def class_bound(alpha: float = 0.1, prior: float = 0.5) -> Objective:
    """The losses of a row with a class y and a code, minus evidence lower bounds.

    With `L(y)` the bound of class y, `L_y - log p(y)` as in `jaxad.models.ClassCode`, and q the
    classifier's probabilities: `normal = sum_y q(y) (L(y) + log q(y))` for unlabelled rows,
    `normal = L(0) - alpha log q(0)` for labelled normal ones, `anomaly = L(1) - alpha log q(1)`.
    Factors make the mean loss of a batch the mean over labelled rows plus the mean over unlabelled
    ones; the former vanishes where a batch has fewer than two labelled rows.

    Args:
        alpha: Weight of the cross-entropy, >= 0.
        prior: `p(1)`, in (0, 1).

    References:
        Kingma et al. 2014, Semi-supervised learning with deep generative models, eq. 6 to 9.
    """
    return Objective(
        Partial(_class_normal, float(alpha), float(prior)),
        Partial(_class_anomaly, float(alpha), float(prior)),
    )


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


def _error(out: Coded | SubspaceOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.error


def _calibrated(out: Coded, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.calibrated


def _class_factors(batch: Batch) -> tuple[Array, Array]:
    """The factors of labelled and of unlabelled rows."""
    rows, known = len(batch.label), jnp.sum(batch.label != 0)
    labelled = jnp.where(known >= 2, rows / jnp.maximum(known, 1), 0.0)
    return labelled, rows / jnp.maximum(rows - known, 1)


def _class_normal(alpha, prior, out: ClassCodeOut, batch: Batch) -> Float[Array, "b"]:
    labelled, unlabelled = _class_factors(batch)
    losses = jnp.stack([out.normal - jnp.log1p(-prior), out.anomaly - jnp.log(prior)])
    log_q = -jax.nn.softplus(jnp.stack([out.logit, -out.logit]))
    expected = jnp.sum(jnp.exp(log_q) * (losses + log_q), axis=0)
    known = losses[0] - alpha * log_q[0]
    return jnp.where(batch.label > 0, labelled * known, unlabelled * expected)


def _class_anomaly(alpha, prior, out: ClassCodeOut, batch: Batch) -> Float[Array, "b"]:
    labelled, _ = _class_factors(batch)
    return labelled * (out.anomaly - jnp.log(prior) + alpha * jax.nn.softplus(-out.logit))


def _encoded_twice(
    matching, error, code, out: EncodedTwiceOut, batch: Batch | None = None
) -> Float[Array, "b"]:
    del batch
    return matching * out.matching + error * out.error + code * out.code_error


def _evidence(beta, out: VariationalOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return 0.5 * out.error + beta * out.divergence


def _inverse_evidence(
    beta, eps, out: VariationalOut, batch: Batch | None = None
) -> Float[Array, "b"]:
    del batch
    return 1 / (_evidence(beta, out) + eps)


def _mixture(energy, penalty, out: MixtureOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.error + energy * out.energy + penalty * out.penalty


def _residual(out: SubspaceOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.residual
