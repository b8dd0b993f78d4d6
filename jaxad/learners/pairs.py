"""A step on pairs of rows: the step on rows, after the labels of a pair have become one."""

import jax.numpy as jnp

from jaxad.learners.gradient import gradient_step
from jaxad.learners.optimiser import Optimiser
from jaxad.models.base import Model
from jaxad.objectives import ordinal
from jaxad.types import Batch, Info, Key, State
from jaxad.weighting.base import Weighting

__all__ = ["pair_step"]


def pair_step(
    model: Model,
    target: float,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    batch: Batch,
    key: Key,
) -> tuple[State, Info]:
    """`gradient_step` where a pair's score should be `target` times its labelled anomalies.

    To the weighting a pair with a labelled anomaly is one, any other pair is unlabelled.

    Args:
        model: A score of pairs.
        target: The score of a pair with one labelled anomaly.
        weighting: Who decides the two weights of a pair.
        optimiser: How parameters move.
        state: The training state.
        batch: Pairs: `x` is `(b, 2, ...)`, `label` and `index` are `(b, 2)`.
        key: A random key of this step.
    """
    anomalies = jnp.sum(batch.label < 0, axis=1)
    label = -jnp.minimum(anomalies, 1).astype(batch.label.dtype)
    objective = ordinal(target * anomalies)
    pairs = batch._replace(label=label, index=batch.index[:, 0])
    return gradient_step(model, objective, weighting, optimiser, state, pairs, key)
