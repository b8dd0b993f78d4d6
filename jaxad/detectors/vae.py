"""VAE: an autoencoder with random codes whose prior is a standard normal distribution.

References:
    Kingma and Welling 2014, Auto-encoding variational Bayes; An and Cho 2015, Variational
    autoencoder based anomaly detection using reconstruction probability.
"""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.detector import Detector
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.models import Variational
from jaxad.nets.base import Net
from jaxad.nets.build import autoencoder_nets, default_sizes
from jaxad.objectives import Objective, evidence
from jaxad.types import Key, Leaf, State
from jaxad.weighting import unsupervised

__all__ = ["VAEConfig", "build_vae"]

_GENERATED = 128


@dataclass(frozen=True, kw_only=True)
class VAEConfig(AutoencoderConfig):
    """Settings of the VAE; see `AutoencoderConfig`.

    Attributes:
        beta: Weight of the divergence from the prior relative to half the squared error, > 0. It is
            the variance of the decoder's Gaussian.
        score: "error" for the squared reconstruction error, "evidence" for minus the evidence lower
            bound, or "probability" for minus the reconstruction probability, the mean of
            `log N(x; g(z), beta I)` over draws z of q(z|x).
        draws: Number of draws of the code of a row, >= 1; only for `score="probability"`.
    """

    beta: float = 1.0
    score: Literal["error", "evidence", "probability"] = "error"
    draws: int = 16

    def __post_init__(self):
        super().__post_init__()
        self._need(is_number(self.beta) and self.beta > 0, "beta", "> 0")
        self._need(is_count(self.draws, 1), "draws", "a whole number of at least 1")


@register("vae", VAEConfig, uses_labels=False)
def build_vae(config: VAEConfig, spec: Spec) -> Detector:
    """VAE; the score is the squared error, minus the evidence, or minus a mean log probability.

    Minimises `mean ||x - g(z)||^2 / 2 + beta KL(q(z|x) || N(0, I))` over all rows that are not
    labelled anomalies, with z drawn from q(z|x). For scores, z is the mean of q(z|x), and for the
    reconstruction probability it takes draws with the same noise for all rows.
    """
    model, objective = Variational(*variational_nets(config, spec)), evidence(config.beta)
    detector = gradient_detector(
        model, objective, config.choose_weighting(unsupervised(), spec), config
    )
    if config.score == "evidence":
        detector = detector._replace(score=Partial(_minus_evidence, model, objective))
    if config.score == "probability":
        shape = (config.draws, *model.decoder.input_shape)
        noise = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        score = Partial(_minus_log_probability, model, noise, float(config.beta))
        detector = detector._replace(score=score)
    return detector._replace(generate=Partial(_generate, model))


def variational_nets(config: AutoencoderConfig, spec: Spec) -> tuple[Net, Net]:
    """Return an encoder to the means and log variances of a code, and a decoder of codes."""
    widths = config.widths or default_sizes(spec.shape)[1]
    rest = (config.norm, config.bias, config.slope)
    encoder, _ = autoencoder_nets(
        spec.shape, config.channels, (*widths[:-1], 2 * widths[-1]), *rest, code_bias=True
    )
    _, decoder = autoencoder_nets(spec.shape, config.channels, widths, *rest)
    return encoder, decoder


def _minus_evidence(
    model: Variational, objective: Objective, state: State, x: Array
) -> Float[Array, "n"]:
    out = model.apply(state.variables, state.extras, x, train=False).out
    return objective.normal(out)


def _minus_log_probability(
    model: Variational, noise: Leaf, beta: float, state: State, x: Array
) -> Float[Array, "n"]:
    """Return `-1/L sum_l log N(x; g(z_l), beta I)` with `z_l = m(x) + sqrt(v(x)) noise_l`."""
    error = model.expected_error(state.variables, state.extras, x, jnp.asarray(noise))
    size = jnp.sum(jnp.broadcast_to(state.extras.get("columns", 1.0), model.encoder.input_shape))
    return (error / beta + size * jnp.log(2 * jnp.pi * beta)) / 2


def _generate(model: Variational, state: State, key: Key) -> Array:
    return model.generate(state.variables, state.extras, key, _GENERATED)
