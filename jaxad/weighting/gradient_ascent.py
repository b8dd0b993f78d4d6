"""Contradicting training: gradient ascent on a few labelled anomalies.

References:
    Wu et al. 2022, Understanding and mitigating data contamination in deep anomaly detection: a
    kernel-based approach; objective `L_noisy - lambda L_labelled`.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.errors import ConfigError
from jaxad.types import TrainData
from jaxad.weighting.base import Context, Weighting, Weights
from jaxad.weighting.registry import register

__all__ = ["contradicting"]


@register("contradicting")
def contradicting(lam: float = 20.0, cap: float = 10.0) -> Weighting:
    """Multiply the weights of labelled anomalies by `(-lam, 0)`: gradient ascent on their loss.

    Where the loss is unbounded, so is the ascent. Therefore a labelled anomaly whose loss as a
    normal row has reached `cap` times the initial mean loss gets weight 0, and contributes the
    value that it has reached: `-lam min(s, cap s_0)`. The initial mean `s_0` is that of the first
    batch, or of the labelled anomalies in the first batch that has any, whichever is larger.

    Args:
        lam: Strength of the ascent, >= 0; 0 leaves labelled anomalies out of the loss, 1 is the
            ramp loss.
        cap: The bound of a labelled anomaly's loss, as a multiple of the initial mean loss, > 0;
            infinity for none, for losses that are bounded anyway.

    Raises:
        ConfigError: `lam` is not a finite number of at least 0, or `cap` not positive.
    """
    if not 0 <= lam < float("inf"):
        raise ConfigError(f"lam must be a finite number of at least 0; given {lam}")
    if not cap > 0:
        raise ConfigError(f"cap must be positive; given {cap}")
    return Weighting(Partial(_init), Partial(_ascend, float(lam), float(cap)))


class _Initial(NamedTuple):
    """Mean losses when they are first known, -1 before."""

    rows: Float[Array, ""]
    labelled: Float[Array, ""]


def _init(data: TrainData | None) -> _Initial:
    del data
    return _Initial(jnp.asarray(-1.0), jnp.asarray(-1.0))


def _ascend(lam, cap, weights: Weights, initial: _Initial, context: Context):
    loss = context.normal_loss()
    labelled = context.batch.label < 0
    count = jnp.sum(labelled)
    of_labelled = jnp.sum(jnp.where(labelled, loss, 0)) / jnp.maximum(count, 1)
    initial = _Initial(
        jnp.where(initial.rows < 0, jnp.mean(loss), initial.rows),
        jnp.where((initial.labelled < 0) & (count > 0), of_labelled, initial.labelled),
    )
    # Never 0, as infinity times 0 is not a number.
    top = cap * jnp.maximum(jnp.maximum(*initial), jnp.finfo(loss.dtype).tiny)
    reached = loss >= top
    ascent = -lam * (weights.normal + weights.anomaly)
    weights = Weights(
        jnp.where(labelled, jnp.where(reached, 0.0, ascent), weights.normal),
        jnp.where(labelled, 0.0, weights.anomaly),
        weights.held + jnp.where(labelled & reached, ascent * top, 0.0),
    )
    return weights, initial
