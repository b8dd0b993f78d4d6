"""Soft exposure beside known labels: labelled and unlabelled rows count as two means.

References:
    Li et al. 2023, Deep anomaly detection under labeling budget constraints (SOEL).
"""

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float

from jaxad.weighting.base import Context, Weighting, Weights, chain, no_state
from jaxad.weighting.outlier_exposure import latent_outlier_exposure
from jaxad.weighting.registry import register

__all__ = ["soel"]


@register("soel")
def soel(alpha: float = 0.1, blind: float = 2.0) -> Weighting:
    r"""Add the mean loss of the labelled rows to that of the unlabelled ones, softly exposed.

    With the labels y (1 for an anomaly) of the labelled rows Q of a batch, that is those whose
    labels are known or were asked for, and pseudo-labels of its unlabelled rows U,

    $$L = \frac{1}{|Q|} \sum_{j \in Q} \left( y_j \ell^A_j + (1 - y_j) \ell^N_j \right) +
    \frac{1}{|U|} \sum_{i \in U} \left( \tilde y_i \ell^A_i + (1 - \tilde y_i) \ell^N_i \right),$$

    where the pseudo-label is 1/2 for the fraction `alpha` of U with the largest
    `normal(s) - anomaly(s)`, and 0 for the others. Without labelled rows it is
    `latent_outlier_exposure(alpha, soft=True)`, whose record for audits it keeps.

    Args:
        alpha: The assumed fraction of anomalies among the unlabelled rows, in [0, 1).
            `estimate_alpha` estimates it from rows that were asked for, as the paper does.
        blind: Epochs before the first exposure, >= 0; fewer than the detector trains for.

    Raises:
        ConfigError: A value is out of range.
    """
    means = Weighting(Partial(no_state), Partial(_add_means), anomaly_loss=True)
    return chain(means, latent_outlier_exposure(alpha, soft=True, blind=blind))


def _add_means(weights: Weights, state: tuple[()], context: Context):
    label, total = context.batch.label, weights.normal + weights.anomaly
    size = jnp.where(label == 0, _scale(label == 0), _scale(label != 0))
    known = total * size
    return weights._replace(
        normal=jnp.where(label < 0, 0, known), anomaly=jnp.where(label < 0, known, 0)
    ), state


def _scale(among: Bool[Array, "b"]) -> Float[Array, ""]:
    """Return the factor that turns a part of the mean over the batch into the mean over rows."""
    return len(among) / jnp.maximum(jnp.sum(among), 1)
