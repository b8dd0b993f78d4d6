"""NCAE: an autoencoder that reconstructs suspected contamination as generated normal rows.

References:
    Yu et al. 2023, NCAE (normality-calibrated autoencoder), algorithm 1.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.detector import Detector, Parts
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import check_weighting, choose_sampler, compute_scores, networks
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.learners import Optimiser, Player, generated_loss, real_loss, start_players, take_turns
from jaxad.learners.gradient import batch_loss
from jaxad.models import Calibrated
from jaxad.models.base import as_input
from jaxad.nets.base import Net
from jaxad.nets.critics import critic
from jaxad.nets.norm import Norm
from jaxad.objectives import calibrated
from jaxad.types import Batch, Info, Key, State, TrainData, Variables
from jaxad.weighting import Weighting, chain, mining, unsupervised
from jaxad.weighting.row_mining import Strategy

__all__ = ["NCAEConfig", "build_ncae"]

# What variants change of the defaults.
VARIANTS = {
    "stable": {},
    "paper": {"learning_rate": 1e-2, "drop_every": 10, "own_means": True},
    "released": {"tau": 0.0, "drop_every": 10},
}
COLLAPSED = 0.01


@dataclass(frozen=True, kw_only=True)
class NCAEConfig(AutoencoderConfig):
    """Settings of NCAE; see `AutoencoderConfig`.

    The network has no normalisation: BatchNorm gives the codes of every batch the same spread, so
    that neither the prior nor the noise around the mean code has a scale
    (docs/explanation/ncae.md).

    Attributes:
        drop_every: Number of epochs between two drops of the step size, >= 0; 0 for one drop at the
            milestone.
        mining: Criterion by which contaminated rows are mined: "dictionary",
            "reconstruction_error", "latent_distance" or "latent_density".
        tau: Fraction of a batch that is mined, in [0, 1].
        calibrate: Weight of the calibration loss of mined rows, >= 0; 0 leaves these rows out.
        own_means: Whether the loss is a mean over the rows taken as normal plus a mean over the
            mined rows, as in eq. 8 of the paper, in place of one mean over all rows. With tau = 0.1
            a mined row then counts nine times as much.
        adversarial: Critics in training: "sample" (generated rows against real ones), "latent"
            (codes against the prior), "both", or "none" for calibration alone.
        sigma: Size of the noise from which normal rows are generated, >= 0. It is the variance of
            the noise as in the paper, or its standard deviation for the variant "released".
        gamma: Rate at which the mean code is updated by the batch, in [0, 1].
        latent_weight: Weight of the encoder's adversarial loss, >= 0.
        generated: Number of rows generated in a step, >= 1.
        critic_learning_rate: Step size of the critics, > 0. None uses that of the autoencoder, or
            half of it for the variant "released".
        variant: "stable"; "paper", with step sizes of 1e-2 that are divided by 10 every ten epochs,
            and `own_means`; or "released" as the released program: no rows are mined, the latent
            critic does not train the encoder, each mined row has a generated row of its own, and
            step sizes are 1e-3 and 5e-4, with the drops of the paper. Settings that differ from
            their defaults are kept.
    """

    epochs: int = 100
    learning_rate: float = 1e-3
    norm: Norm = "none"
    drop_every: int = 0
    mining: Strategy = "dictionary"
    tau: float = 0.1
    calibrate: float = 1.0
    own_means: bool = False
    adversarial: Literal["both", "sample", "latent", "none"] = "both"
    sigma: float = 0.1
    gamma: float = 0.1
    latent_weight: float = 1.0
    generated: int = 128
    critic_learning_rate: float | None = None
    variant: Literal["stable", "paper", "released"] = "stable"

    def __post_init__(self):
        super().__post_init__()
        for name, allowed, ok in (
            ("drop_every", "a whole number, >= 0", is_count(self.drop_every, 0)),
            ("tau", "in [0, 1]", is_number(self.tau) and 0 <= self.tau <= 1),
            ("calibrate", ">= 0", is_number(self.calibrate) and self.calibrate >= 0),
            ("own_means", "true or false", isinstance(self.own_means, bool)),
            ("sigma", ">= 0", is_number(self.sigma) and self.sigma >= 0),
            ("gamma", "in [0, 1]", is_number(self.gamma) and 0 <= self.gamma <= 1),
            ("latent_weight", ">= 0", is_number(self.latent_weight) and self.latent_weight >= 0),
            ("generated", "a whole number, >= 1", is_count(self.generated, 1)),
        ):
            self._need(ok, name, allowed)
        rate = self.critic_learning_rate
        ok = rate is None or (is_number(rate) and rate > 0)
        self._need(ok, "critic_learning_rate", "> 0, or None")
        self._replace_defaults(VARIANTS.get(self.variant, {}))

    def schedule(self, epochs: int | None = None) -> Optimiser:
        """Return the optimiser of the autoencoder, with the drops of `drop_every`."""
        optimiser = super().schedule(epochs)
        if self.drop_every == 0:
            return optimiser
        every = float(self.drop_every)
        return Optimiser(
            self.optimiser, self.learning_rate, every, self.drop, self.weight_decay, every
        )

    def schedule_critics(self) -> Optimiser:
        """Return the optimiser of the critics."""
        released = self.variant == "released"
        rate = self.critic_learning_rate
        if rate is None:
            rate = self.learning_rate * (0.5 if released else 1.0)
        own = self.schedule()
        kind = "adam_half" if released else own.kind
        return Optimiser(kind, rate, own.milestone, own.drop, 0.0, own.period)

    @property
    def deviation(self) -> float:
        """Standard deviation of the noise."""
        return self.sigma if self.variant == "released" else sqrt(self.sigma)


@jax.tree_util.register_static
@dataclass(frozen=True)
class Networks:
    """Score model with its critics.

    Attributes:
        model: The autoencoder.
        sample: The critic that separates real rows from generated ones; None without it.
        latent: The critic that separates draws of the prior from codes; None without it.
        fools: Whether the encoder is trained to fool the latent critic.
    """

    model: Calibrated
    sample: Net | None
    latent: Net | None
    fools: bool = True

    def init(self, key: Key, data: TrainData) -> tuple[Variables, dict]:
        """Return random initial networks and the extras of the model."""
        variables, extras = self.model.init(jax.random.fold_in(key, 0), data)
        params = dict(variables.params)
        if self.sample is not None:
            params["sample"] = self.sample.init(jax.random.fold_in(key, 1), data.features).params
        if self.latent is not None:
            width = self.latent.input_shape[-1]
            params["latent"] = self.latent.init(jax.random.fold_in(key, 2), width).params
        return variables._replace(params=params), extras

    def judge_rows(self, state: State, x: Array) -> Float[Array, "b"]:
        """Return the logits that rows are real."""
        assert self.sample is not None
        return self.sample.apply(state.params["sample"], {}, x, train=True).out

    def judge_codes(self, state: State, code: Float[Array, "b k"]) -> Float[Array, "b"]:
        """Return the logits that codes are draws of the prior."""
        assert self.latent is not None
        return self.latent.apply(state.params["latent"], {}, code, train=True).out

    def generate(self, deviation, state: State, key: Key) -> Array:
        """Return rows decoded from noise around the mean code."""
        return self.model.generate(state.variables, state.extras, deviation, key)


def sample_critic(nets: Networks, deviation, state: State, batch: Batch, key: Key):
    """Return the loss of the sample critic D_s: rows are real, decoded noise is generated."""
    real = nets.judge_rows(state, as_input(batch.x, nets.model.encoder.input_shape))
    made = nets.judge_rows(state, nets.generate(deviation, state, key))
    return real_loss(real) + generated_loss(made), (state, {})


def generator(nets: Networks, deviation, state: State, batch: Batch, key: Key):
    """Return the loss of the generator g: decoded noise should be classified as real."""
    del batch
    made = nets.generate(deviation, state, key)
    return real_loss(nets.judge_rows(state, made)), (state, {})


def latent_critic(nets: Networks, state: State, batch: Batch, key: Key):
    """Return the loss of the latent critic D_l: draws of `N(mean, I)` are real, codes generated."""
    code = nets.model.encode(state.variables, batch.x, train=True)
    prior = state.extras["mean"] + jax.random.normal(key, code.shape, code.dtype)
    real, made = nets.judge_codes(state, prior), nets.judge_codes(state, code)
    return real_loss(real) + generated_loss(made), (state, {})


def autoencoder(
    nets: Networks, weighting: Weighting, deviation, gamma, latent_weight, state, batch, key
):
    """Return the loss of the autoencoder (f, g).

    Rows are reconstructed as themselves and mined rows as generated normal rows; the encoder is
    trained to fool the latent critic.
    """
    keys = jax.random.split(key)
    constant = jax.lax.stop_gradient(state)
    made = nets.generate(deviation, constant, keys[0])
    extras = nets.model.add_generated(constant.variables, constant.extras, made)
    state = state._replace(extras=extras)
    loss, (out, state) = batch_loss(nets.model, calibrated(), weighting, state, batch, keys[1])
    if nets.latent is not None and nets.fools:
        loss = loss + latent_weight * real_loss(nets.judge_codes(state, out.code))
    mean = extras["mean"] + gamma * jnp.mean(out.code - extras["mean"], axis=0)
    state = state._replace(extras=extras | {"mean": mean})
    return loss, (state, weighting.info(state.weighting) | measure_spread(made, batch.x))


def measure_spread(made: Array, x: Array) -> Info:
    """Return the ratio of the standard deviations of generated rows and of the batch.

    `collapsed` is 1 if the ratio is below 0.01.
    """
    x = as_input(x, made.shape[1:])

    def deviation(rows):
        return jnp.sqrt(jnp.mean(jnp.var(rows, axis=0)))

    spread = deviation(made) / jnp.maximum(deviation(x), jnp.finfo(made.dtype).tiny)
    return {"generated_spread": spread, "collapsed": (spread < COLLAPSED).astype(made.dtype)}


@register("ncae", NCAEConfig, uses_labels=False)
def build_ncae(config: NCAEConfig, spec: Spec) -> Detector:
    """NCAE; the score is the squared reconstruction error of a calibrated autoencoder.

    A step is algorithm 1 of the paper: the sample critic and the generator are updated, then the
    latent critic, then the autoencoder, which minimises `||x - g(f(x))||^2` for most rows of the
    batch and `||g(f(x)) - x'||^2` for mined rows, with generated normal rows x', plus the latent
    adversarial loss.
    """
    numbers = (config.tau, config.calibrate)
    means = config.own_means
    default = mining(config.mining, *numbers, labelled_normals=True, own_means=means)
    return ncae_detector(
        config, spec, config.choose_weighting(chain(unsupervised(), default), spec)
    )


def ncae_detector(config: NCAEConfig, spec: Spec, weighting: Weighting) -> Detector:
    """Build NCAE with a weighting."""
    encoder, decoder = networks(config, spec, code_bias=False, needs_decoder=True)
    released = config.variant == "released"
    model = Calibrated(encoder, decoder, config.generated, own=released)
    check_weighting(weighting, calibrated(), model)
    sample, latent = critics(config, encoder, decoder)
    nets = Networks(model, sample, latent, fools=not released)
    players = build_players(nets, weighting, config)
    return Detector(
        init=Partial(_init, nets, weighting, players),
        update=Partial(take_turns, players),
        score=Partial(compute_scores, model),
        generate=Partial(nets.generate, config.deviation),
        sampler=choose_sampler(weighting, config),
        epochs=config.epochs,
        convolutional=model.convolutional,
        parts=Parts(model, calibrated(), weighting, None),
    )


def critics(config: NCAEConfig, encoder: Net, decoder: Net) -> tuple[Net | None, Net | None]:
    """Return the critics of rows and of codes, each None if the settings leave it out.

    The paper does not give their sizes. The critic of rows has the convolutions of the encoder,
    with strides, and its dense layers except the first; that of codes of width k has layers of
    widths 2k and k.
    """
    sample = latent = None
    if config.adversarial in ("both", "sample"):
        widths, channels = encoder.module.widths, getattr(encoder.module, "channels", ())
        sample = critic(encoder.input_shape, widths[1:] or widths, channels)
    if config.adversarial in ("both", "latent"):
        (k,) = decoder.input_shape
        latent = critic((k,), (2 * k, k))
    return sample, latent


def build_players(nets: Networks, weighting: Weighting, config: NCAEConfig) -> tuple[Player, ...]:
    """Return the players of a step in the order of algorithm 1."""
    own, other = config.schedule(), config.schedule_critics()
    players = []
    if nets.sample is not None:
        made = (nets, config.deviation)
        players += [
            Player("sample_critic", ("sample",), Partial(sample_critic, *made), other),
            Player("generator", ("decoder",), Partial(generator, *made), own),
        ]
    if nets.latent is not None:
        loss = Partial(latent_critic, nets)
        players.append(Player("latent_critic", ("latent",), loss, other))
    numbers = (config.deviation, config.gamma, config.latent_weight)
    loss = Partial(autoencoder, nets, weighting, *map(float, numbers))
    return (*players, Player("autoencoder", ("encoder", "decoder"), loss, own))


def _init(
    nets: Networks, weighting: Weighting, players: tuple[Player, ...], key: Key, data: TrainData
) -> State:
    variables, extras = nets.init(key, data)
    return start_players(players, variables, extras, weighting.init(data))
