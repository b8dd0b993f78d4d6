"""A step of CVDD, whose weights of contexts sharpen over training."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.learners.gradient import gradient_step
from jaxad.learners.optimiser import Optimiser
from jaxad.models.contexts import Contexts
from jaxad.objectives.contexts import nearest_contexts
from jaxad.types import Batch, Info, Key, State
from jaxad.weighting.base import Weighting

__all__ = ["context_step"]


def context_step(
    model: Contexts,
    alphas: Float[Array, "stages"],
    epochs: float,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    batch: Batch,
    key: Key,
) -> tuple[State, Info]:
    """`gradient_step` on `nearest_contexts` with the alpha of the batch's epoch.

    Args:
        model: Distances to contexts.
        alphas: What alpha is in turn, each for an equal share of the epochs.
        epochs: How many epochs there are.
        weighting: Who decides the two weights of a row.
        optimiser: How parameters move.
        state: The training state.
        batch: Documents.
        key: A random key of this step.
    """
    alphas = jnp.asarray(alphas)
    stage = jnp.floor(batch.epoch / epochs * len(alphas)).astype(jnp.int32)
    objective = nearest_contexts(alphas[jnp.clip(stage, 0, len(alphas) - 1)])
    return gradient_step(model, objective, weighting, optimiser, state, batch, key)
