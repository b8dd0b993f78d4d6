"""One optimisation step on the one loss that every method trains on."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.learners.optimiser import Optimiser
from jaxad.models.base import Model
from jaxad.objectives import Objective
from jaxad.types import Batch, Info, Key, PyTree, State, TrainData, Variables
from jaxad.weighting.base import Context, Weighting, Weights

__all__ = [
    "batch_loss",
    "batch_penalty",
    "fresh_extras",
    "gradient_step",
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
    """The state from which `gradient_step` goes on, for given variables."""
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
    """One step of gradient descent on `mean_i [w_i^N normal(s_i) + w_i^A anomaly(s_i)] + penalty`.

    The whole batch goes forward first, in train mode; the weighting looks at what came out. The
    penalty is the optimiser's on kernels, and what layers ask for (`batch_penalty`).
    """

    def loss_of(params: PyTree):
        now = state._replace(params=params)
        loss, (_, after) = batch_loss(model, objective, weighting, now, batch, key)
        return loss + optimiser.penalty(params) + batch_penalty(after.batch_stats), after

    (loss, after), grads = jax.value_and_grad(loss_of, has_aux=True)(state.params)
    params, opt_state = optimiser.update(grads, state.opt_state, state.params, batch.epoch)
    info = {"loss": loss, **weighting.info(after.weighting)}
    return after._replace(params=params, opt_state=opt_state), info


def fresh_extras(model: Model, state: State, data: TrainData, epoch: Float[Array, ""]) -> State:
    """The quantities in closed form for the present weights, as a detector's `each_epoch`."""
    del epoch
    return state._replace(extras=model.extras(state.variables, data))


def batch_loss(
    model: Model,
    objective: Objective,
    weighting: Weighting,
    state: State,
    batch: Batch,
    key: Key,
) -> tuple[Float[Array, ""], tuple[PyTree, State]]:
    """The mean loss of a batch in train mode, under the weights that the weighting gives its rows.

    Returns:
        The loss without penalties, and beside it the model's output and the state with new
        running statistics and a new state of the weighting.
    """
    variables = state.variables
    out, batch_stats = model.apply(variables, state.extras, batch.x, train=True)
    constants = jax.lax.stop_gradient((variables, state.extras))
    context = Context(model, objective, *constants, batch, jax.lax.stop_gradient(out), key)
    start = Weights(jnp.ones(batch.label.shape), jnp.zeros(batch.label.shape))
    weights, weighting_state = weighting.update(start, state.weighting, context)
    loss = weighted_loss(objective, weights, out)
    return loss, (out, state._replace(batch_stats=batch_stats, weighting=weighting_state))


def weighted_loss(objective: Objective, weights: Weights, out: PyTree) -> Float[Array, ""]:
    """`mean_i [w_i^N normal(s_i) + w_i^A anomaly(s_i)]`, with what is held."""
    losses = weights.normal * objective.normal(out) + weights.held
    if objective.anomaly is not None:
        losses = losses + weights.anomaly * objective.anomaly(out)
    return jnp.mean(losses)


def batch_penalty(batch_stats: PyTree) -> Float[Array, ""]:
    """The sum of all leaves called "penalty": what layers write of a batch to add to the loss."""
    leaves = jax.tree_util.tree_leaves_with_path(batch_stats)
    penalties = [leaf for path, leaf in leaves if getattr(path[-1], "key", None) == "penalty"]
    return sum(penalties, jnp.zeros(()))
