"""DevNet: a scalar score that is several deviations above a prior's mean for labelled anomalies.

References:
    Pang et al. 2019, Deep anomaly detection with deviation networks.
"""

from dataclasses import dataclass
from typing import Literal

from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import is_number
from jaxad.detectors.registry import Spec, register
from jaxad.detectors.scalar import BalancedConfig, choose_balanced_sampler, scalar_network
from jaxad.learners.optimiser import OptimiserKind
from jaxad.models.deviation import Deviation
from jaxad.objectives import deviation, push
from jaxad.weighting import Weighting, by_label

__all__ = ["DevNetConfig", "build_devnet", "devnet_detector"]

# Weight decay multiplies ||w||^2 / 2 here and ||w||^2 in the original.
_ORIGINAL = {"learning_rate": 1e-3, "batch_size": 512, "weight_decay": 0.02}


@dataclass(frozen=True, kw_only=True)
class DevNetConfig(BalancedConfig):
    """Settings of DevNet; see `BalancedConfig` and `GradientConfig`.

    One hidden layer of 20 by default. RMSprop averages squared gradients with decay 0.9.

    Attributes:
        margin: Number of deviations above the prior's mean from which on a labelled anomaly has no
            loss, > 0.
        variant: "anoonly" has the settings of AnoOnly's paper: 50 epochs of 20 batches of 64, step
            size 2e-4. "original" replaces settings at their defaults by those of DevNet's paper:
            batches of 512, step size 1e-3, weight decay 0.02; its clipping of gradient norms is
            left out. "released" has the losses of AnoOnly's program: the loss of anomalies is
            `margin - s` without the hinge, so without a lower bound, and s is not standardised.
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
    """DevNet; the score is a network's output in deviations of a Gaussian prior.

    Minimises the mean of `max(0, margin - dev)` for labelled anomalies and `|dev|` for other rows,
    where `dev` is the network's output standardised by 5,000 draws of N(0, 1). Half of each batch
    are labelled anomalies.
    """
    return devnet_detector(config, spec, by_label())


def devnet_detector(config: DevNetConfig, spec: Spec, default: Weighting) -> Detector:
    """Build DevNet with the weighting of the settings, or `default` if there is none.

    `fit` raises a `DataError` for data without labelled anomalies.

    Raises:
        ConfigError: The examples are neither rows of a table nor images.
    """
    released = config.variant == "released"
    net = scalar_network(config, spec, (20,), "devnet")
    model = Deviation(net, standardised=not released)
    objective = push(config.margin) if released else deviation(config.margin)
    weighting = config.choose_weighting(default, spec)
    return gradient_detector(
        model, objective, weighting, config, choose_balanced_sampler(config, weighting)
    )
