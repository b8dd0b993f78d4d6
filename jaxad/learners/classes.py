"""A step on a generative model whose class is known for some rows (Kingma et al. 2014, M2)."""

import jax.numpy as jnp

from jaxad.learners.gradient import gradient_step
from jaxad.learners.optimiser import Optimiser
from jaxad.models.base import Model
from jaxad.objectives import class_bound
from jaxad.types import Batch, Info, Key, State
from jaxad.weighting.base import Weighting

__all__ = ["class_step"]


def class_step(
    model: Model,
    alpha: float,
    prior: float,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    batch: Batch,
    key: Key,
) -> tuple[State, Info]:
    """`gradient_step` on `class_bound` with the labels of the batch.

    The loss is the mean over labelled rows plus the mean over unlabelled ones; the former vanishes
    where a batch has fewer than two labelled rows.

    Args:
        model: `jaxad.models.ClassCode`, or that of codes.
        alpha: Weight of the classifier's cross-entropy on labelled rows.
        prior: Probability of the anomaly class.
        weighting: Who decides the two weights of a row.
        optimiser: How parameters move.
        state: The training state.
        batch: Rows.
        key: A random key of this step.
    """
    rows, known = len(batch.label), jnp.sum(batch.label != 0)
    labelled = jnp.where(known >= 2, rows / jnp.maximum(known, 1), 0.0)
    unlabelled = rows / jnp.maximum(rows - known, 1)
    objective = class_bound(batch.label, alpha, prior, labelled, unlabelled)
    return gradient_step(model, objective, weighting, optimiser, state, batch, key)
