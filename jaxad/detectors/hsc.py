"""HSC: classify rows by their distance from a point in the space of a network.

References:
    Ruff et al. 2021, Rethinking assumptions in deep anomaly detection; thesis of Ruff (2021),
    section 2.3.5, tables 2.4 and A.1.
"""

from dataclasses import dataclass

from jaxad.detector import Detector
from jaxad.detectors.build import balanced_sampler, gradient_detector, networks
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

    Biases and BatchNorm with a learned shift are allowed: the labelled anomalies keep the network
    from mapping every row to the centre, which is the bias of the last layer.

    Attributes:
        radius: The distance: "l1" `||z||_1`, "l2" `||z||_2`, "l2_squared" `||z||_2^2`, or
            "pseudo_huber" `sqrt(||z||_2^2 + 1) - 1`.
        balanced: Whether half of each batch are labelled anomalies, drawn with repetition; an epoch
            then has every other row once. Otherwise all rows come as they are.
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
        self._need(self.batch_size >= least, "batch_size", "at least 2 where it is balanced")


@register("hsc", HSCConfig, uses_labels=True)
def build_hsc(config: HSCConfig, spec: Spec) -> Detector:
    """HSC; a distance, small for normal rows and large for labelled anomalies or an exposure set.

    Minimises the batch mean of `h` for normal rows and `-log(1 - exp(-h))` for labelled anomalies,
    `h` a radial function of a network's output; the score is `h`. The loss of normal rows alone is
    least where all weights are 0: without labelled anomalies there is nothing to learn.

    Raises:
        ConfigError: There are no labelled anomalies, and no weighting that takes other rows for
            anomalous, or the weighting never does.
    """
    weighting = config.choose_weighting(by_label(), spec)
    _check_anomalies(config, weighting, spec)
    encoder, _ = networks(config, spec)
    balanced = config.balanced and spec.labelled_anomalies > 0 and weighting.labelled_anomalies
    sampler = balanced_sampler(weighting, config) if balanced else None
    model = Radial(encoder, config.radius)
    detector = gradient_detector(model, hypersphere_classification(), weighting, config, sampler)
    return config.augmented(detector, spec)


def _check_anomalies(config: HSCConfig, weighting: Weighting, spec: Spec) -> None:
    """Raise if no row will ever be taken for anomalous."""
    if config.weighting is None and spec.labelled_anomalies == 0:
        raise ConfigError(
            "hsc learns from anomalies, and no row is labelled as one (-1): label some "
            "(labelled_anomalies), give another data set as anomalies (exposure), or a weighting "
            "that finds them, such as 'latent_outlier_exposure(0.1)'"
        )
    if not weighting.anomaly_loss:
        raise ConfigError(
            f"weighting={config.weighting!r} takes no row for anomalous: the loss of hsc that is "
            "left is least where the network is 0 everywhere. Choose one that does, such as "
            "'by_label'"
        )
