"""Adaptive rejection: rows of a batch with conspicuous losses count less, or not at all.

References:
    Lee et al. 2025, Anomaly detection with adaptive and aggressive rejection for contaminated
    training data (AAR), arXiv 2511.21378; Iglewicz and Hoaglin 1993, How to detect and handle
    outliers (the modified z-score).
"""

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float

from jaxad.errors import ConfigError
from jaxad.weighting.base import Context, Weighting, Weights, no_state
from jaxad.weighting.mixture import fit_mixture, is_upper
from jaxad.weighting.registry import register

__all__ = ["adaptive_rejection"]

_NORMAL_QUARTILE = 0.6745  # the median absolute deviation of a standard normal variable
_ROUNDS = 20


@register("adaptive_rejection")
def adaptive_rejection(
    threshold: float = 3.5, soft: float = 0.5, warm_up: float = 2.0
) -> Weighting:
    r"""Multiply the weights of unlabelled rows by 1, `soft` or 0, depending on their losses.

    With the loss of each unlabelled row of the batch as a normal one, its median `m` and the median
    absolute deviation from it, a row is rejected if its modified z-score is too large,

    $$\frac{0.6745 \, (\ell_i - m)}{\operatorname{median}_j |\ell_j - m|} > threshold.$$

    After the warm-up, rows are also rejected softly: a mixture of two Gaussians is fitted to the
    losses, and rows beyond the intersection of its densities,

    $$\pi_1 N(\ell; \mu_1, \sigma_1) = \pi_2 N(\ell; \mu_2, \sigma_2), \qquad \mu_1 < \mu_2,$$

    count only with the factor `soft`, if they are also beyond `mu_1 + sigma_1`. Where more than
    half of the losses are equal there is no z-score, and no row is rejected by it. The weights of
    labelled rows do not change. `soft` and the warm-up are this library's own values.

    Args:
        threshold: The modified z-score above which a row is rejected, > 0; infinity for none.
        soft: The factor of rows that are rejected softly, in [0, 1]; 1 for no such rejection.
        warm_up: Epochs before the first soft rejection, >= 0.

    Raises:
        ConfigError: A value is out of range.
    """
    if not threshold > 0:
        raise ConfigError(f"threshold must be positive; given {threshold}")
    if not 0 <= soft <= 1:
        raise ConfigError(f"soft must be in [0, 1]; given {soft}")
    if not warm_up >= 0:
        raise ConfigError(f"warm_up must be at least 0; given {warm_up}")
    update = Partial(_reject, float(threshold), float(soft), float(warm_up))
    return Weighting(Partial(no_state), update)


def _reject(threshold, soft, warm_up, weights: Weights, state: tuple[()], context: Context):
    among, loss = context.batch.label == 0, context.normal_loss()
    hard = _modified_z(loss, among) > threshold
    mixture = fit_mixture(loss, among, _ROUNDS)
    beyond = is_upper(mixture, loss) & (loss > mixture.mean[0] + mixture.deviation[0])
    doubtful = beyond & (context.batch.epoch >= warm_up)
    factor = jnp.where(among, jnp.where(hard, 0.0, jnp.where(doubtful, soft, 1.0)), 1.0)
    return weights._replace(normal=factor * weights.normal, anomaly=factor * weights.anomaly), state


def _modified_z(loss: Float[Array, "b"], among: Bool[Array, "b"]) -> Float[Array, "b"]:
    """Compute the modified z-scores of the losses that count; 0 where there is no deviation."""
    median = jnp.nanmedian(jnp.where(among, loss, jnp.nan))
    deviation = jnp.nanmedian(jnp.where(among, jnp.abs(loss - median), jnp.nan))
    known = deviation > 0  # false for NaN, where no row counts
    return jnp.where(known, _NORMAL_QUARTILE * (loss - median) / jnp.where(known, deviation, 1), 0)
