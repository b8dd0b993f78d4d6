"""From the four choices to a detector: score model, objective, weighting, learner."""

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
    gradient_step,
    into_autoencoder,
    out_of_autoencoder,
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
    "adversarial_detector",
    "balanced_sampler",
    "check_input",
    "check_weighting",
    "choose_net",
    "choose_sampler",
    "gradient_detector",
    "networks",
    "score_by",
    "with_pretraining",
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
        code_bias: Whether the encoder's last layer has a bias; None: as the others.
        needs_decoder: Whether the detector cannot do without the decoder.

    Raises:
        ConfigError: The sizes do not fit the shape; `config.net` takes examples of another shape,
            or lacks the decoder.
    """
    if config.net is None:
        sizes = (spec.shape, config.channels, config.widths)
        return autoencoder_nets(*sizes, config.norm, config.bias, config.slope, code_bias=code_bias)
    if isinstance(config.net, Net):
        if needs_decoder:
            raise ConfigError("net must be a pair (encoder, decoder); given an encoder alone")
        # Only pre-training uses the decoder, and refuses a single network.
        encoder = decoder = config.net
    else:
        encoder, decoder = config.net
    check_input(encoder, spec)
    return encoder, decoder


def choose_net(config: GradientConfig, spec: Spec, build: Callable[[], Net]) -> Net:
    """Return the network of a configuration, or else the one that `build` makes.

    Raises:
        ConfigError: `config.net` is a pair, or takes examples of another shape.
    """
    if config.net is None:
        return build()
    if not isinstance(config.net, Net):
        raise ConfigError("net must be one Net; given a pair")
    check_input(config.net, spec)
    return config.net


def check_input(net: Net, spec: Spec) -> None:
    """Raise a `ConfigError` if a network does not take the examples of the data."""
    table = is_table(spec.shape)
    taken = (bucket_features(spec.shape[0]),) if table else spec.shape
    if net.input_shape != taken:
        padded = " (tables are padded to that)" if table and taken != spec.shape else ""
        raise ConfigError(
            f"net must have input_shape={taken} for examples of shape {spec.shape}{padded}; given "
            f"{net.input_shape}"
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
        weighting: What decides the two weights of each row.
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
        score=Partial(score_by, model),
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
        model: The score model; its variables are those of all players.
        players: The players in order, each with the networks that it updates.
        weighting: The weighting that the players' losses use.
        config: Batches and epochs.
        objective: The pair of losses of the player whose networks give the score, if it has one.
    """
    players = tuple(players)
    return Detector(
        init=Partial(_init_players, model, weighting, players),
        update=Partial(take_turns, players),
        score=Partial(score_by, model),
        sampler=choose_sampler(weighting, config) if config.sampler is None else config.sampler,
        epochs=config.epochs,
        convolutional=model.convolutional,
        parts=Parts(model, objective, weighting, None),
    )


def check_weighting(weighting: Weighting, objective: Objective, model: Model) -> None:
    """Raise if a weighting needs what an objective or a model does not have.

    Raises:
        ConfigError: It puts weight on the loss of anomalies and the objective has none, or it reads
            codes and the model returns none.
    """
    if weighting.anomaly_loss and objective.anomaly is None:
        raise ConfigError(
            "weighting: it puts weight on a loss of anomalies, and the objective has none: "
            "choose an objective with one, or a weighting that needs none"
        )
    if weighting.codes and not isinstance(model, Calibrated):
        raise ConfigError(
            "weighting: it mines rows by their codes, and the model returns scores only: "
            "mine by 'reconstruction_error', or choose a detector with codes, such as ncae"
        )


def choose_sampler(weighting: Weighting, config: GradientConfig) -> Sampler:
    """Return a sampler that shuffles the rows that a weighting uses anew in each epoch."""
    return ShuffledEpochs(
        config.batch_size, float(weighting.labelled_anomalies), float(weighting.labelled_normals)
    )


def balanced_sampler(weighting: Weighting, config: GradientConfig) -> Sampler:
    """Return a sampler with labelled anomalies in half of each batch; others come once an epoch."""
    return Balanced(config.batch_size, None, float(weighting.labelled_normals))


def with_pretraining(
    detector: Detector,
    model: Model,
    autoencoder: Reconstruction,
    weighting: Weighting,
    config: PretrainedConfig,
    pretraining: Optimiser | None = None,
) -> Detector:
    """Return the detector with a phase that pre-trains its encoder in an autoencoder.

    Labelled anomalies take no part. Pre-training uses the optimiser of the detector, over its own
    epochs, or `pretraining`.
    """
    if config.pretrain_epochs == 0:
        return detector
    if isinstance(config.net, Net):
        raise ConfigError(
            "net must be a pair (encoder, decoder) for pre-training; given an encoder alone. "
            "pretrain_epochs=0 leaves pre-training out"
        )
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
    """Compute the scores of a model in inference mode."""
    return model.score(model.apply(state.variables, state.extras, x, train=False).out)
