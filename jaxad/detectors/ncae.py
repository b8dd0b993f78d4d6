"""NCAE: an autoencoder that reconstructs suspected contamination as a generated normal row.

References:
    Yu et al. 2023, NCAE (normality-calibrated autoencoder), algorithm 1.
"""

from dataclasses import dataclass, fields
from math import sqrt
from typing import Literal

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.detector import Detector, Parts
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import check_weighting, choose_sampler, networks, score_by
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.learners import Optimiser, Player, as_generated, as_real, start_players, take_turns
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

RELEASED = {"tau": 0.0, "learning_rate": 1e-3}
COLLAPSED = 0.01


@dataclass(frozen=True, kw_only=True)
class NCAEConfig(AutoencoderConfig):
    """Settings of NCAE; see `AutoencoderConfig`.

    Without a normalisation: where BatchNorm gives every batch the same spread of codes, neither
    the prior nor the noise around the mean code has a scale (docs/explanation/ncae.md).

    Attributes:
        drop_every: Epochs after which the step size drops, and after as many again; 0 for one drop
            at the milestone.
        mining: By what contaminated rows are mined: "dictionary", "reconstruction_error",
            "latent_distance" or "latent_density".
        tau: The share of a batch that is mined, in [0, 1].
        calibrate: Weight of the calibrated loss of mined rows, >= 0; 0 leaves them out.
        adversarial: Which critics play: "both", "sample" (generated rows against real ones),
            "latent" (codes against the prior) or "none", which is calibration alone.
        sigma: Size of the noise that normal rows are generated from, >= 0: its covariance, as the
            paper has it, and its standard deviation for the variant "released".
        gamma: Rate at which the mean code follows the batch's, in [0, 1].
        latent_weight: Weight of the encoder's adversarial loss, >= 0.
        generated: How many rows are generated at a time, >= 1.
        critic_learning_rate: Step size of the critics, > 0; None for that of the autoencoder, and
            half of it for the variant "released".
        variant: "paper", or "released": no rows are mined, the latent critic's verdict does not
            reach the encoder, mined rows would be calibrated towards a generated row of their own,
            and steps are of size 1e-3 and 5e-4. Settings that are given stay as they are given.
    """

    epochs: int = 100
    learning_rate: float = 1e-2
    norm: Norm = "none"
    drop_every: int = 10
    mining: Strategy = "dictionary"
    tau: float = 0.1
    calibrate: float = 1.0
    adversarial: Literal["both", "sample", "latent", "none"] = "both"
    sigma: float = 0.1
    gamma: float = 0.1
    latent_weight: float = 1.0
    generated: int = 128
    critic_learning_rate: float | None = None
    variant: Literal["paper", "released"] = "paper"

    def __post_init__(self):
        super().__post_init__()
        for name, allowed, ok in (
            ("drop_every", "a whole number, >= 0", is_count(self.drop_every, 0)),
            ("tau", "in [0, 1]", is_number(self.tau) and 0 <= self.tau <= 1),
            ("calibrate", ">= 0", is_number(self.calibrate) and self.calibrate >= 0),
            ("sigma", ">= 0", is_number(self.sigma) and self.sigma >= 0),
            ("gamma", "in [0, 1]", is_number(self.gamma) and 0 <= self.gamma <= 1),
            ("latent_weight", ">= 0", is_number(self.latent_weight) and self.latent_weight >= 0),
            ("generated", "a whole number, >= 1", is_count(self.generated, 1)),
        ):
            self._need(ok, name, allowed)
        rate = self.critic_learning_rate
        ok = rate is None or (is_number(rate) and rate > 0)
        self._need(ok, "critic_learning_rate", "> 0, or None")
        if self.variant == "released":
            for field in fields(self):
                if field.name in RELEASED and getattr(self, field.name) == field.default:
                    object.__setattr__(self, field.name, RELEASED[field.name])

    def schedule(self, epochs: int | None = None) -> Optimiser:
        """The optimiser of the autoencoder, whose step size drops every so many epochs."""
        optimiser = super().schedule(epochs)
        if self.drop_every == 0:
            return optimiser
        every = float(self.drop_every)
        return Optimiser(
            self.optimiser, self.learning_rate, every, self.drop, self.weight_decay, every
        )

    def of_critics(self) -> Optimiser:
        """The optimiser of the critics and of the generator's turn."""
        released = self.variant == "released"
        rate = self.critic_learning_rate
        if rate is None:
            rate = self.learning_rate * (0.5 if released else 1.0)
        own = self.schedule()
        kind = "adam_half" if released else own.kind
        return Optimiser(kind, rate, own.milestone, own.drop, 0.0, own.period)

    @property
    def deviation(self) -> float:
        """The standard deviation of the noise."""
        return self.sigma if self.variant == "released" else sqrt(self.sigma)


