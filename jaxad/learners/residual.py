"""Pre-training of an autoencoder that stays part of the model (Zhou et al. 2021, FEAWAD)."""

from jaxad.learners.gradient import start_state
from jaxad.learners.optimiser import Optimiser
from jaxad.models.residual import ResidualScore
from jaxad.types import Key, State, TrainData
from jaxad.weighing.base import Weighing

__all__ = ["into_reconstruction", "out_of_reconstruction"]


def into_reconstruction(
    model: ResidualScore,
    weighing: Weighing,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin pre-training: the model's autoencoder alone."""
    del key
    variables = model.autoencoder_of(state.variables)
    extras = model.autoencoder.extras(variables, data)
    return start_state(model.autoencoder, weighing, optimiser, variables, extras, data)


def out_of_reconstruction(
    model: ResidualScore,
    weighing: Weighing,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin the model's training: a random scorer beside the trained autoencoder."""
    variables, extras = model.around(state.variables, key, data)
    return start_state(model, weighing, optimiser, variables, extras, data)
