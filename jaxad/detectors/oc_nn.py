"""OC-NN: a one-class support vector machine on features that are learned with it.

References:
    Chalapathy et al. 2018, Anomaly detection using one-class neural networks, eq. 4.
"""

from dataclasses import dataclass

from jax.tree_util import Partial

from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector, networks
from jaxad.detectors.config import GradientConfig, is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError
from jaxad.learners import update_radius
from jaxad.models.hyperplane import Activation, Hyperplane
from jaxad.objectives import soft_boundary
from jaxad.weighting import unsupervised

__all__ = ["OCNNConfig", "build_oc_nn"]


@dataclass(frozen=True, kw_only=True)
class OCNNConfig(GradientConfig):
    """Settings of OC-NN; see `GradientConfig`.

    The network has no biases and no learned shift: with either, all rows could get the same code,
    and the loss of the hyperplane would be smallest there.

    Attributes:
        nu: Fraction of training rows that may lie on the near side of the hyperplane, that of the
            origin, in (0, 1].
        activation: Features of the network's outputs z: "gaussian" `exp(-z^2)`, or "sigmoid" or
            "linear" as in the paper. The latter two score a row far from the origin like one on
            the far side of the hyperplane, and rank standardised rows backwards.
        offset_every: Number of epochs between two updates of the offset, >= 1.
    """

    nu: float = 0.1
    activation: Activation = "gaussian"
    offset_every: int = 1

    def __post_init__(self):
        super().__post_init__()
        self._need(is_number(self.nu) and 0 < self.nu <= 1, "nu", "in (0, 1]")
        self._need(is_count(self.offset_every, 1), "offset_every", "a whole number, >= 1")
        if self.bias or self.norm in ("batch", "layer"):
            raise ConfigError(
                "a one-class network with a learned shift can map every row to one code: bias must "
                f"be false and norm 'batch_no_affine' or 'none'; given bias={self.bias}, "
                f"norm={self.norm!r}. Leave both at their defaults"
            )


@register("oc_nn", OCNNConfig, uses_labels=False)
def build_oc_nn(config: OCNNConfig, spec: Spec) -> Detector:
    """OC-NN; the score is `r - w . g(f(x))`, how far a row lies below a learned hyperplane.

    Minimises `||w||^2 / 2 + mean max(0, r - w . g(f(x))) / nu - r` over all rows that are not
    labelled anomalies; r is the largest number below which at most `nu n` training rows lie.
    """
    model = Hyperplane(networks(config, spec)[0], config.activation)
    weighting = config.choose_weighting(unsupervised(), spec)
    detector = gradient_detector(model, soft_boundary(config.nu), weighting, config)
    numbers = (float(config.nu), 0.0, float(config.offset_every))
    return detector._replace(each_epoch=Partial(update_radius, model, *numbers))
