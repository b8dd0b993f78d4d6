"""ELITE: anomaly detectors whose training rows are weighted by meta-gradients of labelled rows.

References:
    Zhang et al. 2021, ELITE: robust deep anomaly detection with meta gradient.
"""

from dataclasses import dataclass, replace
from typing import Literal

from jaxad.detector import Detector
from jaxad.detectors.build import add_pretraining, gradient_detector, networks
from jaxad.detectors.config import GradientConfig, PretrainedConfig, is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.learners import Optimiser
from jaxad.learners.optimiser import OptimiserKind
from jaxad.models import Hypersphere, Margined, Reconstruction
from jaxad.nets.norm import Norm
from jaxad.objectives import hinge
from jaxad.weighting.base import Weighting
from jaxad.weighting.meta_gradient import MetaGradient, Scale, elite

__all__ = [
    "EliteAutoencoderConfig",
    "EliteDeepSVDDConfig",
    "build_elite_autoencoder",
    "build_elite_deep_svdd",
]


@dataclass(frozen=True, kw_only=True)
class _EliteConfig(GradientConfig):
    """Settings that the ELITE detectors share; see `jaxad.weighting.meta_gradient`.

    Attributes:
        eta_meta: Factor of the weights of rows, > 0.
        scale: Divisor of the meta-gradients: "initial" and "batch" are their mean absolute value in
            the first or the current batch, "none" is 1.
        variant: "scaled" and "paper" weight both losses; "paper" does not divide the meta-gradients
            (scale "none" where it is at its default), so that `eta_meta` is the paper's eta_M.
            "released" puts signed weights on the distance, without a hinge, and has the maximum of
            the initial labelled scores as the margin.
        meta_gradient: How meta-gradients are computed: "forward" or "unrolled" differentiation,
            with equal results.
        every: Steps from one meta-gradient to the next, after the first epoch; rows have their mean
            so far in between. 1 computes it in every step, as the paper does.
    """

    epochs: int = 50
    learning_rate: float = 3e-3
    milestone: float = 1.0
    optimiser: OptimiserKind = "sgd"
    eta_meta: float = 1.0
    scale: Scale = "initial"
    variant: Literal["scaled", "paper", "released"] = "scaled"
    meta_gradient: MetaGradient = "forward"
    every: int = 1

    def __post_init__(self):
        if self.variant == "paper":
            self._replace_defaults({"scale": "none"})
        super().__post_init__()
        self._need(is_number(self.eta_meta) and self.eta_meta > 0, "eta_meta", "> 0")
        self._need(is_count(self.every, 1), "every", "a whole number of at least 1")

    def elite(self, spec: Spec) -> Weighting:
        """Return the weighting by meta-gradients for the numbers of labelled rows of the data."""
        return elite(
            self.eta_meta,
            labelled=(spec.labelled_anomalies, spec.labelled_normals),
            scale=self.scale,
            variant="released" if self.variant == "released" else "paper",
            meta_gradient=self.meta_gradient,
            every=self.every,
        )

    def add_margin(self, base: Hypersphere | Reconstruction) -> Margined:
        """Return a score model with the margin of the variant."""
        return Margined(base, "max_labelled" if self.variant == "released" else "mean_unlabelled")


@dataclass(frozen=True, kw_only=True)
class EliteDeepSVDDConfig(_EliteConfig, PretrainedConfig):
    """Settings of ELITE with Deep SVDD; see `PretrainedConfig` and `GradientConfig`.

    Attributes:
        pretrain_learning_rate: Step size of Adam in pre-training, > 0.
    """

    pretrain_epochs: int = 0
    pretrain_learning_rate: float = 1e-3

    def __post_init__(self):
        super().__post_init__()
        rate = self.pretrain_learning_rate
        self._need(is_number(rate) and rate > 0, "pretrain_learning_rate", "> 0")

    def schedule_pretraining(self) -> Optimiser:
        """Return Adam with its schedule over the epochs of pre-training."""
        adam = replace(self, optimiser="adam", learning_rate=self.pretrain_learning_rate)
        return adam.schedule(self.pretrain_epochs)


@dataclass(frozen=True, kw_only=True)
class EliteAutoencoderConfig(_EliteConfig):
    """Settings of ELITE with an autoencoder; see `GradientConfig`.

    The step size is larger than that with Deep SVDD because the decoder needs more training.
    """

    learning_rate: float = 1e-2
    norm: Norm = "batch"
    bias: bool = True


@register("elite_deep_svdd", EliteDeepSVDDConfig, uses_labels=True)
def build_elite_deep_svdd(config: EliteDeepSVDDConfig, spec: Spec) -> Detector:
    """ELITE with Deep SVDD; the score is the distance to a centre, not squared.

    Minimises `mean w^N Omega + w^A max(0, C - Omega)` with `Omega = ||phi(x) - c||` over the
    unlabelled rows, with weights from the meta-gradient of the same loss on the labelled rows.
    """
    encoder, decoder = networks(config, spec)
    model, weighting = (
        config.add_margin(Hypersphere(encoder)),
        config.choose_weighting(config.elite(spec), spec),
    )
    detector = gradient_detector(model, hinge(), weighting, config)
    autoencoder = Reconstruction(encoder, decoder)
    return add_pretraining(
        detector, model, autoencoder, weighting, config, pretraining=config.schedule_pretraining()
    )


@register("elite_autoencoder", EliteAutoencoderConfig, uses_labels=True)
def build_elite_autoencoder(config: EliteAutoencoderConfig, spec: Spec) -> Detector:
    """ELITE with an autoencoder; the score is the reconstruction error, not squared.

    Minimises `mean w^N Omega + w^A max(0, C - Omega)` with `Omega = ||x - g(f(x))||` over the
    unlabelled rows, with weights from the meta-gradient of the same loss on the labelled rows.
    """
    model = config.add_margin(
        Reconstruction(*networks(config, spec, code_bias=False, needs_decoder=True))
    )
    return gradient_detector(
        model, hinge(), config.choose_weighting(config.elite(spec), spec), config
    )
