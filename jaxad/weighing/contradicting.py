"""Contradicting training: gradient ascent on a few labelled anomalies.

References:
    Wu et al. 2022, Understanding and mitigating data contamination in deep anomaly detection: a
    kernel-based approach; objective `L_noisy - lambda L_labelled`.
"""

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.errors import ConfigError
from jaxad.types import TrainData
from jaxad.weighing.base import Context, Weighing, Weights

__all__ = ["contradicting"]


def contradicting(lam: float = 20.0, cap: float = 10.0) -> Weighing:
    """`(-lam, 0)` for labelled anomalies, other rows as they are.

    The ascent has no bound where the loss has none. So a labelled anomaly whose loss of normals
    is above `cap` times the batch's mean at the first step gets weight 0, and its loss stays there.

    Args:
        lam: Strength of the ascent, >= 0; 0 leaves labelled anomalies out of the loss, 1 is the
            ramp loss.
        cap: How often the initial mean loss a labelled anomaly may reach, > 0; infinity for none,
            where the loss is bounded by itself.

    Raises:
        ConfigError: `lam` is negative or `cap` not positive.
    """
    if not lam >= 0:
        raise ConfigError(f"lam must be at least 0; given {lam}")
    if not cap > 0:
        raise ConfigError(f"cap must be positive; given {cap}")
    return Weighing(Partial(_init), Partial(_ascend, float(lam), float(cap)))


def _init(data: TrainData | None) -> Float[Array, ""]:
    del data
    return jnp.asarray(-1.0)  # the mean loss at the first step, once it is known


def _ascend(lam, cap, weights: Weights, initial: Float[Array, ""], context: Context):
    loss = context.objective.normal(context.out)
    initial = jnp.where(initial < 0, jnp.mean(loss), initial)
    ascent = -lam * (weights.normal + weights.anomaly) * (loss < cap * initial)
    labelled = context.batch.label < 0
    normal = jnp.where(labelled, ascent, weights.normal)
    return Weights(normal, jnp.where(labelled, 0.0, weights.anomaly)), initial
