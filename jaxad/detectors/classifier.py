"""Supervised classifier of labelled anomalies against all other rows.

References:
    Baseline of Ruff et al. 2020, Deep semi-supervised anomaly detection, section 4; Lin et al.
    2017, Focal loss for dense object detection.
"""

from dataclasses import dataclass
from typing import Literal

from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import GradientConfig, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.detectors.scalar import scalar_network
from jaxad.errors import DataError
from jaxad.models.deviation import Deviation
from jaxad.nets.build import default_sizes
from jaxad.nets.norm import Norm
from jaxad.objectives import cross_entropy
from jaxad.weighting import by_label

__all__ = ["ClassifierConfig", "build_classifier"]


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(GradientConfig):
    """Settings of the classifier; see `GradientConfig`.

    Attributes:
        loss: "bce" (binary cross-entropy) or "focal" (focal loss).
        gamma: Exponent of the focal loss, >= 0; the larger, the less well-classified rows count.
    """

    norm: Norm = "none"
    bias: bool = True
    loss: Literal["bce", "focal"] = "bce"
    gamma: float = 2.0

    def __post_init__(self):
        super().__post_init__()
        self._need(is_number(self.gamma) and self.gamma >= 0, "gamma", ">= 0")


@register("classifier", ClassifierConfig, uses_labels=True)
def build_classifier(config: ClassifierConfig, spec: Spec) -> Detector:
    """Supervised classifier; the score is the log odds of a labelled anomaly.

    Minimises the mean of `-log(1 - p)` for unlabelled and labelled normal rows and `-log p` for
    labelled anomalies, with the sigmoid p of the score; or the corresponding focal loss.

    Raises:
        ConfigError: The examples are neither rows of a table nor images.
        DataError: There are no labelled anomalies.
    """
    if spec.labelled_anomalies == 0:
        raise DataError(
            "labelled anomalies must be given for classifier, at least 1 labelled anomaly; given "
            "0. Label some rows with -1, or choose a detector that needs no labels, such as "
            "autoencoder"
        )
    widths = default_sizes(spec.shape)[1]
    model = Deviation(scalar_network(config, spec, widths, "classifier"), standardised=False)
    objective = cross_entropy(config.gamma if config.loss == "focal" else 0.0)
    return gradient_detector(model, objective, config.choose_weighting(by_label(), spec), config)
