"""Gradient steps on the weighted loss that all methods share."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.learners.optimiser import Optimiser
from jaxad.models.base import Model
from jaxad.nets.norm import batch_statistics
from jaxad.objectives import Objective
from jaxad.types import Batch, Info, Key, PyTree, State, TrainData, Variables
from jaxad.weighting.base import Context, Weighting, Weights

__all__ = [
    "batch_loss",
    "gradient_step",
    "refresh_extras",
    "row_losses",
    "start_state",
    "weighted_loss",
]


def start_state(
    model: Model,
    weighting: Weighting,
    optimiser: Optimiser,
    variables: Variables,
    extras: PyTree,
    data: TrainData,
) -> State:
    """Build the initial state for `gradient_step` from given variables."""
    return State(
        variables.params,
        variables.batch_stats,
        extras,
        optimiser.init(variables.params),
        weighting.init(data),
    )


def gradient_step(
    model: Model,
    objective: Objective,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    batch: Batch,
    key: Key,
) -> tuple[State, Info]:
    """Take a gradient step on `mean_i [w_i^N normal(s_i) + w_i^A anomaly(s_i)] + penalty`.

    The penalty is the sum of the optimiser's (on kernels) and the model's (`Applied.penalty`).

    Args:
        model: The score model.
        objective: The pair of losses.
        weighting: The rule for the two weights of each example.
        optimiser: The optimiser of the parameters.
        state: The training state.
        batch: Rows, pairs or triplets, depending on the objective.
        key: A random key for this step.

    Returns:
        The state after the step, and the loss with the weighting's diagnostics.
    """

    def compute_loss(params: PyTree):
        now = state._replace(params=params)
        loss, (_, after) = batch_loss(model, objective, weighting, now, batch, key)
        return loss + optimiser.penalty(params), after

    (loss, after), grads = jax.value_and_grad(compute_loss, has_aux=True)(state.params)
    params, opt_state = optimiser.update(grads, state.opt_state, state.params, batch.epoch)
    info = {"loss": loss, **weighting.info(after.weighting)}
    return after._replace(params=params, opt_state=opt_state), info


def batch_loss(
    model: Model,
    objective: Objective,
    weighting: Weighting,
    state: State,
    batch: Batch,
    key: Key,
) -> tuple[Float[Array, ""], tuple[PyTree, State]]:
    """Compute the mean loss of a batch in train mode, under the weights of the weighting.

    Returns:
        The loss including the model's penalty, the model's output, and the state with new running
        statistics and weighting.
    """
    losses, penalty, after = row_losses(model, objective, weighting, state, batch, key)
    return jnp.mean(losses) + penalty, after


def row_losses(
    model: Model,
    objective: Objective,
    weighting: Weighting,
    state: State,
    batch: Batch,
    key: Key,
) -> tuple[Float[Array, "b"], Float[Array, ""], tuple[PyTree, State]]:
    """Compute the weighted loss of each row of a batch in train mode.

    The model is applied to the whole batch first, and the weighting uses its output. The weights
    are constants for the gradient.

    Returns:
        The losses, the model's penalty, its output, and the state with new running statistics and
        weighting.
    """
    model_key, weighting_key = jax.random.split(key)
    variables, extras = state.variables, state.extras
    rows = weighting.statistics(batch)
    with batch_statistics(None if rows is None else rows.reshape(-1)):
        out, batch_stats, penalty = model.apply(variables, extras, batch.x, True, model_key)
    constants = jax.lax.stop_gradient((variables, extras, out))
    context = Context(
        model=model,
        objective=objective,
        variables=constants[0],
        extras=constants[1],
        batch=objective.apply_relabel(batch),
        out=constants[2],
        key=weighting_key,
        drawn=batch,
        model_key=model_key,
    )
    shape = context.batch.label.shape
    start = Weights(jnp.ones(shape), jnp.zeros(shape))
    weights, weighting_state = weighting.update(start, state.weighting, context)
    losses = _weight_losses(objective, weights, out, batch)
    after = state._replace(batch_stats=batch_stats, weighting=weighting_state)
    return losses, jnp.asarray(penalty), (out, after)


def weighted_loss(
    objective: Objective, weights: Weights, out: PyTree, batch: Batch
) -> Float[Array, ""]:
    """Compute `mean_i [w_i^N normal(s_i) + w_i^A anomaly(s_i)]`, plus the held losses."""
    return jnp.mean(_weight_losses(objective, weights, out, batch))


def _weight_losses(
    objective: Objective, weights: Weights, out: PyTree, batch: Batch
) -> Float[Array, "b"]:
    losses = weights.normal * objective.normal(out, batch) + weights.held
    if objective.anomaly is not None:
        losses = losses + weights.anomaly * objective.anomaly(out, batch)
    return losses


def refresh_extras(model: Model, state: State, data: TrainData, epoch: Float[Array, ""]) -> State:
    """Recompute the extras of the model, as a detector's `each_epoch`."""
    del epoch
    return state._replace(extras=model.extras(state.variables, data))
