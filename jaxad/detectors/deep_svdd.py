"""Deep SVDD: a network that maps normal rows close to a centre.

References:
    Ruff et al. 2018, Deep one-class classification; thesis of Ruff (2021), section 2.2.
"""

from dataclasses import dataclass
from typing import Literal

from jax.tree_util import Partial

from jaxad.detector import Detector
from jaxad.detectors.build import add_pretraining, gradient_detector, networks
from jaxad.detectors.config import AugmentedConfig, PretrainedConfig, is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.learners import step_with_batch_radius, update_radius
from jaxad.models import Hypersphere, Reconstruction, SoftBoundary
from jaxad.objectives import Objective, inverse, soft_boundary
from jaxad.weighting import unsupervised

__all__ = ["DeepSVDDConfig", "build_deep_svdd"]


@dataclass(frozen=True, kw_only=True)
class DeepSVDDConfig(PretrainedConfig, AugmentedConfig):
    """Settings of Deep SVDD; see `PretrainedConfig`, `AugmentedConfig` and `GradientConfig`.

    Attributes:
        objective: "one_class" moves all rows towards the centre; "soft_boundary" encloses most rows
            in a sphere. Also an `Objective` of the squared distance, from Python only.
        nu: Fraction of rows that may lie outside the sphere, in (0, 1]; only for the soft boundary.
        radius_warm_up: Number of epochs in which the radius is 0, >= 0; only for the soft boundary.
        radius_every: Number of epochs between two updates of the radius, >= 1; only for the soft
            boundary.
        variant: Rows that the radius is computed from: "paper", all training rows; "released", the
            rows of the batch in each step.
    """

    objective: (  # pyright: ignore[reportIncompatibleVariableOverride]
        Literal["one_class", "soft_boundary"] | Objective
    ) = "one_class"
    nu: float = 0.1
    radius_warm_up: int = 10
    radius_every: int = 1
    variant: Literal["paper", "released"] = "paper"

    def __post_init__(self):
        super().__post_init__()
        self._need(is_number(self.nu) and 0 < self.nu <= 1, "nu", "in (0, 1]")
        self._need(is_count(self.radius_warm_up, 0), "radius_warm_up", "a whole number, >= 0")
        self._need(is_count(self.radius_every, 1), "radius_every", "a whole number, >= 1")


@register("deep_svdd", DeepSVDDConfig, uses_labels=False)
def build_deep_svdd(config: DeepSVDDConfig, spec: Spec) -> Detector:
    """Deep SVDD; the score is the squared distance to a centre in the code space of a network.

    One-class: minimises `mean d + (decay / 2) ||w||^2` with `d = ||phi(x) - c||^2` over all rows
    that are not labelled anomalies. Soft boundary: minimises `R^2 + mean max(0, d - R^2) / nu`; the
    score is `d - R^2`, and R^2 is the least distance that at most `nu n` training rows exceed.
    """
    encoder, decoder = networks(config, spec)
    soft = config.objective == "soft_boundary"
    model = SoftBoundary(encoder) if soft else Hypersphere(encoder)
    # The objective of Deep SAD, so that both detectors share a compiled program.
    objective = soft_boundary(config.nu) if soft else inverse()
    weighting = config.choose_weighting(unsupervised(), spec)
    detector = gradient_detector(model, objective, weighting, config)
    if isinstance(model, SoftBoundary):
        detector = _add_radius(detector, model, config)
    autoencoder = Reconstruction(encoder, decoder)
    detector = add_pretraining(detector, model, autoencoder, weighting, config)
    return config.augmented(detector, spec)


def _add_radius(detector: Detector, model: SoftBoundary, config: DeepSVDDConfig) -> Detector:
    """Return the detector with updates of the radius in closed form."""
    warm_up = float(config.radius_warm_up)
    if config.variant == "released":
        step = Partial(step_with_batch_radius, detector.update, model, config.nu, warm_up)
        return detector._replace(update=step)
    every = float(config.radius_every)
    return detector._replace(each_epoch=Partial(update_radius, model, config.nu, warm_up, every))
