"""Pre-training of a detector's encoder in an autoencoder (Ruff et al. 2018, section 4.2).

The released code of Deep SAD trains the autoencoder but then starts from random weights, because
its key prefixes never match.
"""

from jaxad.learners.gradient import start_state
from jaxad.learners.optimiser import Optimiser
from jaxad.models.base import Model
from jaxad.models.reconstruction import Reconstruction
from jaxad.types import Key, State, TrainData
from jaxad.weighting.base import Weighting

__all__ = ["begin_pretraining", "begin_training"]


def begin_pretraining(
    autoencoder: Reconstruction,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin pre-training with the detector's encoder and a random decoder."""
    variables, extras = autoencoder.extend(state.variables, key, data)
    return start_state(autoencoder, weighting, optimiser, variables, extras, data)


def begin_training(
    autoencoder: Reconstruction,
    model: Model,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin the detector's training with the encoder's weights and their extras."""
    del key
    variables = autoencoder.select_encoder(state.variables)
    extras = model.extras(variables, data)
    return start_state(model, weighting, optimiser, variables, extras, data)
