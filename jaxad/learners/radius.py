"""The soft boundary's radius in closed form (Ruff et al. 2018, section 3.3)."""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.hypersphere import SoftBoundary
from jaxad.types import Batch, Info, Key, State, TrainData

__all__ = ["closed_form_radius", "step_with_batch_radius"]


def closed_form_radius(
    model: SoftBoundary,
    nu: float,
    warm_up: float,
    every: float,
    state: State,
    data: TrainData,
    epoch: Float[Array, ""],
) -> State:
    """Set the radius to its optimum for the present weights, every so many epochs.

    Args:
        model: The hypersphere with a radius.
        nu: The fraction of rows that may lie outside.
        warm_up: Epochs before the first time; until then the radius is 0.
        every: Epochs from one time to the next.
        state: The training state.
        data: All training rows.
        epoch: The epoch that begins.
    """
    due = (epoch >= warm_up) & ((epoch - warm_up) % every < 1)
    radius_sq = jax.lax.cond(
        due,
        lambda: model.radius_sq(state.variables, state.extras, data, nu),
        lambda: state.extras["radius_sq"],
    )
    return state._replace(extras={**state.extras, "radius_sq": radius_sq})


def step_with_batch_radius(
    step: Partial,
    model: SoftBoundary,
    nu: float,
    warm_up: float,
    state: State,
    batch: Batch,
    key: Key,
) -> tuple[State, Info]:
    """A step after which the radius is the optimum for the batch alone, as the released program's.

    The distances are those before the step, in train mode; until the warm-up is over the radius
    stays as it is.
    """
    distance = model.apply(state.variables, state.extras, batch.x, train=True).out.distance
    after, info = step(state, batch, key)
    radius_sq = jnp.where(
        batch.epoch >= warm_up, jnp.quantile(distance, 1 - nu), state.extras["radius_sq"]
    )
    return after._replace(extras={**after.extras, "radius_sq": radius_sq}), info
