"""Latent outlier exposure: the rows of a batch that look most anomalous are trained as anomalies.

References:
    Qiu et al. 2022, Latent outlier exposure for anomaly detection with contaminated data.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int

from jaxad.errors import ConfigError
from jaxad.types import TrainData
from jaxad.weighting.base import Context, Weighting, Weights, place_in_batch
from jaxad.weighting.registry import Record, register

__all__ = ["ExposureState", "latent_outlier_exposure"]


class ExposureState(NamedTuple):
    """How anomalous each training row looked in the batches that contained it, for an audit.

    Attributes:
        exposure_rank: `(n,)` sum over batches of a row's place among the unlabelled rows: 1 for the
            most anomalous one, 0 for the least.
        seen: `(n,)` the number of batches that contained it as an unlabelled row.
    """

    exposure_rank: Float[Array, "n"]
    seen: Int[Array, "n"]


@register("latent_outlier_exposure", record=Record("exposure", "exposure_rank"))
def latent_outlier_exposure(
    alpha: float = 0.1, soft: bool = False, blind: float = 2.0
) -> Weighting:
    """Treat the unlabelled rows of a batch with the highest `normal(s) - anomaly(s)` as anomalies.

    The weight of these rows, a fraction `alpha`, is multiplied by `(0, 1)`, or by `(1/2, 1/2)` with
    `soft`; the weights of other rows do not change. The first epochs expose nothing, as scores are
    not informative yet.

    Args:
        alpha: The assumed fraction of anomalies among the unlabelled rows, in [0, 1).
        soft: Whether exposed rows get half of both losses.
        blind: Epochs before the first exposure, >= 0; fewer than the detector trains for.

    Raises:
        ConfigError: A value is out of range.
    """
    if not 0 <= alpha < 1:
        raise ConfigError(f"alpha must be in [0, 1); given {alpha}")
    if not isinstance(soft, bool):
        raise ConfigError(f"soft must be true or false; given {soft!r}")
    if not blind >= 0:
        raise ConfigError(f"blind must be at least 0; given {blind}")
    kept = 0.5 if soft else 0.0
    update = Partial(_expose, float(alpha), kept, float(blind))
    # With alpha = 0 the weighting only keeps its record, which it does from the start.
    idle = float(blind) if alpha > 0 else 0.0
    return Weighting(Partial(_init), update, anomaly_loss=True, blind=idle)


def _init(data: TrainData) -> ExposureState:
    n = data.label.shape[-1]
    return ExposureState(jnp.zeros(n), jnp.zeros(n, jnp.int32))


def _expose(alpha, kept, blind, weights: Weights, state: ExposureState, context: Context):
    batch = context.batch
    among, gap = batch.label == 0, context.normal_loss() - context.anomaly_loss()
    place, count = place_in_batch(gap, among), jnp.sum(among)
    exposed = among & (place < jnp.round(alpha * count)) & (batch.epoch >= blind)
    total = weights.normal + weights.anomaly
    rank = jnp.where(among, 1 - place / jnp.maximum(count - 1, 1), 0)
    return weights._replace(
        normal=jnp.where(exposed, kept * total, weights.normal),
        anomaly=jnp.where(exposed, (1 - kept) * total, weights.anomaly),
    ), ExposureState(
        state.exposure_rank.at[batch.index].add(rank), state.seen.at[batch.index].add(among)
    )
