"""Training in two stages: a VAE, and then a model of its codes (Kingma et al. 2014, M1 + M2)."""

from jaxad.learners.gradient import start_state
from jaxad.learners.optimiser import Optimiser
from jaxad.models.on_codes import OnCodes
from jaxad.types import Key, State, TrainData
from jaxad.weighing.base import Weighing

__all__ = ["into_vae", "out_of_vae"]


def into_vae(
    model: OnCodes,
    weighing: Weighing,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin the first stage: the VAE alone."""
    del key
    variables = state.extras["vae"]
    extras = model.vae.extras(variables, data)
    return start_state(model.vae, weighing, optimiser, variables, extras, data)


def out_of_vae(
    model: OnCodes,
    weighing: Weighing,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin the second stage: a random model of the trained VAE's codes."""
    variables, extras = model.around(state.variables, key, data)
    return start_state(model, weighing, optimiser, variables, extras, data)
