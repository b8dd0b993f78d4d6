"""From the four choices to a detector: score model, objective, weighing, learner."""

from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.detector import Detector, Phase
from jaxad.detectors.config import GradientConfig, PretrainedConfig
from jaxad.detectors.registry import Spec
from jaxad.errors import ConfigError
from jaxad.learners import (
    Optimiser,
    gradient_step,
    into_autoencoder,
    out_of_autoencoder,
    start_state,
)
from jaxad.models import Model, Reconstruction
from jaxad.nets.build import autoencoder_nets
from jaxad.objectives import Objective, identity
from jaxad.samplers import Sampler, ShuffledEpochs
from jaxad.types import Key, State, TrainData
from jaxad.weighing import Weighing, unsupervised

__all__ = ["gradient_detector", "networks", "with_pretraining"]


def networks(config: GradientConfig, spec: Spec, code_bias: bool | None = None):
    """The encoder and decoder of a configuration."""
    sizes = (spec.shape, config.channels, config.widths)
    return autoencoder_nets(*sizes, config.norm, config.bias, config.slope, code_bias=code_bias)


def gradient_detector(
    model: Model,
    objective: Objective,
    weighing: Weighing,
    config: GradientConfig,
    sampler: Sampler | None = None,
) -> Detector:
    """A detector trained by gradient descent on one weighted pair of losses.

    Args:
        model: What is measured.
        objective: The pair of losses.
        weighing: Who decides their weights.
        config: Optimiser and schedule.
        sampler: Which rows make up the batches; None: a new shuffle of all each epoch.

    Raises:
        ConfigError: The weighing gives rows the loss of anomalies and the objective has none.
    """
    if weighing.anomaly_loss and objective.anomaly is None:
        raise ConfigError(
            "this weighing puts weight on a loss of anomalies, and the objective has none: "
            "choose an objective with one, or a weighing that needs none"
        )
    optimiser = config.schedule()
    if sampler is None:
        sampler = ShuffledEpochs(
            config.batch_size,
            float(weighing.labelled_anomalies),
            float(weighing.labelled_normals),
        )
    return Detector(
        init=Partial(_init, model, weighing, optimiser),
        update=Partial(gradient_step, model, objective, weighing, optimiser),
        score=Partial(_score, model),
        sampler=sampler,
        epochs=config.epochs,
        convolutional=model.convolutional,
    )


def with_pretraining(
    detector: Detector,
    model: Model,
    autoencoder: Reconstruction,
    weighing: Weighing,
    config: PretrainedConfig,
    pretraining: Optimiser | None = None,
) -> Detector:
    """The same detector, started from the encoder of an autoencoder of the unlabelled rows.

    Its optimiser is that of the detector, over the epochs of pre-training, or one of its own.
    """
    if config.pretrain_epochs == 0:
        return detector
    pretraining = pretraining or config.schedule(config.pretrain_epochs)
    phase = Phase(
        name="pretrain",
        update=Partial(gradient_step, autoencoder, identity(), unsupervised(), pretraining),
        begin=Partial(into_autoencoder, autoencoder, unsupervised(), pretraining),
        sampler=ShuffledEpochs(config.batch_size, 0.0),
        epochs=config.pretrain_epochs,
    )
    begin = Partial(out_of_autoencoder, autoencoder, model, weighing, config.schedule())
    return detector._replace(before=(phase,), begin=begin)


def _init(
    model: Model, weighing: Weighing, optimiser: Optimiser, key: Key, data: TrainData
) -> State:
    variables, extras = model.init(key, data)
    return start_state(model, weighing, optimiser, variables, extras, data)


def _score(model: Model, state: State, x: Array) -> Float[Array, "n"]:
    out, _ = model.apply(state.variables, state.extras, x, train=False)
    return model.score(out)
