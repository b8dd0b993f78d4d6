"""DevNet: a scalar score that puts labelled anomalies some deviations above a prior's mean.

References:
    Pang et al. 2019, Deep anomaly detection with deviation networks.
"""

from dataclasses import dataclass
from typing import Literal

from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import is_number
from jaxad.detectors.registry import Spec, register
from jaxad.detectors.scalar import BalancedConfig, sampler_for, scalar_network
from jaxad.learners.optimiser import OptimiserKind
from jaxad.models.deviation import Deviation
from jaxad.objectives import deviation, push
from jaxad.weighting import Weighting, by_label

__all__ = ["DevNetConfig", "build_devnet", "devnet_detector"]

# The decay is a factor of ||w||^2 / 2 here, of ||w||^2 in the original.
_ORIGINAL = {"learning_rate": 1e-3, "batch_size": 512, "weight_decay": 0.02}


@dataclass(frozen=True, kw_only=True)
class DevNetConfig(BalancedConfig):
    """Settings of DevNet; see `BalancedConfig` and `GradientConfig`.

    One hidden layer of 20 by default. RMSprop averages squared gradients with decay 0.9.

    Attributes:
        margin: Deviations that an anomaly should be above the prior's mean, > 0.
        variant: "anoonly", the settings in AnoOnly's paper: 50 epochs of 20 batches of 64, step
            size 2e-4. "original", DevNet's own: batches of 512, step size 1e-3, weight decay 0.02,
            where a setting is at its default; its clipping of the gradient's norm is left out.
            "released", as AnoOnly's program: the hinge is lost, the loss of anomalies is
            `margin - s` without a lower bound, and s is not standardised.
    """

    epochs: int = 50
    learning_rate: float = 2e-4
    optimiser: OptimiserKind = "rmsprop"
    margin: float = 5.0
    variant: Literal["anoonly", "original", "released"] = "anoonly"

    def __post_init__(self):
        if self.variant == "original":
            self._replace_defaults(_ORIGINAL)
        super().__post_init__()
        self._need(is_number(self.margin) and self.margin > 0, "margin", "> 0")


@register("devnet", DevNetConfig, uses_labels=True)
def build_devnet(config: DevNetConfig, spec: Spec) -> Detector:
    """DevNet; a network's score, large where labelled anomalies are; the rest is near to 0.

    Minimises the mean of `|dev|` for other rows and `max(0, margin - dev)` for labelled anomalies,
    `dev` a network's output in deviations of 5,000 draws of N(0, 1). Half of each batch are
    labelled anomalies.
    """
    return devnet_detector(config, spec, by_label())


def devnet_detector(config: DevNetConfig, spec: Spec, default: Weighting) -> Detector:
    """DevNet under a weighting; `fit` refuses data without labelled anomalies.

    Raises:
        ConfigError: The examples are neither rows of a table nor images.
    """
    released = config.variant == "released"
    net = scalar_network(config, spec, (20,), "devnet")
    model = Deviation(net, standardised=not released)
    objective = push(config.margin) if released else deviation(config.margin)
    weighting = config.choose_weighting(default, spec)
    return gradient_detector(model, objective, weighting, config, sampler_for(config, weighting))
