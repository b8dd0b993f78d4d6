"""Latent outlier exposure: the rows of a batch that look most anomalous are taken as anomalies.

References:
    Qiu et al. 2022, Latent outlier exposure for anomaly detection with contaminated data.
"""

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float

from jaxad.errors import ConfigError
from jaxad.weighing.base import Context, Weighing, Weights, no_state

__all__ = ["latent_outlier_exposure"]


def latent_outlier_exposure(alpha: float = 0.1, soft: bool = False, blind: float = 2.0) -> Weighing:
    """The top `alpha` of a batch's unlabelled rows, by `normal(s) - anomaly(s)`, as anomalies.

    They get `(0, 1)`, or `(1/2, 1/2)` if soft, times the weight that they had; labelled rows stay
    as they are. In the first epochs nothing is exposed: the scores say nothing yet.

    Args:
        alpha: The assumed share of anomalies among the unlabelled rows, in [0, 1).
        soft: Whether exposed rows get half of both losses.
        blind: Epochs before the first exposure, >= 0.

    Raises:
        ConfigError: A value out of its range.
    """
    if not 0 <= alpha < 1:
        raise ConfigError(f"alpha must be in [0, 1); given {alpha}")
    if not isinstance(soft, bool):
        raise ConfigError(f"soft must be true or false; given {soft!r}")
    if not blind >= 0:
        raise ConfigError(f"blind must be at least 0; given {blind}")
    kept = 0.5 if soft else 0.0
    update = Partial(_expose, float(alpha), kept, float(blind))
    return Weighing(Partial(no_state), update, anomaly_loss=True)


def _expose(alpha, kept, blind, weights: Weights, state: tuple[()], context: Context):
    out, (normal, anomaly) = context.out, context.objective
    assert anomaly is not None  # `gradient_detector` refuses such an objective
    anomalous = normal(out) - anomaly(out)
    exposed = _top(alpha, anomalous, context.batch.label == 0) & (context.batch.epoch >= blind)
    total = weights.normal + weights.anomaly
    return Weights(
        jnp.where(exposed, kept * total, weights.normal),
        jnp.where(exposed, (1 - kept) * total, weights.anomaly),
    ), state


def _top(
    share: Float[Array, ""], values: Float[Array, "b"], among: Bool[Array, "b"]
) -> Bool[Array, "b"]:
    """The highest values: a share, rounded, of those that take part. Of equals the first."""
    before = jnp.arange(len(values))[None, :] < jnp.arange(len(values))[:, None]
    higher = values[None, :] > values[:, None]
    equal = values[None, :] == values[:, None]
    rank = jnp.sum((higher | (equal & before)) & among[None, :], axis=1)
    return among & (rank < jnp.round(share * jnp.sum(among)))