@jax.tree_util.register_static
@dataclass(frozen=True)
class Networks:
    """The score model with its critics; a critic that does not play is None.

    Attributes:
        model: The autoencoder.
        sample: Tells real rows from generated ones.
        latent: Tells the prior from codes.
        fools: Whether the encoder learns to fool the latent critic.
    """

    model: Calibrated
    sample: Net | None
    latent: Net | None
    fools: bool = True

    def init(self, key: Key, data: TrainData) -> tuple[Variables, dict]:
        """Random networks, and the quantities in closed form."""
        variables, extras = self.model.init(jax.random.fold_in(key, 0), data)
        params = dict(variables.params)
        if self.sample is not None:
            params["sample"] = self.sample.init(jax.random.fold_in(key, 1), data.features).params
        if self.latent is not None:
            width = self.latent.input_shape[-1]
            params["latent"] = self.latent.init(jax.random.fold_in(key, 2), width).params
        return variables._replace(params=params), extras

    def judge_rows(self, state: State, x: Array) -> Float[Array, "b"]:
        """Logits of rows being real."""
        assert self.sample is not None
        return self.sample.apply(state.params["sample"], {}, x, train=True).out

    def judge_codes(self, state: State, code: Float[Array, "b k"]) -> Float[Array, "b"]:
        """Logits of codes being draws of the prior."""
        assert self.latent is not None
        return self.latent.apply(state.params["latent"], {}, code, train=True).out

    def generate(self, deviation, state: State, key: Key) -> Array:
        """Rows decoded from noise around the mean code."""
        return self.model.generate(state.variables, state.extras, deviation, key)


def sample_critic(nets: Networks, deviation, state: State, batch: Batch, key: Key):
    """D_s: the batch is real, decoded noise is generated."""
    real = nets.judge_rows(state, as_input(batch.x, nets.model.encoder.input_shape))
    made = nets.judge_rows(state, nets.generate(deviation, state, key))
    return as_real(real) + as_generated(made), (state, {})


def generator(nets: Networks, deviation, state: State, batch: Batch, key: Key):
    """g: decoded noise should pass for real."""
    del batch
    made = nets.generate(deviation, state, key)
    return as_real(nets.judge_rows(state, made)), (state, {})


def latent_critic(nets: Networks, state: State, batch: Batch, key: Key):
    """D_l: draws of the prior `N(mean, I)` are real, codes are generated."""
    code = nets.model.encode(state.variables, batch.x, train=True)
    prior = state.extras["mean"] + jax.random.normal(key, code.shape, code.dtype)
    real, made = nets.judge_codes(state, prior), nets.judge_codes(state, code)
    return as_real(real) + as_generated(made), (state, {})


def autoencoder(
    nets: Networks, weighting: Weighting, deviation, gamma, latent_weight, state, batch, key
):
    """F and g: rows as themselves, mined ones as generated normal rows, codes as the prior."""
    keys = jax.random.split(key)
    constant = jax.lax.stop_gradient(state)
    made = nets.generate(deviation, constant, keys[0])
    extras = nets.model.with_generated(constant.variables, constant.extras, made)
    state = state._replace(extras=extras)
    loss, (out, state) = batch_loss(nets.model, calibrated(), weighting, state, batch, keys[1])
    if nets.latent is not None and nets.fools:
        loss = loss + latent_weight * as_real(nets.judge_codes(state, out.code))
    mean = extras["mean"] + gamma * jnp.mean(out.code - extras["mean"], axis=0)
    state = state._replace(extras=extras | {"mean": mean})
    return loss, (state, weighting.info(state.weighting) | spread_of(made, batch.x))


