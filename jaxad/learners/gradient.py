"""One optimisation step on the one loss that every method trains on."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.learners.optimiser import Optimiser
from jaxad.models.base import Model
from jaxad.objectives import Objective
from jaxad.types import Batch, Info, Key, PyTree, State, TrainData, Variables
from jaxad.weighing.base import Context, Weighing, Weights

__all__ = ["gradient_step", "start_state", "weighted_loss"]


def start_state(
    model: Model,
    weighing: Weighing,
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
        weighing.init(data),
    )


def gradient_step(
    model: Model,
    objective: Objective,
    weighing: Weighing,
    optimiser: Optimiser,
    state: State,
    batch: Batch,
    key: Key,
) -> tuple[State, Info]:
    """One step of gradient descent on `mean_i [w_i^N normal(s_i) + w_i^A anomaly(s_i)] + penalty`.

    The whole batch goes forward first, in train mode; the weighing looks at what came out.
    """

    def loss_of(params: PyTree):
        variables = Variables(params, state.batch_stats)
        out, batch_stats = model.apply(variables, state.extras, batch.x, train=True)
        constants = jax.lax.stop_gradient((variables, state.extras))
        context = Context(model, objective, *constants, batch, jax.lax.stop_gradient(out), key)
        start = Weights(jnp.ones(batch.label.shape), jnp.zeros(batch.label.shape))
        weights, weigh_state = weighing.update(start, state.weighing, context)
        loss = weighted_loss(objective, weights, out) + optimiser.penalty(params)
        return loss, (batch_stats, weigh_state)

    gradient = jax.value_and_grad(loss_of, has_aux=True)
    (loss, (batch_stats, weigh_state)), grads = gradient(state.params)
    params, opt_state = optimiser.update(grads, state.opt_state, state.params, batch.epoch)
    info = {"loss": loss, **weighing.info(weigh_state)}
    return State(params, batch_stats, state.extras, opt_state, weigh_state), info


def weighted_loss(objective: Objective, weights: Weights, out: PyTree) -> Float[Array, ""]:
    """`mean_i [w_i^N normal(s_i) + w_i^A anomaly(s_i)]`."""
    losses = weights.normal * objective.normal(out)
    if objective.anomaly is not None:
        losses = losses + weights.anomaly * objective.anomaly(out)
    return jnp.mean(losses)
