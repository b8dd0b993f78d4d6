"""SS-DGM: a generative model with a class and a code, the class known for some rows (M2).

References:
    Kingma et al. 2014, Semi-supervised learning with deep generative models.
"""

from dataclasses import dataclass

from jax.tree_util import Partial

from jaxad.detector import Detector
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import is_number
from jaxad.detectors.registry import Spec, register
from jaxad.learners import class_step, with_noise
from jaxad.models import ClassCode
from jaxad.nets.build import autoencoder_nets, default_sizes
from jaxad.nets.mlp import mlp_encoder
from jaxad.objectives import class_bound
from jaxad.weighing import by_label

__all__ = ["SSDGMConfig", "ss_dgm"]


@dataclass(frozen=True, kw_only=True)
class SSDGMConfig(AutoencoderConfig):
    """Settings of SS-DGM; see `AutoencoderConfig`.

    Attributes:
        alpha: Weight of the classifier's cross-entropy on labelled rows, >= 0.
        prior: Probability of the anomaly class in the generative model, in (0, 1).
    """

    alpha: float = 0.1
    prior: float = 0.5

    def __post_init__(self):
        super().__post_init__()
        self._need(is_number(self.alpha) and self.alpha >= 0, "alpha", ">= 0")
        self._need(is_number(self.prior) and 0 < self.prior < 1, "prior", "in (0, 1)")


@register("ss_dgm", SSDGMConfig, uses_labels=True)
def ss_dgm(config: SSDGMConfig, spec: Spec) -> Detector:
    """SS-DGM (M2); the log odds of the anomaly class in a generative model.

    Minimises minus the evidence lower bound: the mean over unlabelled rows in expectation over the
    class that a classifier gives, and the mean over labelled rows for their own class with 0.1 of
    the classifier's cross-entropy. The latter vanishes in batches with fewer than two of them.
    """
    widths = config.widths or default_sizes(spec.shape)[1]
    code = widths[-1]
    rest = (config.norm, config.bias, config.slope)
    encoder, _ = autoencoder_nets(spec.shape, config.channels, widths, *rest)
    _, decoder = autoencoder_nets(spec.shape, config.channels, (*widths[:-1], code + 1), *rest)
    model = ClassCode(
        encoder,
        decoder,
        mlp_encoder(code, (1,), "none", True),
        mlp_encoder(code + 1, (2 * code, 2 * code), "none", True, config.slope),
    )
    weighing, numbers = config.weigh(by_label(), spec), (float(config.alpha), float(config.prior))
    detector = gradient_detector(model, class_bound(0, *numbers), weighing, config)
    step = Partial(class_step, model, *numbers, weighing, config.schedule())
    return detector._replace(update=Partial(with_noise, step))
