"""Deep SAD: Deep SVDD that pushes a few labelled anomalies away from the centre.

References:
    Ruff et al. 2020, Deep semi-supervised anomaly detection; thesis of Ruff (2021), section 2.3.
"""

from dataclasses import dataclass
from typing import Literal

from jaxad.detector import Detector
from jaxad.detectors.build import (
    add_pretraining,
    build_balanced_sampler,
    gradient_detector,
    networks,
)
from jaxad.detectors.config import AugmentedConfig, PretrainedConfig, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.models import Hypersphere, Reconstruction
from jaxad.objectives import inverse
from jaxad.weighting import Weighting, by_label

__all__ = ["DeepSADConfig", "build_deep_sad", "deep_sad_detector"]


@dataclass(frozen=True, kw_only=True)
class DeepSADConfig(PretrainedConfig, AugmentedConfig):
    """Settings of Deep SAD; see `PretrainedConfig`, `AugmentedConfig` and `GradientConfig`.

    Attributes:
        eta: Weight of a labelled row relative to an unlabelled one, > 0.
        balanced: Whether half of each batch are labelled anomalies, drawn with replacement, as is
            suitable for an exposure set; an epoch then has every other row once. The paper does
            not balance batches.
        variant: "paper" trains from pre-trained weights; "released" from random weights, as the
            released program, where the pre-trained weights never reach the detector.
    """

    eta: float = 1.0
    balanced: bool = False
    variant: Literal["paper", "released"] = "paper"

    def __post_init__(self):
        super().__post_init__()
        self._need(is_number(self.eta) and self.eta > 0, "eta", "> 0")
        self._need(isinstance(self.balanced, bool), "balanced", "true or false")
        least = 2 if self.balanced else 1
        self._need(self.batch_size >= least, "batch_size", "at least 2 if balanced is true")


@register("deep_sad", DeepSADConfig, uses_labels=True)
def build_deep_sad(config: DeepSADConfig, spec: Spec) -> Detector:
    """Deep SAD; the score is the squared distance to a centre in the code space of a network.

    Minimises the batch mean of `d` for unlabelled rows, `eta d` for labelled normal rows and
    `eta / (d + 1e-6)` for labelled anomalies; the score is `d`.
    """
    return deep_sad_detector(config, spec, by_label(config.eta))


def deep_sad_detector(config: DeepSADConfig, spec: Spec, default: Weighting) -> Detector:
    """Build Deep SAD with the weighting of the settings, or `default` if there is none."""
    encoder, decoder = networks(config, spec)
    model, weighting = Hypersphere(encoder), config.choose_weighting(default, spec)
    balanced = config.balanced and weighting.labelled_anomalies
    sampler = build_balanced_sampler(weighting, config) if balanced else None
    detector = gradient_detector(model, inverse(), weighting, config, sampler)
    if config.variant != "released":
        autoencoder = Reconstruction(encoder, decoder)
        detector = add_pretraining(detector, model, autoencoder, weighting, config)
    return config.augmented(detector, spec)
