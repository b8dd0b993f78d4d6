"""HSC: classification of rows by their distance to a point in the code space of a network.

References:
    Ruff et al. 2021, Rethinking assumptions in deep anomaly detection; thesis of Ruff (2021),
    section 2.3.5, tables 2.4 and A.1.
"""

from dataclasses import dataclass

from jaxad.detector import Detector
from jaxad.detectors.build import build_balanced_sampler, gradient_detector, networks
from jaxad.detectors.config import AugmentedConfig
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError
from jaxad.models import Radial
from jaxad.models.radial import Radius
from jaxad.nets.norm import Norm
from jaxad.objectives import hypersphere_classification
from jaxad.weighting import Weighting, by_label

__all__ = ["HSCConfig", "build_hsc"]


@dataclass(frozen=True, kw_only=True)
class HSCConfig(AugmentedConfig):
    """Settings of HSC; see `AugmentedConfig` and `GradientConfig`.

    Biases and BatchNorm with a learned shift are allowed: labelled anomalies keep the network from
    mapping every row to the centre, which is the bias of the last layer.

    Attributes:
        radius: Distance of a code z: "l1" is `||z||_1`, "l2" is `||z||_2`, "l2_squared" is
            `||z||_2^2`, and "pseudo_huber" is `sqrt(||z||_2^2 + 1) - 1`.
        balanced: Whether half of each batch are labelled anomalies, drawn with replacement; an
            epoch then has every other row once. If false, batches are a shuffle of all rows.
    """

    radius: Radius = "pseudo_huber"
    balanced: bool = True
    batch_size: int = 256
    norm: Norm = "batch"
    bias: bool = True

    def __post_init__(self):
        super().__post_init__()
        self._need(isinstance(self.balanced, bool), "balanced", "true or false")
        least = 2 if self.balanced else 1
        self._need(self.batch_size >= least, "batch_size", "at least 2 if balanced is true")


@register("hsc", HSCConfig, uses_labels=True)
def build_hsc(config: HSCConfig, spec: Spec) -> Detector:
    """HSC; the score is the distance to a point in the code space of a network.

    Minimises the batch mean of `h` for rows taken as normal and `-log(1 - exp(-h))` for labelled
    anomalies or an exposure set, where the score `h` is a radial function of the network's output.
    The loss of normal rows alone is smallest if all weights of the network are 0, so there is
    nothing to learn without anomalies.

    Raises:
        ConfigError: There are no labelled anomalies, and no weighting that takes other rows as
            anomalous; or the weighting takes no rows as anomalous.
    """
    weighting = config.choose_weighting(by_label(), spec)
    _check_anomalies(config, weighting, spec)
    encoder, _ = networks(config, spec)
    balanced = config.balanced and spec.labelled_anomalies > 0 and weighting.labelled_anomalies
    sampler = build_balanced_sampler(weighting, config) if balanced else None
    model = Radial(encoder, config.radius)
    detector = gradient_detector(model, hypersphere_classification(), weighting, config, sampler)
    return config.augmented(detector, spec)


def _check_anomalies(config: HSCConfig, weighting: Weighting, spec: Spec) -> None:
    """Raise a `ConfigError` if no row would be taken as anomalous."""
    if config.weighting is None and spec.labelled_anomalies == 0:
        raise ConfigError(
            "labelled anomalies must be given for hsc, at least 1; given 0. Label some rows as "
            "anomalies (1 in the label column or in y, -1 in TrainData), give another data set as "
            "anomalies (exposure), or choose a weighting that finds anomalies, such as "
            "'latent_outlier_exposure(0.1)'"
        )
    if not weighting.anomaly_loss:
        raise ConfigError(
            "weighting must take some rows as anomalous for hsc, whose loss of normal rows is "
            f"smallest for a network that is 0 everywhere; given {config.weighting!r}, which takes "
            "no row as anomalous. Choose another one, such as 'by_label'"
        )
