"""Contradicting training: gradient ascent on a few labelled anomalies.

References:
    Wu et al. 2022, Understanding and mitigating data contamination in deep anomaly detection: a
    kernel-based approach; objective `L_noisy - lambda L_labelled`.
"""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.errors import ConfigError
from jaxad.padding import valid_rows
from jaxad.types import TrainData
from jaxad.weighting.base import Context, Weighting, Weights
from jaxad.weighting.registry import register

__all__ = ["contradicting"]

_BALANCED = -1.0  # in place of a strength, which is never negative


@register("contradicting")
def contradicting(
    lam: float | Literal["balanced"] = 20.0, cap: float = 10.0, share: float = 0.1
) -> Weighting:
    """Multiply the weights of labelled anomalies by `(-lam, 0)`: gradient ascent on their loss.

    Where the loss is unbounded, so is the ascent. Therefore a labelled anomaly whose loss as a
    normal row has reached `cap` times the initial mean loss gets weight 0, and contributes the
    value that it has reached: `-lam min(s, cap s_0)`. The initial mean `s_0` is that of the first
    batch, or of the labelled anomalies in the first batch that has any, whichever is larger.

    Args:
        lam: Strength of the ascent, >= 0; 0 leaves labelled anomalies out of the loss, 1 is the
            ramp loss. "balanced" is twice the assumed number of hidden anomalies over the number of
            labelled ones, `2 share unlabelled / labelled`: the ascent then outweighs the descent on
            hidden anomalies.
        cap: The bound of a labelled anomaly's loss, as a multiple of the initial mean loss, > 0;
            infinity for none, for losses that are bounded anyway.
        share: The assumed fraction of anomalies among the unlabelled rows, in [0, 1); only for
            `lam="balanced"`.

    Raises:
        ConfigError: A value is out of range.
    """
    balanced = isinstance(lam, str) and lam == "balanced"
    if not balanced and (isinstance(lam, str) or not 0 <= lam < float("inf")):
        raise ConfigError(f"lam must be a finite number of at least 0 or 'balanced'; given {lam!r}")
    if not cap > 0:
        raise ConfigError(f"cap must be positive; given {cap}")
    if not 0 <= share < 1:
        raise ConfigError(f"share must be in [0, 1); given {share}")
    fixed = _BALANCED if balanced else float(lam)
    return Weighting(Partial(_init, float(share)), Partial(_ascend, fixed, float(cap)))


class _Initial(NamedTuple):
    """Mean losses when they are first known, -1 before; and the balanced strength."""

    rows: Float[Array, ""]
    labelled: Float[Array, ""]
    balanced: Float[Array, ""]


def _init(share, data: TrainData) -> _Initial:
    valid = valid_rows(data)
    labelled = jnp.sum(valid & (data.label < 0))
    hidden = share * jnp.sum(valid & (data.label == 0))
    balanced = 2 * hidden / jnp.maximum(labelled, 1)
    return _Initial(jnp.asarray(-1.0), jnp.asarray(-1.0), balanced)


def _ascend(lam, cap, weights: Weights, initial: _Initial, context: Context):
    loss = context.normal_loss()
    labelled = context.batch.label < 0
    count = jnp.sum(labelled)
    of_labelled = jnp.sum(jnp.where(labelled, loss, 0)) / jnp.maximum(count, 1)
    initial = _Initial(
        jnp.where(initial.rows < 0, jnp.mean(loss), initial.rows),
        jnp.where((initial.labelled < 0) & (count > 0), of_labelled, initial.labelled),
        initial.balanced,
    )
    strength = jnp.where(lam < 0, initial.balanced, lam)
    # Never 0, as infinity times 0 is not a number.
    top = cap * jnp.maximum(jnp.maximum(initial.rows, initial.labelled), jnp.finfo(loss.dtype).tiny)
    reached = loss >= top
    ascent = -strength * (weights.normal + weights.anomaly)
    weights = Weights(
        jnp.where(labelled, jnp.where(reached, 0.0, ascent), weights.normal),
        jnp.where(labelled, 0.0, weights.anomaly),
        weights.held + jnp.where(labelled & reached, ascent * top, 0.0),
    )
    return weights, initial
