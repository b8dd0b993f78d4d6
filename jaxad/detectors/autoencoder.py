"""Autoencoder: the reconstruction error of a row by a network trained to reconstruct the data.

References:
    Hinton and Salakhutdinov 2006, Reducing the dimensionality of data with neural networks;
    settings as in the thesis of Ruff (2021), section B.1. Vincent et al. 2008 (denoising), Rifai et
    al. 2011 (contractive) and Makhzani et al. 2015 (adversarial autoencoders).
"""

from dataclasses import dataclass

import jax
from jax.tree_util import Partial
from jaxtyping import Array

from jaxad.detector import Detector
from jaxad.detectors.build import (
    adversarial_detector,
    check_weighting,
    gradient_detector,
    networks,
)
from jaxad.detectors.config import GradientConfig, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.learners import Player, generated_loss, real_loss
from jaxad.learners.gradient import batch_loss
from jaxad.models import Reconstruction, Regularised
from jaxad.nets.critics import critic
from jaxad.nets.norm import Norm
from jaxad.objectives import Objective, inverse, regularised
from jaxad.types import Batch, Key, State, TrainData
from jaxad.weighting import Weighting, unsupervised

__all__ = [
    "AutoencoderConfig",
    "RegularisedAutoencoderConfig",
    "build_autoencoder",
    "reconstruction",
]


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig(GradientConfig):
    """Settings of the autoencoder; see `GradientConfig`. Biases and learned shifts are allowed."""

    norm: Norm = "batch"
    bias: bool = True


@dataclass(frozen=True, kw_only=True)
class RegularisedAutoencoderConfig(AutoencoderConfig):
    """Settings of the autoencoder with regularisers; see `AutoencoderConfig`.

    Attributes:
        noise: Standard deviation of Gaussian noise that training adds to the scaled rows, >= 0;
            above 0 it is a denoising autoencoder.
        contraction: Weight of the squared Frobenius norm of the encoder's Jacobian in the loss of a
            row, >= 0; above 0 it is a contractive autoencoder.
        adversarial: Weight of the loss by which the encoder fools a critic that separates its codes
            from draws of N(0, I), >= 0; above 0 it is an adversarial autoencoder.
    """

    noise: float = 0.0
    contraction: float = 0.0
    adversarial: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        for name in ("noise", "contraction", "adversarial"):
            value = getattr(self, name)
            self._need(is_number(value) and value >= 0, name, ">= 0")


@register("autoencoder", RegularisedAutoencoderConfig, uses_labels=False)
def build_autoencoder(config: RegularisedAutoencoderConfig, spec: Spec) -> Detector:
    """Autoencoder; the score is the squared reconstruction error.

    Minimises `mean ||x - g(f(x + noise))||^2 + contraction ||df(x)/dx||_F^2` over all rows that are
    not labelled anomalies. With `adversarial`, each step first trains a critic of the codes, and
    the loss has the encoder's adversarial loss with that weight too.
    """
    weighting = config.choose_weighting(unsupervised(), spec)
    if not (config.noise or config.contraction or config.adversarial):
        return gradient_detector(reconstruction(config, spec), inverse(), weighting, config)
    nets = networks(config, spec, code_bias=False, needs_decoder=True)
    (k,) = nets[1].input_shape
    judge = critic((k,), (2 * k, k)) if config.adversarial else None
    model = Regularised(*nets, config.noise > 0, config.contraction > 0, judge)
    objective = regularised(config.contraction)
    if config.adversarial:
        check_weighting(weighting, objective, model)
        players = _build_players(model, objective, weighting, config)
        detector = adversarial_detector(model, players, weighting, config, objective)
    else:
        detector = gradient_detector(model, objective, weighting, config)
    return detector._replace(init=Partial(_init_noise, detector.init, float(config.noise)))


def reconstruction(config: AutoencoderConfig, spec: Spec) -> Reconstruction:
    """Return the score model of the autoencoder without regularisers."""
    # A bias of the code is redundant: the decoder's first layer can offset it.
    return Reconstruction(*networks(config, spec, code_bias=False, needs_decoder=True))


def _init_noise(init: Partial, noise: float, key: Key, data: TrainData) -> State:
    """Return the initial state with the standard deviation of the noise, a traced number."""
    state = init(key, data)
    return state._replace(extras={**state.extras, "noise": jax.numpy.asarray(noise, "float32")})


def _build_players(
    model: Regularised,
    objective: Objective,
    weighting: Weighting,
    config: RegularisedAutoencoderConfig,
) -> tuple[Player, ...]:
    """Return the critic of the codes and the autoencoder, in the order of their turns."""
    own = config.schedule()
    loss = Partial(_autoencoder, model, objective, weighting, float(config.adversarial))
    return (
        Player("critic", ("critic",), Partial(_critic, model), own),
        Player("autoencoder", ("encoder", "decoder"), loss, own),
    )


def _critic(model: Regularised, state: State, batch: Batch, key: Key):
    """Return the loss of the critic: draws of N(0, I) are real, codes are generated."""
    code: Array = model.apply(state.variables, state.extras, batch.x, True).out.code
    prior = jax.random.normal(key, code.shape, code.dtype)
    real, made = (model.judge(state.variables, z) for z in (prior, code))
    return real_loss(real) + generated_loss(made), (state, {})


def _autoencoder(
    model: Regularised,
    objective: Objective,
    weighting: Weighting,
    adversarial: float,
    state: State,
    batch: Batch,
    key: Key,
):
    """Return the loss of the autoencoder, whose encoder is trained to fool the critic."""
    loss, (out, after) = batch_loss(model, objective, weighting, state, batch, key)
    fooling = real_loss(model.judge(state.variables, out.code))
    return loss + adversarial * fooling, (after, weighting.info(after.weighting))
