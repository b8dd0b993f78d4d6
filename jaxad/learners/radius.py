"""The soft boundary's radius in closed form (Ruff et al. 2018, section 3.3)."""

import jax
from jaxtyping import Array, Float

from jaxad.models.hypersphere import SoftBoundary
from jaxad.types import State, TrainData

__all__ = ["closed_form_radius"]


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
