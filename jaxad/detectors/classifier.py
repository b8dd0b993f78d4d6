"""Supervised classifier of labelled anomalies against all other rows.

References:
    Baseline of Ruff et al. 2020, Deep semi-supervised anomaly detection, section 4; Lin et al.
    2017, Focal loss for dense object detection; Hendrycks et al. 2019, Deep anomaly detection with
    outlier exposure, for training against an exposure set.
"""

from dataclasses import dataclass
from typing import Literal

from jaxad.detector import Detector
from jaxad.detectors.build import build_balanced_sampler, gradient_detector
from jaxad.detectors.config import AugmentedConfig, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.detectors.scalar import scalar_network
from jaxad.models.deviation import Deviation
from jaxad.nets.build import default_sizes
from jaxad.nets.norm import Norm
from jaxad.objectives import cross_entropy
from jaxad.weighting import by_label

__all__ = ["ClassifierConfig", "build_classifier"]


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(AugmentedConfig):
    """Settings of the classifier; see `AugmentedConfig` and `GradientConfig`.

    Attributes:
        loss: "bce" (binary cross-entropy) or "focal" (focal loss).
        gamma: Exponent of the focal loss, >= 0; the larger, the less well-classified rows count.
        balanced: Whether half of each batch are labelled anomalies, drawn with replacement, as is
            suitable for an exposure set; an epoch then has every other row once.
    """

    norm: Norm = "none"
    bias: bool = True
    loss: Literal["bce", "focal"] = "bce"
    gamma: float = 2.0
    balanced: bool = False

    def __post_init__(self):
        super().__post_init__()
        self._need(is_number(self.gamma) and self.gamma >= 0, "gamma", ">= 0")
        self._need(isinstance(self.balanced, bool), "balanced", "true or false")
        least = 2 if self.balanced else 1
        self._need(self.batch_size >= least, "batch_size", "at least 2 if balanced is true")


@register("classifier", ClassifierConfig, uses_labels=True)
def build_classifier(config: ClassifierConfig, spec: Spec) -> Detector:
    """Supervised classifier; the score is the log odds of a labelled anomaly.

    Minimises the mean of `-log(1 - p)` for unlabelled and labelled normal rows and `-log p` for
    labelled anomalies, with the sigmoid p of the score; or the corresponding focal loss.

    Raises:
        ConfigError: The examples are neither rows of a table nor images, or images are to be
            augmented and the examples are not images.
        DataError: There are no labelled anomalies.
    """
    spec.need_labelled_anomaly("classifier", "autoencoder")
    widths = default_sizes(spec.shape)[1]
    model = Deviation(scalar_network(config, spec, widths, "classifier"), standardised=False)
    objective = cross_entropy(config.gamma if config.loss == "focal" else 0.0)
    weighting = config.choose_weighting(by_label(), spec)
    balanced = config.balanced and weighting.labelled_anomalies
    sampler = build_balanced_sampler(weighting, config) if balanced else None
    detector = gradient_detector(model, objective, weighting, config, sampler)
    return config.augmented(detector, spec)
