"""Construction of detectors from a score model, an objective, a weighting and a learner."""

from collections.abc import Callable, Sequence

from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.detector import Detector, Parts, Phase
from jaxad.detectors.config import GradientConfig, PretrainedConfig
from jaxad.detectors.registry import Spec
from jaxad.errors import ConfigError
from jaxad.learners import (
    Optimiser,
    Player,
    begin_pretraining,
    begin_training,
    gradient_step,
    start_players,
    start_state,
    take_turns,
)
from jaxad.models import Calibrated, Model, Reconstruction
from jaxad.nets.base import Net
from jaxad.nets.build import autoencoder_nets
from jaxad.objectives import Objective, identity
from jaxad.padding import bucket_features, is_table
from jaxad.sampling.balanced import Balanced
from jaxad.sampling.base import Sampler, ShuffledEpochs
from jaxad.types import Key, State, TrainData
from jaxad.weighting import Weighting, unsupervised

__all__ = [
    "add_pretraining",
    "adversarial_detector",
    "build_balanced_sampler",
    "check_input",
    "check_weighting",
    "choose_net",
    "choose_sampler",
    "compute_scores",
    "gradient_detector",
    "networks",
]


def networks(
    config: GradientConfig,
    spec: Spec,
    code_bias: bool | None = None,
    *,
    needs_decoder: bool = False,
) -> tuple[Net, Net]:
    """Return the encoder and the decoder of a configuration.

    Args:
        config: The sizes, or networks of its own.
        spec: The shape of examples.
        code_bias: Whether the encoder's last layer has a bias; None for the same as other layers.
        needs_decoder: Whether the detector needs the decoder.

    Raises:
        ConfigError: The sizes do not fit the shape; `config.net` takes examples of another shape,
            or lacks a decoder that is needed.
    """
    if config.net is None:
        sizes = (spec.shape, config.channels, config.widths)
        return autoencoder_nets(*sizes, config.norm, config.bias, config.slope, code_bias=code_bias)
    if isinstance(config.net, Net):
        if needs_decoder:
            raise ConfigError(
                "net must be a pair (encoder, decoder) for this detector; given an encoder alone. "
                "Give both as net=(encoder, decoder)"
            )
        # Only pre-training uses the decoder, and it rejects a single network.
        encoder = decoder = config.net
    else:
        encoder, decoder = config.net
    check_input(encoder, spec)
    return encoder, decoder


def choose_net(config: GradientConfig, spec: Spec, build: Callable[[], Net]) -> Net:
    """Return the network of a configuration, or the result of `build` if it has none.

    Raises:
        ConfigError: `config.net` is a pair, or takes examples of another shape.
    """
    if config.net is None:
        return build()
    if not isinstance(config.net, Net):
        raise ConfigError(
            "net must be one Net for this detector, which has no decoder; given a pair. Give the "
            "first network alone"
        )
    check_input(config.net, spec)
    return config.net


def check_input(net: Net, spec: Spec) -> None:
    """Raise a `ConfigError` if the input shape of a network does not fit the examples."""
    table = is_table(spec.shape)
    taken = (bucket_features(spec.shape[0]),) if table else spec.shape
    if net.input_shape != taken:
        padded = ", which are padded to it" if table and taken != spec.shape else ""
        raise ConfigError(
            f"net must have input_shape={taken} for examples of shape {spec.shape}{padded}; given "
            f"{net.input_shape}. Build the network with input_shape={taken}"
        )


