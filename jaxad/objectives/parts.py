"""Losses of models whose output has several parts, such as an error and a density."""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.calibrated import Coded
from jaxad.models.class_code import ClassCodeOut
from jaxad.models.encoded_twice import EncodedTwiceOut
from jaxad.models.mixture import MixtureOut
from jaxad.models.regularised import RegularisedOut
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
    "regularised",
    "subspace_error",
    "subspace_residual",
]


def calibrated() -> Objective:
    """Return the objective `normal = ||x - g(f(x))||^2`, `anomaly = ||g(f(x)) - x'||^2` of NCAE.

    x' is a generated normal row, treated as a constant. Both errors are those of
    `jaxad.models.Calibrated`.

    References:
        Yu et al. 2023, NCAE, eq. 8. The paper prints `||x - x'||^2`, which does not depend on the
        weights of the network; the reconstruction of x in place of x is meant.
    """
    return Objective(Partial(_error), Partial(_calibration_error))


def class_bound(alpha: float = 0.1, prior: float = 0.5) -> Objective:
    """Return the objective of SS-DGM, negative evidence lower bounds of a row with a class y.

    With the negative bound `L(y) = L_y - log p(y)`, `L_y` that of `jaxad.models.ClassCode`, and the
    probabilities q of the classifier: `normal = sum_y q(y) (L(y) + log q(y))` for unlabelled rows,
    `normal = L(0) - alpha log q(0)` for labelled normal rows, `anomaly = L(1) - alpha log q(1)`.
    The losses are scaled so that their mean over a batch is the mean over labelled rows plus the
    mean over unlabelled rows; the former is 0 if the batch has fewer than two labelled rows.

    Args:
        alpha: Weight of the cross-entropy of the classifier on labelled rows, >= 0.
        prior: Prior probability of an anomaly, `p(1)`, in (0, 1).

    References:
        Kingma et al. 2014, Semi-supervised learning with deep generative models, eq. 6 to 9.
    """
    return Objective(
        Partial(_class_normal, float(alpha), float(prior)),
        Partial(_class_anomaly, float(alpha), float(prior)),
    )


def encoded_twice(matching: float = 1.0, error: float = 50.0, code: float = 1.0) -> Objective:
    """Return the objective of GANomaly, a weighted sum of three errors.

    `normal = matching |f(x) - f(x')|^2 + error |x - x'| + code |z - z'|`, with the three errors of
    `jaxad.models.EncodedTwice`. It has no loss of anomalies.

    Args:
        matching: Weight of the difference between the critic's features f, >= 0.
        error: Weight of the reconstruction error, >= 0.
        code: Weight of the difference between the codes, >= 0.

    References:
        Akcay et al. 2018, GANomaly, eq. 4.
    """
    return Objective(Partial(_sum_errors, float(matching), float(error), float(code)))


def evidence(beta: float = 1.0, eps: float = 1e-6) -> Objective:
    """Return the objective of a VAE, the negative evidence lower bound.

    `normal = ||x - g(z)||^2 / 2 + beta KL` and `anomaly = 1 / (normal + eps)`, with the error and
    the divergence of `jaxad.models.Variational`. Up to a constant, `normal` is beta times the
    negative bound of a decoder with variance beta.

    Args:
        beta: Weight of the divergence, > 0.
        eps: Constant added to the bound before it is inverted, > 0.

    References:
        Kingma and Welling 2014, Auto-encoding variational Bayes, eq. 7 and 10.
    """
    return Objective(
        Partial(_evidence, float(beta)), Partial(_inverse_evidence, float(beta), float(eps))
    )


def mixture(energy: float = 0.1, penalty: float = 0.005) -> Objective:
    """Return the objective `normal = ||x - x'||^2 + energy * E + penalty * P` of DAGMM.

    The energy E and the sum of inverse variances P are those of `jaxad.models.MixtureEnergy`. The
    objective has no loss of anomalies.

    Args:
        energy: Weight of the energy, >= 0.
        penalty: Weight of the penalty, >= 0.

    References:
        Zong et al. 2018, DAGMM, eq. 7.
    """
    return Objective(Partial(_mixture, float(energy), float(penalty)))


def regularised(contraction: float = 0.0, eps: float = 1e-6) -> Objective:
    """Return the objective of denoising and contractive autoencoders.

    `normal = ||x - g(f(x + noise))||^2 + contraction ||df(x)/dx||_F^2` and
    `anomaly = 1 / (||x - g(f(x + noise))||^2 + eps)`, with the parts of
    `jaxad.models.Regularised`.

    Args:
        contraction: Weight of the Jacobian, >= 0.
        eps: Constant added to the error before it is inverted, > 0.

    References:
        Vincent et al. 2008, Extracting and composing robust features with denoising autoencoders,
        eq. 5; Rifai et al. 2011, Contractive auto-encoders, eq. 7.
    """
    return Objective(Partial(_contractive, float(contraction)), Partial(_inverse_error, float(eps)))


def subspace_error() -> Objective:
    """Return the objective `normal = ||x - x'||`, not squared, of RSRAE.

    The error is that of `jaxad.models.Subspace`. The objective has no loss of anomalies.

    References:
        Lai et al. 2020, RSRAE, the reconstruction loss with p = 1.
    """
    return Objective(Partial(_error))


def subspace_residual() -> Objective:
    """Return the objective `normal = ||y - A A^T y||`, not squared, of RSRAE.

    The residual is that of `jaxad.models.Subspace`. The objective has no loss of anomalies.

    References:
        Lai et al. 2020, RSRAE, the loss of the recovery layer with q = 1.
    """
    return Objective(Partial(_residual))


def _error(out: Coded | SubspaceOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.error


def _calibration_error(out: Coded, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.calibrated


def _class_factors(batch: Batch) -> tuple[Array, Array]:
    """Return the factors of the losses of labelled and of unlabelled rows."""
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


def _sum_errors(
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


def _contractive(contraction, out: RegularisedOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.error + contraction * out.contraction


def _inverse_error(eps, out: RegularisedOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return 1 / (out.error + eps)


def _residual(out: SubspaceOut, batch: Batch | None = None) -> Float[Array, "b"]:
    del batch
    return out.residual
