"""From the four choices to a detector: score model, objective, weighting, learner."""

from collections.abc import Sequence

from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.detector import Detector, Parts, Phase
from jaxad.detectors.config import GradientConfig, PretrainedConfig
from jaxad.detectors.registry import Spec
from jaxad.errors import ConfigError
from jaxad.learners import (
    Optimiser,
    Player,
    gradient_step,
    into_autoencoder,
    out_of_autoencoder,
    start_players,
    start_state,
    take_turns,
)
from jaxad.models import Calibrated, Model, Reconstruction
from jaxad.nets.build import autoencoder_nets
from jaxad.objectives import Objective, identity
from jaxad.sampling.balanced import Balanced
from jaxad.sampling.base import Sampler, ShuffledEpochs
from jaxad.types import Key, State, TrainData
from jaxad.weighting import Weighting, unsupervised

__all__ = [
    "adversarial_detector",
    "balanced_sampler",
    "check_weighting",
    "gradient_detector",
    "networks",
    "sampler_of",
    "score_by",
    "with_pretraining",
]


def networks(config: GradientConfig, spec: Spec, code_bias: bool | None = None):
    """The encoder and decoder of a configuration."""
    sizes = (spec.shape, config.channels, config.widths)
    return autoencoder_nets(*sizes, config.norm, config.bias, config.slope, code_bias=code_bias)


def gradient_detector(
    model: Model,
    objective: Objective,
    weighting: Weighting,
    config: GradientConfig,
    sampler: Sampler | None = None,
) -> Detector:
    """A detector trained by gradient descent on one weighted pair of losses.

    Args:
        model: What is measured.
        objective: The pair of losses.
        weighting: Who decides their weights.
        config: Optimiser and schedule.
        sampler: Which rows make up the batches; None: a new shuffle of all each epoch.

    Raises:
        ConfigError: The weighting asks for what the objective or the model does not have.
    """
    check_weighting(weighting, objective, model)
    optimiser = config.schedule()
    return Detector(
        init=Partial(_init, model, weighting, optimiser),
        update=Partial(gradient_step, model, objective, weighting, optimiser),
        score=Partial(score_by, model),
        sampler=sampler_of(weighting, config) if sampler is None else sampler,
        epochs=config.epochs,
        convolutional=model.convolutional,
        parts=Parts(model, objective, weighting, optimiser),
    )


def adversarial_detector(
    model: Model,
    players: Sequence[Player],
    weighting: Weighting,
    config: GradientConfig,
    objective: Objective | None = None,
) -> Detector:
    """A detector whose networks are moved by players that take turns in each step.

    Args:
        model: What is measured; its variables are those of all players.
        players: Who moves which of its networks, in which order.
        weighting: The weighting that the players' losses use.
        config: Batches and epochs.
        objective: The pair of losses of the player whose networks give the score, if it has one.
    """
    players = tuple(players)
    return Detector(
        init=Partial(_init_players, model, weighting, players),
        update=Partial(take_turns, players),
        score=Partial(score_by, model),
        sampler=sampler_of(weighting, config),
        epochs=config.epochs,
        convolutional=model.convolutional,
        parts=Parts(model, objective, weighting, None),
    )


def check_weighting(weighting: Weighting, objective: Objective, model: Model) -> None:
    """Raise if a weighting asks for what an objective or a model does not have.

    Raises:
        ConfigError: It gives rows the loss of anomalies and the objective has none, or it reads
            codes and the model gives none.
    """
    if weighting.anomaly_loss and objective.anomaly is None:
        raise ConfigError(
            "this weighting puts weight on a loss of anomalies, and the objective has none: "
            "choose an objective with one, or a weighting that needs none"
        )
    if weighting.codes and not isinstance(model, Calibrated):
        raise ConfigError(
            "this weighting mines rows by their codes, and the model gives none beside its scores: "
            "mine by 'reconstruction_error', or choose a detector with codes, such as ncae"
        )


def sampler_of(weighting: Weighting, config: GradientConfig) -> Sampler:
    """A new shuffle each epoch of the rows that a weighting wants to see."""
    return ShuffledEpochs(
        config.batch_size, float(weighting.labelled_anomalies), float(weighting.labelled_normals)
    )


def balanced_sampler(weighting: Weighting, config: GradientConfig) -> Sampler:
    """Batches of which half are labelled anomalies; an epoch has every other row once."""
    return Balanced(config.batch_size, None, float(weighting.labelled_normals))


def with_pretraining(
    detector: Detector,
    model: Model,
    autoencoder: Reconstruction,
    weighting: Weighting,
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
    begin = Partial(out_of_autoencoder, autoencoder, model, weighting, config.schedule())
    return detector._replace(before=(phase,), begin=begin)


def _init(
    model: Model, weighting: Weighting, optimiser: Optimiser, key: Key, data: TrainData
) -> State:
    variables, extras = model.init(key, data)
    return start_state(model, weighting, optimiser, variables, extras, data)


def _init_players(
    model: Model, weighting: Weighting, players: tuple[Player, ...], key: Key, data: TrainData
) -> State:
    variables, extras = model.init(key, data)
    return start_players(players, variables, extras, weighting.init(data))


def score_by(model: Model, state: State, x: Array) -> Float[Array, "n"]:
    """A model's scores in inference mode."""
    return model.score(model.apply(state.variables, state.extras, x, train=False).out)