def gradient_detector(
    model: Model,
    objective: Objective,
    weighting: Weighting,
    config: GradientConfig,
    sampler: Sampler | None = None,
) -> Detector:
    """Build a detector that is trained by gradient descent on one weighted pair of losses.

    Args:
        model: The score model.
        objective: The pair of losses, unless `config` has one of its own.
        weighting: The weighting that sets the two weights of each row.
        config: Optimiser and schedule.
        sampler: The rows of each batch, unless `config` has a sampler of its own; None for a new
            shuffle of all rows in each epoch.

    Raises:
        ConfigError: The weighting needs what the objective or the model does not have.
    """
    if isinstance(config.objective, Objective):
        objective = config.objective
    check_weighting(weighting, objective, model)
    sampler = config.sampler if config.sampler is not None else sampler
    sampler = choose_sampler(weighting, config) if sampler is None else sampler
    optimiser = config.schedule()
    return Detector(
        init=Partial(_init, model, weighting, optimiser),
        update=Partial(gradient_step, model, objective, weighting, optimiser),
        score=Partial(compute_scores, model),
        sampler=sampler,
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
    """Build a detector whose networks are trained by players that take turns in each step.

    Args:
        model: The score model; its variables include the networks of all players.
        players: The players, in the order of their turns; each trains some of the networks.
        weighting: The weighting that the losses of the players use.
        config: Batch size and number of epochs.
        objective: The pair of losses of the player that trains the score; None if it has none.
    """
    players = tuple(players)
    return Detector(
        init=Partial(_init_players, model, weighting, players),
        update=Partial(take_turns, players),
        score=Partial(compute_scores, model),
        sampler=choose_sampler(weighting, config) if config.sampler is None else config.sampler,
        epochs=config.epochs,
        convolutional=model.convolutional,
        parts=Parts(model, objective, weighting, None),
    )


def check_weighting(weighting: Weighting, objective: Objective, model: Model) -> None:
    """Raise an error if a weighting needs what the objective or the model does not have.

    Raises:
        ConfigError: The weighting puts weight on a loss of anomalies and the objective has none, or
            it reads codes and the model does not return any.
    """
    if weighting.anomaly_loss and objective.anomaly is None:
        raise ConfigError(
            "weighting must not put weight on a loss of anomalies here, because the objective has "
            "none; given a weighting that does. Choose another weighting, or a detector whose "
            "objective has such a loss"
        )
    if weighting.codes and not isinstance(model, Calibrated):
        raise ConfigError(
            "weighting must not mine rows by their codes here, because the model returns only "
            "scores; given a weighting that does. Mine by 'reconstruction_error', or choose a "
            "detector with codes, such as ncae"
        )


def choose_sampler(weighting: Weighting, config: GradientConfig) -> Sampler:
    """Return a sampler that shuffles the rows that a weighting uses in each epoch."""
    return ShuffledEpochs(
        config.batch_size, float(weighting.labelled_anomalies), float(weighting.labelled_normals)
    )


def build_balanced_sampler(weighting: Weighting, config: GradientConfig) -> Sampler:
    """Return a sampler that fills half of each batch with labelled anomalies.

    An epoch has every other row once.
    """
    return Balanced(config.batch_size, None, float(weighting.labelled_normals))


def add_pretraining(
    detector: Detector,
    model: Model,
    autoencoder: Reconstruction,
    weighting: Weighting,
    config: PretrainedConfig,
    pretraining: Optimiser | None = None,
) -> Detector:
    """Return the detector with a phase before training that pre-trains its encoder.

    The encoder is that of an autoencoder trained on the rows that are not labelled anomalies.

    Args:
        detector: The detector without pre-training.
        model: Its score model.
        autoencoder: The autoencoder with the encoder of the model.
        weighting: The weighting of the training.
        config: Number of epochs and batch size.
        pretraining: Optimiser of the pre-training; None for that of the detector over the epochs of
            pre-training.

    Raises:
        ConfigError: `config.net` has no decoder.
    """
    if config.pretrain_epochs == 0:
        return detector
    if isinstance(config.net, Net):
        raise ConfigError(
            "net must be a pair (encoder, decoder) for pre-training; given an encoder alone. "
            "Give both, or set pretrain_epochs=0 to train without pre-training"
        )
    pretraining = pretraining or config.schedule(config.pretrain_epochs)
    phase = Phase(
        name="pretrain",
        update=Partial(gradient_step, autoencoder, identity(), unsupervised(), pretraining),
        begin=Partial(begin_pretraining, autoencoder, unsupervised(), pretraining),
        sampler=ShuffledEpochs(config.batch_size, 0.0),
        epochs=config.pretrain_epochs,
    )
    begin = Partial(begin_training, autoencoder, model, weighting, config.schedule())
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


def compute_scores(model: Model, state: State, x: Array) -> Float[Array, "n"]:
    """Return the scores of rows by a model in inference mode."""
    return model.score(model.apply(state.variables, state.extras, x, train=False).out)
