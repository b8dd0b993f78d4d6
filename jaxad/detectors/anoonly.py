"""AnoOnly with four base detectors: only labelled anomalies have a loss.

References:
    Zhou et al. 2023, AnoOnly: semi-supervised anomaly detection without loss on normal data.
"""

from dataclasses import dataclass

from jaxad.detector import Detector
from jaxad.detectors.config import GradientConfig, is_number
from jaxad.detectors.deep_sad import DeepSADConfig, deep_sad_detector
from jaxad.detectors.devnet import DevNetConfig, devnet_detector
from jaxad.detectors.feawad import FEAWADConfig, feawad_detector
from jaxad.detectors.prenet import PReNetConfig, prenet_detector
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError
from jaxad.nets.norm import Norm
from jaxad.weighting import Weighting, anoonly, by_label, chain
from jaxad.weighting.only_anomalies import Statistics

__all__ = [
    "AnoOnlyConfig",
    "AnoOnlyDeepSADConfig",
    "AnoOnlyDevNetConfig",
    "AnoOnlyFEAWADConfig",
    "AnoOnlyPReNetConfig",
    "build_anoonly_deep_sad",
    "build_anoonly_devnet",
    "build_anoonly_feawad",
    "build_anoonly_prenet",
]


@dataclass(frozen=True, kw_only=True)
class AnoOnlyConfig(GradientConfig):
    """Settings that AnoOnly adds to those of a base detector.

    The whole batch passes through the network in train mode, but rows taken as normal have no loss:
    they affect training only through the batch statistics of BatchNorm.

    Attributes:
        normal_weight: Weight of the loss of rows taken as normal, in [0, 1]; 0 drops it, 1 is the
            base detector with a normalisation.
        statistics: Rows that BatchNorm takes its statistics from in training: "all" rows of a
            batch, as published, or "normal", those that are not labelled anomalies.
        allow_no_norm: Whether a network without a normalisation is allowed, in which nothing keeps
            the scores of normal rows low.
    """

    normal_weight: float = 0.0
    statistics: Statistics = "all"
    allow_no_norm: bool = False

    def __post_init__(self):
        super().__post_init__()
        weight = self.normal_weight
        self._need(is_number(weight) and 0 <= weight <= 1, "normal_weight", "in [0, 1]")
        self._need(isinstance(self.allow_no_norm, bool), "allow_no_norm", "true or false")
        if self.norm == "none" and not self.allow_no_norm:
            raise ConfigError(
                "norm must be 'batch', 'batch_no_affine', 'layer' or 'explicit' for AnoOnly, where "
                "normal rows act only through normalisation; given 'none'. Set allow_no_norm=True "
                "to build the detector without one"
            )
        if self.statistics == "normal" and not self.norm.startswith("batch"):
            raise ConfigError(
                "statistics must be 'all' without BatchNorm, which alone takes statistics of a "
                f"batch; given 'normal' and norm={self.norm!r}. Set norm='batch_no_affine'"
            )

    def weights(self, eta: float = 1.0) -> Weighting:
        """Return the weighting by label with the weight of rows taken as normal reduced."""
        return chain(by_label(eta), anoonly(self.normal_weight, self.statistics))


@dataclass(frozen=True, kw_only=True)
class AnoOnlyDeepSADConfig(DeepSADConfig, AnoOnlyConfig):
    """Settings of Deep SAD with AnoOnly; see `AnoOnlyConfig` and `DeepSADConfig`.

    As in the paper: Adam with step size 1e-3 and weight decay 1e-6, 50 epochs, batches of 128.
    """

    epochs: int = 50
    milestone: float = 1.0
    pretrain_epochs: int = 0


@dataclass(frozen=True, kw_only=True)
class AnoOnlyDevNetConfig(DevNetConfig, AnoOnlyConfig):
    """Settings of DevNet with AnoOnly; see `AnoOnlyConfig` and `DevNetConfig`."""

    norm: Norm = "batch_no_affine"


@dataclass(frozen=True, kw_only=True)
class AnoOnlyFEAWADConfig(FEAWADConfig, AnoOnlyConfig):
    """Settings of FEAWAD with AnoOnly; see `AnoOnlyConfig` and `FEAWADConfig`."""

    norm: Norm = "batch_no_affine"


@dataclass(frozen=True, kw_only=True)
class AnoOnlyPReNetConfig(PReNetConfig, AnoOnlyConfig):
    """Settings of PReNet with AnoOnly; see `AnoOnlyConfig` and `PReNetConfig`."""

    norm: Norm = "batch_no_affine"


@register("anoonly_deep_sad", AnoOnlyDeepSADConfig, uses_labels=True)
def build_anoonly_deep_sad(config: AnoOnlyDeepSADConfig, spec: Spec) -> Detector:
    """Deep SAD with AnoOnly; the score is the squared distance to a centre.

    Minimises the batch mean of `eta / (d + 1e-6)` for labelled anomalies and `normal_weight * d`
    for other rows; the score is `d`. Without labelled anomalies nothing is learned.
    """
    return deep_sad_detector(config, spec, config.weights(config.eta))


@register("anoonly_devnet", AnoOnlyDevNetConfig, uses_labels=True)
def build_anoonly_devnet(config: AnoOnlyDevNetConfig, spec: Spec) -> Detector:
    """DevNet with AnoOnly; the score is a network's output in deviations of a Gaussian prior.

    Minimises the batch mean of `max(0, margin - dev)` for labelled anomalies and
    `normal_weight * |dev|` for other rows, with a normalisation in front of the last layer.
    """
    return devnet_detector(config, spec, config.weights())


@register("anoonly_feawad", AnoOnlyFEAWADConfig, uses_labels=True)
def build_anoonly_feawad(config: AnoOnlyFEAWADConfig, spec: Spec) -> Detector:
    """FEAWAD with AnoOnly; the score is a network's output on an autoencoder's code and residual.

    Minimises the batch mean of `max(0, margin - s) + max(0, margin - r)` for labelled anomalies and
    `normal_weight * (|s| + r)` for other rows, with a normalisation in front of the last layer.
    """
    return feawad_detector(config, spec, config.weights())


@register("anoonly_prenet", AnoOnlyPReNetConfig, uses_labels=True)
def build_anoonly_prenet(config: AnoOnlyPReNetConfig, spec: Spec) -> Detector:
    """PReNet with AnoOnly; the score is the mean output of a network on pairs with training rows.

    Minimises the batch mean of `|4 - s|` for a labelled anomaly with another row, `|8 - s|` for two
    labelled anomalies and `normal_weight * |s|` for pairs of other rows, with a normalisation at
    the end of the branch that the two rows of a pair share.
    """
    return prenet_detector(config, spec, config.weights())
