"""The soft boundary's radius in closed form (Ruff et al. 2018, section 3.3)."""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.models.hyperplane import Hyperplane
from jaxad.models.hypersphere import SoftBoundary
from jaxad.types import Batch, Info, Key, State, TrainData

__all__ = ["step_with_batch_radius", "update_radius"]


def update_radius(
    model: SoftBoundary | Hyperplane,
    nu: float,
    warm_up: float,
    every: float,
    state: State,
    data: TrainData,
    epoch: Float[Array, ""],
) -> State:
    """Set the radius to its optimum for the current weights, every `every` epochs.

    Args:
        model: The hypersphere with a radius, or the hyperplane with an offset in its place.
        nu: Fraction of rows that may lie outside, in (0, 1].
        warm_up: Epochs before the first update; until then the radius is 0.
        every: Epochs between updates.
        state: The training state.
        data: All training rows.
        epoch: The epoch that is about to start.
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
    """Take a step, and set the radius to the optimum for the batch, as the released code does.

    Distances are those before the step, in train mode. The radius is kept during the warm-up.
    """
    distance = model.apply(state.variables, state.extras, batch.x, train=True).out.distance
    after, info = step(state, batch, key)
    radius_sq = jnp.where(
        batch.epoch >= warm_up, jnp.quantile(distance, 1 - nu), state.extras["radius_sq"]
    )
    return after._replace(extras={**after.extras, "radius_sq": radius_sq}), info
