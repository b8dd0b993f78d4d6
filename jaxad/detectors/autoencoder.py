"""Autoencoder: the reconstruction error of a row by a network trained to reconstruct the data.

References:
    Hinton and Salakhutdinov 2006, Reducing the dimensionality of data with neural networks;
    settings as in the thesis of Ruff (2021), section B.1.
"""

from dataclasses import dataclass

from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector, networks
from jaxad.detectors.config import GradientConfig
from jaxad.detectors.registry import Spec, register
from jaxad.models import Reconstruction
from jaxad.nets.norm import Norm
from jaxad.objectives import inverse
from jaxad.weighting import unsupervised

__all__ = ["AutoencoderConfig", "build_autoencoder", "reconstruction"]


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig(GradientConfig):
    """Settings of the autoencoder; see `GradientConfig`. Biases and learned shifts are allowed."""

    norm: Norm = "batch"
    bias: bool = True


@register("autoencoder", AutoencoderConfig, uses_labels=False)
def build_autoencoder(config: AutoencoderConfig, spec: Spec) -> Detector:
    """Autoencoder; the score is the squared reconstruction error.

    Minimises `mean ||x - g(f(x))||^2` over all rows that are not labelled anomalies.
    """
    model = reconstruction(config, spec)
    return gradient_detector(
        model, inverse(), config.choose_weighting(unsupervised(), spec), config
    )


def reconstruction(config: AutoencoderConfig, spec: Spec) -> Reconstruction:
    """Return the score model of the autoencoder."""
    # A bias of the code is redundant: the decoder's first layer can offset it.
    return Reconstruction(*networks(config, spec, code_bias=False, needs_decoder=True))