def spread_of(made: Array, x: Array) -> Info:
    """The standard deviation of generated rows over that of the batch, and whether it is near 0."""
    x = as_input(x, made.shape[1:])

    def deviation(rows):
        return jnp.sqrt(jnp.mean(jnp.var(rows, axis=0)))

    spread = deviation(made) / jnp.maximum(deviation(x), jnp.finfo(made.dtype).tiny)
    return {"generated_spread": spread, "collapsed": (spread < COLLAPSED).astype(made.dtype)}


@register("ncae", NCAEConfig, uses_labels=False)
def build_ncae(config: NCAEConfig, spec: Spec) -> Detector:
    """NCAE; an autoencoder that reconstructs suspected contamination as a generated normal row.

    A step is algorithm 1 of the paper: the sample critic and the generator move, the latent critic
    moves, then the autoencoder minimises `||x - g(f(x))||^2` for most rows of the batch and
    `||g(f(x)) - x'||^2` for the mined ones, plus the latent adversarial loss. The score is the
    reconstruction error.
    """
    default = mining(config.mining, config.tau, config.calibrate, labelled_normals=True)
    return ncae_detector(
        config, spec, config.choose_weighting(chain(unsupervised(), default), spec)
    )


def ncae_detector(config: NCAEConfig, spec: Spec, weighting: Weighting) -> Detector:
    """NCAE under a weighting."""
    encoder, decoder = networks(config, spec, code_bias=False, needs_decoder=True)
    released = config.variant == "released"
    model = Calibrated(encoder, decoder, config.generated, own=released)
    check_weighting(weighting, calibrated(), model)
    sample, latent = critics(config, encoder, decoder)
    nets = Networks(model, sample, latent, fools=not released)
    players = players_of(nets, weighting, config)
    return Detector(
        init=Partial(_init, nets, weighting, players),
        update=Partial(take_turns, players),
        score=Partial(score_by, model),
        generate=Partial(nets.generate, config.deviation),
        sampler=choose_sampler(weighting, config),
        epochs=config.epochs,
        convolutional=model.convolutional,
        parts=Parts(model, calibrated(), weighting, None),
    )


def critics(config: NCAEConfig, encoder: Net, decoder: Net) -> tuple[Net | None, Net | None]:
    """The critics of rows and of codes, None where one rests; smaller than the encoder.

    The paper does not give their sizes. That of rows has the encoder's convolutions, at strides,
    and its dense layers but the first; that of codes of width k has layers of 2k and k.
    """
    sample = latent = None
    if config.adversarial in ("both", "sample"):
        widths, channels = encoder.module.widths, getattr(encoder.module, "channels", ())
        sample = critic(encoder.input_shape, widths[1:] or widths, channels)
    if config.adversarial in ("both", "latent"):
        (k,) = decoder.input_shape
        latent = critic((k,), (2 * k, k))
    return sample, latent


def players_of(nets: Networks, weighting: Weighting, config: NCAEConfig) -> tuple[Player, ...]:
    """Who moves in a step, in the order of algorithm 1."""
    own, of_critics = config.schedule(), config.of_critics()
    players = []
    if nets.sample is not None:
        made = (nets, config.deviation)
        players += [
            Player("sample_critic", ("sample",), Partial(sample_critic, *made), of_critics),
            Player("generator", ("decoder",), Partial(generator, *made), own),
        ]
    if nets.latent is not None:
        loss = Partial(latent_critic, nets)
        players.append(Player("latent_critic", ("latent",), loss, of_critics))
    numbers = (config.deviation, config.gamma, config.latent_weight)
    loss = Partial(autoencoder, nets, weighting, *map(float, numbers))
    return (*players, Player("autoencoder", ("encoder", "decoder"), loss, own))


def _init(
    nets: Networks, weighting: Weighting, players: tuple[Player, ...], key: Key, data: TrainData
) -> State:
    variables, extras = nets.init(key, data)
    return start_players(players, variables, extras, weighting.init(data))
