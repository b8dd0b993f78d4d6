"""REPEN: a learned space in which likely anomalies are far from likely normal rows.

References:
    Pang et al. 2018, Learning representations of ultrahigh-dimensional data for random
    distance-based outlier detection.
"""

from dataclasses import dataclass

from jaxad.detector import Detector
from jaxad.detectors.build import choose_net, gradient_detector
from jaxad.detectors.config import GradientConfig, is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.detectors.scalar import count_columns
from jaxad.learners.optimiser import OptimiserKind
from jaxad.models import Embedding
from jaxad.nets.norm import Norm
from jaxad.nets.scorer import relu_net
from jaxad.objectives import triplet
from jaxad.sampling.triplets import Triplets
from jaxad.weighting import unsupervised

__all__ = ["REPENConfig", "build_repen"]


@dataclass(frozen=True, kw_only=True)
class REPENConfig(GradientConfig):
    """Settings of REPEN; see `GradientConfig`. One layer of 20 by default.

    Attributes:
        steps: Number of batches in an epoch, >= 1.
        batch_size: Number of triplets in a batch, >= 1.
        margin: Difference between the squared distances to the negative and to the positive from
            which on a triplet has no loss, > 0.
    """

    epochs: int = 30
    steps: int = 50
    batch_size: int = 256
    optimiser: OptimiserKind = "adadelta"
    learning_rate: float = 1.0
    milestone: float = 1.0
    weight_decay: float = 0.0
    norm: Norm = "none"
    bias: bool = True
    slope: float = 0.0
    margin: float = 1000.0

    def __post_init__(self):
        super().__post_init__()
        self._need(is_count(self.steps, 1), "steps", "a whole number of at least 1")
        self._need(is_number(self.margin) and self.margin > 0, "margin", "> 0")


@register("repen", REPENConfig, uses_labels=True)
def build_repen(config: REPENConfig, spec: Spec) -> Detector:
    """REPEN; the score is the distance to the nearest rows of random subsets in a learned space.

    Minimises the mean of `max(0, 1000 - (||e - n||^2 - ||e - p||^2))` over triplets of outputs of a
    ReLU layer. e and p are likely normal rows and n is a likely anomaly, by distances in the space
    of the data; if there are labelled anomalies, n is one of them. The score is the mean distance
    to the nearest row in 50 subsets of 8 training rows.

    Raises:
        ConfigError: The examples are not rows of a table.
    """
    features = count_columns(spec, "repen")
    sizes = (features, config.widths or (20,), config.norm, config.bias, config.slope)
    net = choose_net(config, spec, lambda: relu_net(*sizes))
    weighting = config.choose_weighting(unsupervised(), spec)
    sampler = Triplets(config.batch_size, config.steps)
    objective = triplet(config.margin)
    return gradient_detector(Embedding(net), objective, weighting, config, sampler)
