"""Contradicting training of four score models.

References:
    Wu et al. 2022, Understanding and mitigating data contamination in deep anomaly detection: a
    kernel-based approach.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal

from jaxad.detector import Detector
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import add_pretraining, gradient_detector, networks
from jaxad.detectors.config import GradientConfig, PretrainedConfig, is_number
from jaxad.detectors.forecaster import (
    LSTMForecasterConfig,
    MLPForecasterConfig,
    lstm_model,
    mlp_model,
)
from jaxad.detectors.registry import Spec, register
from jaxad.models import Hypersphere, Reconstruction
from jaxad.objectives import inverse
from jaxad.padding import is_table
from jaxad.weighting import Weighting, contradicting

__all__ = [
    "ContradictingAutoencoderConfig",
    "ContradictingDeepSVDDConfig",
    "ContradictingLSTMForecasterConfig",
    "ContradictingMLPForecasterConfig",
    "build_contradicting_autoencoder",
    "build_contradicting_deep_svdd",
    "build_contradicting_lstm_forecaster",
    "build_contradicting_mlp_forecaster",
]


@dataclass(frozen=True, kw_only=True)
class _Ascent(GradientConfig):
    """Settings that contradicting training adds to those of its base.

    Attributes:
        lam: Weight of gradient ascent on the loss of labelled anomalies, >= 0; 0 does not use them,
            1 is the ramp loss. "balanced" is `2 share unlabelled / labelled`, with the numbers of
            training rows.
        cap: Maximum loss of a labelled anomaly as a multiple of the initial mean loss, > 0; ascent
            stops there. None uses 10, or no cap if the loss is bounded, as for reconstructed
            images.
        share: Assumed fraction of anomalies among the unlabelled rows, in [0, 1), which only
            `lam="balanced"` uses.
    """

    lam: float | Literal["balanced"] = 20.0
    cap: float | None = None
    share: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        ok = self.lam == "balanced" or (is_number(self.lam) and self.lam >= 0)
        self._need(ok, "lam", ">= 0 or 'balanced'")
        ok = self.cap is None or (is_number(self.cap) and self.cap > 0)
        self._need(ok, "cap", "> 0, or None")
        self._need(is_number(self.share) and 0 <= self.share < 1, "share", "in [0, 1)")

    def choose_ascent(self, spec: Spec, bounded: bool = False) -> Weighting:
        """Return the weighting of the settings, or contradicting training if there is none."""
        cap = (inf if bounded else 10.0) if self.cap is None else self.cap
        return self.choose_weighting(contradicting(self.lam, cap, self.share), spec)


@dataclass(frozen=True, kw_only=True)
class ContradictingAutoencoderConfig(AutoencoderConfig, _Ascent):
    """Settings of contradicting training of an autoencoder; see `AutoencoderConfig`."""


@dataclass(frozen=True, kw_only=True)
class ContradictingDeepSVDDConfig(PretrainedConfig, _Ascent):
    """Settings of contradicting training of Deep SVDD; see `PretrainedConfig`."""


@dataclass(frozen=True, kw_only=True)
class ContradictingMLPForecasterConfig(MLPForecasterConfig, _Ascent):
    """Settings of contradicting training of an MLP forecaster; see `MLPForecasterConfig`."""


@dataclass(frozen=True, kw_only=True)
class ContradictingLSTMForecasterConfig(LSTMForecasterConfig, _Ascent):
    """Settings of contradicting training of an LSTM forecaster; see `LSTMForecasterConfig`."""


@register("contradicting_autoencoder", ContradictingAutoencoderConfig, uses_labels=True)
def build_contradicting_autoencoder(config: ContradictingAutoencoderConfig, spec: Spec) -> Detector:
    """Contradicting training of an autoencoder; the score is the squared reconstruction error.

    Minimises `sum ||x - g(f(x))||^2` over unlabelled and labelled normal rows minus `lam` times
    the same sum over labelled anomalies. Decoded images lie in (0, 1), which bounds the ascent.
    """
    model = Reconstruction(*networks(config, spec, code_bias=False, needs_decoder=True))
    weighting = config.choose_ascent(spec, bounded=not is_table(spec.shape))
    return gradient_detector(model, inverse(), weighting, config)


@register("contradicting_deep_svdd", ContradictingDeepSVDDConfig, uses_labels=True)
def build_contradicting_deep_svdd(config: ContradictingDeepSVDDConfig, spec: Spec) -> Detector:
    """Contradicting training of Deep SVDD; the score is the squared distance to a centre.

    Minimises the sum of the score over unlabelled and labelled normal rows minus `lam` times the
    same sum over labelled anomalies. Pre-training does not use labelled anomalies.
    """
    encoder, decoder = networks(config, spec)
    model, weighting = Hypersphere(encoder), config.choose_ascent(spec)
    detector = gradient_detector(model, inverse(), weighting, config)
    return add_pretraining(detector, model, Reconstruction(encoder, decoder), weighting, config)


@register(
    "contradicting_mlp_forecaster",
    ContradictingMLPForecasterConfig,
    uses_labels=True,
    examples="sequence",
)
def build_contradicting_mlp_forecaster(
    config: ContradictingMLPForecasterConfig, spec: Spec
) -> Detector:
    """Contradicting training of an MLP; the score is its error on the last points of a sequence.

    Minimises the sum of mean squared errors over unlabelled and labelled normal rows minus `lam`
    times the same sum over labelled anomalies; the score is the mean squared error.
    """
    return gradient_detector(mlp_model(config, spec), inverse(), config.choose_ascent(spec), config)


@register(
    "contradicting_lstm_forecaster",
    ContradictingLSTMForecasterConfig,
    uses_labels=True,
    examples="sequence",
)
def build_contradicting_lstm_forecaster(
    config: ContradictingLSTMForecasterConfig, spec: Spec
) -> Detector:
    """Contradicting training of an LSTM; the score is its error on each next point of a sequence.

    Minimises the sum of mean squared errors over unlabelled and labelled normal rows minus `lam`
    times the same sum over labelled anomalies; the score is the mean squared error.
    """
    return gradient_detector(
        lstm_model(config, spec), inverse(), config.choose_ascent(spec), config
    )
