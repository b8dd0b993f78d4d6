"""Pre-training: an autoencoder around a detector's encoder, whose weights the detector takes over.

Ruff et al. 2018, section 4.2; the released Deep SAD trains the autoencoder and then starts from
random weights, because its key prefixes never match.
"""

from jaxad.learners.gradient import start_state
from jaxad.learners.optimiser import Optimiser
from jaxad.models.base import Model
from jaxad.models.reconstruction import Reconstruction
from jaxad.types import Key, State, TrainData
from jaxad.weighting.base import Weighting

__all__ = ["into_autoencoder", "out_of_autoencoder"]


def into_autoencoder(
    autoencoder: Reconstruction,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin pre-training: a random decoder beside the detector's own encoder."""
    variables, extras = autoencoder.extend(state.variables, key, data)
    return start_state(autoencoder, weighting, optimiser, variables, extras, data)


def out_of_autoencoder(
    autoencoder: Reconstruction,
    model: Model,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin the detector's training: the encoder's weights, and what follows in closed form."""
    del key
    variables = autoencoder.select_encoder(state.variables)
    extras = model.extras(variables, data)
    return start_state(model, weighting, optimiser, variables, extras, data)
