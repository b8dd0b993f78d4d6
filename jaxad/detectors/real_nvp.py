"""Real NVP: the density of a row under an invertible network.

References:
    Dinh et al. 2017, Density estimation using Real NVP.
"""

from dataclasses import dataclass

from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import GradientConfig, is_count
from jaxad.detectors.registry import Spec, register
from jaxad.detectors.scalar import count_columns
from jaxad.models import Flow
from jaxad.nets.columns import column_net
from jaxad.objectives import identity
from jaxad.weighting import unsupervised

__all__ = ["RealNVPConfig", "build_real_nvp"]


@dataclass(frozen=True, kw_only=True)
class RealNVPConfig(GradientConfig):
    """Settings of Real NVP; see `GradientConfig`. The networks have biases and no normalisation.

    Attributes:
        widths: Widths of the hidden layers of the networks in a coupling; None for 64 and 64.
        couplings: Number of coupling layers, >= 1; two in a row map every column once.
    """

    couplings: int = 6
    bias: bool = True

    def __post_init__(self):
        super().__post_init__()
        self._need(is_count(self.couplings, 1), "couplings", "a whole number of at least 1")


@register("real_nvp", RealNVPConfig, uses_labels=False)
def build_real_nvp(config: RealNVPConfig, spec: Spec) -> Detector:
    """Real NVP; the score is minus the log density of a row.

    Minimises the mean of the score over all rows that are not labelled anomalies, which is the
    exact maximum of the likelihood.

    Raises:
        ConfigError: The examples are not rows of a table.
    """
    features = count_columns(spec, "real_nvp")
    widths = config.widths or (64, 64)
    shift, scale = (column_net(features, widths, config.slope) for _ in range(2))
    model = Flow(shift, scale, config.couplings)
    return gradient_detector(
        model, identity(), config.choose_weighting(unsupervised(), spec), config
    )
