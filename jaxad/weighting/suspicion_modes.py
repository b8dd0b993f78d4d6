"""Mining with a share and a weight that come from the record of suspicion.

References:
    Yu et al. 2023, NCAE, eq. 8 (the weight); the estimate of the share is this library's own.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int

from jaxad.errors import ConfigError
from jaxad.types import Info, TrainData
from jaxad.weighting.base import Context, Weighting, Weights
from jaxad.weighting.mixture import (
    Mixture,
    begin_mixture,
    has_two_modes,
    improve_mixture,
    is_upper,
)
from jaxad.weighting.registry import Record, register

__all__ = ["SuspicionState", "adaptive_mining"]


class SuspicionState(NamedTuple):
    """The suspicion of each training row, and the mixture that is fitted to it.

    Attributes:
        relative_loss: `(n,)` sum over batches of the logarithm of a row's loss as a normal one,
            minus its median over the unlabelled rows of the batch.
        seen: `(n,)` the number of batches that contained it as an unlabelled row.
        mixture: Two Gaussians of the means of these numbers; all zeros before the first fit.
        tau: The estimated share of anomalies among the unlabelled rows; 0 with one mode.
    """

    relative_loss: Float[Array, "n"]
    seen: Int[Array, "n"]
    mixture: Mixture
    tau: Float[Array, ""]


@register("adaptive_mining", record=Record("relative_loss", "relative_loss"))
def adaptive_mining(calibrate: float = 1.0, most: float = 9.0, warm_up: float = 2.0) -> Weighting:
    r"""Treat the unlabelled rows of the upper mode of suspicion as anomalies, if there are two.

    The suspicion of a row is the mean over training of `log loss - median log loss of the batch`.
    A mixture of two Gaussians is fitted to the suspicion of all unlabelled rows, by one step of
    expectation maximisation in each step of training. If its density has a dip between the two
    means, the upper component is taken as hidden anomalies with the share tau, and the rows that
    belong to it get the weights

    $$(w^N, w^A) = \left( 0, \; calibrate \cdot \min\left( \tfrac{1 - \tau}{\tau}, most
    \right) \right),$$

    each times the previous weight of the row. With the factor `(1 - tau) / tau` the mean over mined
    rows counts as much as the mean over the others, as in NCAE. With one mode, or with an upper
    component of more than half of the rows, tau is 0 and nothing changes.

    Args:
        calibrate: Factor of the weight of mined rows, >= 0; 0 leaves them out.
        most: Bound of `(1 - tau) / tau`, > 0; 9 is its value at the share of 0.1 of NCAE.
        warm_up: Epochs before the first fit, >= 0; fewer than the detector trains for.

    Raises:
        ConfigError: A value is out of range.
    """
    if not 0 <= calibrate < float("inf"):
        raise ConfigError(f"calibrate must be a finite number of at least 0; given {calibrate}")
    if not 0 < most < float("inf"):
        raise ConfigError(f"most must be a finite positive number; given {most}")
    if not warm_up >= 0:
        raise ConfigError(f"warm_up must be at least 0; given {warm_up}")
    update = Partial(_mine, float(calibrate), float(most), float(warm_up))
    return Weighting(
        Partial(_init), update, Partial(_info), anomaly_loss=True, blind=float(warm_up)
    )


def _init(data: TrainData) -> SuspicionState:
    n = data.label.shape[-1]
    nothing = Mixture(jnp.zeros(2), jnp.zeros(2), jnp.zeros(2))
    return SuspicionState(jnp.zeros(n), jnp.zeros(n, jnp.int32), nothing, jnp.zeros(()))


def _mine(calibrate, most, warm_up, weights: Weights, state: SuspicionState, context: Context):
    batch, among = context.batch, context.batch.label == 0
    loss = context.normal_loss()
    log = jnp.log(jnp.maximum(loss, jnp.finfo(loss.dtype).tiny))
    median = jnp.nan_to_num(jnp.nanmedian(jnp.where(among, log, jnp.nan)))
    total = state.relative_loss.at[batch.index].add(jnp.where(among, log - median, 0))
    seen = state.seen.at[batch.index].add(among.astype(jnp.int32))

    suspicion, known = total / jnp.maximum(seen, 1), seen > 0
    mixture = Mixture(
        *(
            jnp.where(jnp.sum(state.mixture.share) > 0, old, new)
            for old, new in zip(state.mixture, begin_mixture(suspicion, known), strict=True)
        )
    )
    mixture = improve_mixture(mixture, suspicion, known)
    share = mixture.share[1]
    two = has_two_modes(mixture) & (share < 0.5)
    ready = batch.epoch >= warm_up
    mixture = Mixture(*(jnp.where(ready, part, 0) for part in mixture))
    tau = jnp.where(ready & two, share, 0)

    mined = among & (tau > 0) & is_upper(mixture, suspicion[batch.index])
    ratio = jnp.minimum((1 - tau) / jnp.where(tau > 0, tau, 1), most)
    before = weights.normal + weights.anomaly
    return weights._replace(
        normal=jnp.where(mined, 0, weights.normal),
        anomaly=jnp.where(mined, calibrate * ratio * before, weights.anomaly),
    ), SuspicionState(total, seen, mixture, tau)


def _info(state: SuspicionState) -> Info:
    return {"tau": state.tau}
