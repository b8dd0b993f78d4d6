"""PReNet: a score of pairs of rows that increases with the number of anomalies in the pair.

References:
    Pang et al. 2023, Deep weakly-supervised anomaly detection.
"""

from dataclasses import dataclass

from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import is_number
from jaxad.detectors.registry import Spec, register
from jaxad.detectors.scalar import BalancedConfig, Variant, count_columns
from jaxad.errors import ConfigError
from jaxad.learners.optimiser import OptimiserKind
from jaxad.models.pairs import PairScore
from jaxad.nets.scorer import linear_head, relu_net
from jaxad.objectives import ordinal
from jaxad.sampling.pairs import Pairs
from jaxad.weighting import Weighting, by_label

__all__ = ["PReNetConfig", "build_prenet", "prenet_detector"]

_ORIGINAL = {"epochs": 50}


@dataclass(frozen=True, kw_only=True)
class PReNetConfig(BalancedConfig):
    """Settings of PReNet; see `BalancedConfig` and `GradientConfig`.

    One hidden layer of 20 by default. RMSprop averages squared gradients with decay 0.9.

    Attributes:
        batch_size: Number of pairs in a batch, >= 4.
        target: Target score of a labelled anomaly paired with another row, > 0; a pair of two
            labelled anomalies has twice this target.
        variant: "anoonly" has the settings of AnoOnly's paper: 30 epochs of 20 batches of 512
            pairs, step size 1e-3, weight decay 1e-2. "original" replaces settings at their defaults
            by those of PReNet's paper: 50 epochs.
    """

    epochs: int = 30
    batch_size: int = 512
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    optimiser: OptimiserKind = "rmsprop"
    target: float = 4.0
    variant: Variant = "anoonly"

    def __post_init__(self):
        if self.variant == "original":
            self._replace_defaults(_ORIGINAL)
        super().__post_init__()
        self._need(self.batch_size >= 4, "batch_size", "at least 4, for pairs of three kinds")
        self._need(is_number(self.target) and self.target > 0, "target", "> 0")


@register("prenet", PReNetConfig, uses_labels=True)
def build_prenet(config: PReNetConfig, spec: Spec) -> Detector:
    """PReNet; the score is the mean output of a network on pairs of a row with training rows.

    Minimises the mean of `|4 - s|` for a labelled anomaly paired with another row, `|8 - s|` for
    two labelled anomalies and `|s|` for pairs of other rows. A single labelled anomaly is paired
    with itself. The score is the mean over pairs with 30 labelled anomalies and 30 unlabelled rows,
    drawn once.
    """
    return prenet_detector(config, spec, by_label())


def prenet_detector(config: PReNetConfig, spec: Spec, default: Weighting) -> Detector:
    """Build PReNet with the weighting of the settings, or `default` if there is none.

    `fit` raises a `DataError` for data without labelled anomalies.

    Raises:
        ConfigError: The examples are not rows of a table, or the weighting leaves labelled
            anomalies out.
    """
    features = count_columns(spec, "prenet")
    weighting = config.choose_weighting(default, spec)
    if not weighting.labelled_anomalies:
        raise ConfigError(
            "weighting must use labelled anomalies for prenet, which pairs rows with them; given "
            f"{config.weighting!r}. Choose another one, such as 'by_label'"
        )
    widths = config.widths or (20,)
    branch = relu_net(features, widths, config.norm, config.bias, config.slope)
    model = PairScore(branch, linear_head(2 * widths[-1], config.bias))
    sampler = Pairs(config.batch_size, config.steps, float(weighting.labelled_normals))
    return gradient_detector(model, ordinal(config.target), weighting, config, sampler)
