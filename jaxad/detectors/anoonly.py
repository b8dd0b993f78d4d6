"""AnoOnly on four bases: labelled anomalies have a loss, all other rows only their statistics.

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
    """What AnoOnly adds to a base's settings.

    The whole batch goes through the network in train mode and the loss of rows taken as normal is
    dropped after it: they act through the statistics of BatchNorm alone.

    Attributes:
        normal_weight: What is left of the loss of rows taken as normal, in [0, 1]; 1 is the base
            with a normalisation.
        allow_no_norm: Whether a network without a normalisation is allowed: without one nothing
            holds the scores of normal rows down.
    """

    normal_weight: float = 0.0
    allow_no_norm: bool = False

    def __post_init__(self):
        super().__post_init__()
        weight = self.normal_weight
        self._need(is_number(weight) and 0 <= weight <= 1, "normal_weight", "in [0, 1]")
        self._need(isinstance(self.allow_no_norm, bool), "allow_no_norm", "true or false")
        if self.norm == "none" and not self.allow_no_norm:
            raise ConfigError(
                "under AnoOnly normal rows act through BatchNorm alone: norm must be 'batch', "
                "'batch_no_affine', 'layer' or 'explicit'; given 'none'. allow_no_norm=True builds "
                "it all the same"
            )

    def weights(self, eta: float = 1.0) -> Weighting:
        """Labelled anomalies their loss, all other rows what is left of theirs."""
        return chain(by_label(eta), anoonly(self.normal_weight))


@dataclass(frozen=True, kw_only=True)
class AnoOnlyDeepSADConfig(DeepSADConfig, AnoOnlyConfig):
    """Settings of Deep SAD with AnoOnly; see `AnoOnlyConfig` and `DeepSADConfig`.

    As in the paper Adam with step size 1e-3 and decay 1e-6, 50 epochs, batches of 128.
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
    """Deep SAD with AnoOnly; no loss pulls normal rows to the centre.

    Minimises the batch mean of `eta / (d + 1e-6)` for labelled anomalies and `normal_weight * d`
    for other rows; the score is `d`. Without labelled anomalies nothing is learned.
    """
    return deep_sad_detector(config, spec, config.weights(config.eta))


@register("anoonly_devnet", AnoOnlyDevNetConfig, uses_labels=True)
def build_anoonly_devnet(config: AnoOnlyDevNetConfig, spec: Spec) -> Detector:
    """DevNet with AnoOnly; labelled anomalies are put above a batch whose statistics are fixed.

    Minimises the batch mean of `max(0, margin - dev)` for labelled anomalies and
    `normal_weight * |dev|` for other rows, with a normalisation in front of the last layer.
    """
    return devnet_detector(config, spec, config.weights())


@register("anoonly_feawad", AnoOnlyFEAWADConfig, uses_labels=True)
def build_anoonly_feawad(config: AnoOnlyFEAWADConfig, spec: Spec) -> Detector:
    """FEAWAD with AnoOnly; its loss of labelled anomalies alone, after pre-training.

    Minimises the batch mean of `max(0, margin - s) + max(0, margin - r)` for labelled anomalies and
    `normal_weight * (|s| + r)` for other rows, with a normalisation in front of the last layer.
    """
    return feawad_detector(config, spec, config.weights())


@register("anoonly_prenet", AnoOnlyPReNetConfig, uses_labels=True)
def build_anoonly_prenet(config: AnoOnlyPReNetConfig, spec: Spec) -> Detector:
    """PReNet with AnoOnly; pairs without a labelled anomaly have no loss.

    Minimises the batch mean of `|4 - s|` for a labelled anomaly with another row, `|8 - s|` for two
    labelled anomalies and `normal_weight * |s|` for pairs of other rows, with a normalisation at
    the end of the branch that the two rows of a pair share.
    """
    return prenet_detector(config, spec, config.weights())
