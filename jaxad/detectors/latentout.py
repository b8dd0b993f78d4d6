"""LatentOut: the distance to nearest neighbours by code and reconstruction error.

References:
    Angiulli et al. 2023, LatentOut: an unsupervised deep anomaly detection approach exploiting
    latent space distribution.
"""

from dataclasses import dataclass

from jaxad.detector import Detector
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import gradient_detector, networks
from jaxad.detectors.config import is_count
from jaxad.detectors.registry import Spec, register
from jaxad.models import Neighbours
from jaxad.objectives import inverse
from jaxad.weighting import unsupervised

__all__ = ["LatentOutConfig", "build_latentout"]


@dataclass(frozen=True, kw_only=True)
class LatentOutConfig(AutoencoderConfig):
    """Settings of LatentOut; see `AutoencoderConfig`.

    Attributes:
        neighbours: Number of nearest neighbours in the mean distance, >= 1.
        references: Number of training rows, drawn once, among which neighbours are searched,
            >= neighbours.
    """

    neighbours: int = 20
    references: int = 2048

    def __post_init__(self):
        super().__post_init__()
        self._need(is_count(self.neighbours, 1), "neighbours", "a whole number of at least 1")
        least = f"a whole number of at least neighbours, {self.neighbours}"
        self._need(is_count(self.references, self.neighbours), "references", least)


@register("latentout", LatentOutConfig, uses_labels=False)
def build_latentout(config: LatentOutConfig, spec: Spec) -> Detector:
    """LatentOut; the score is the distance to neighbours by code and reconstruction error.

    Minimises `mean ||x - g(f(x))||^2` as the autoencoder does. The score is the mean distance from
    `(f(x), ||x - g(f(x))||)` to the corresponding vectors of the 20 nearest of 2,048 training rows.
    """
    model = Neighbours(
        *networks(config, spec, code_bias=False, needs_decoder=True),
        neighbours=config.neighbours,
        references=config.references,
    )
    return gradient_detector(
        model, inverse(), config.choose_weighting(unsupervised(), spec), config
    )
