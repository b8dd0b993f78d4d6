"""DAGMM: the density of a row's code and reconstruction errors under a Gaussian mixture.

References:
    Zong et al. 2018, Deep autoencoding Gaussian mixture model for unsupervised anomaly detection.
"""

from dataclasses import dataclass

from jax.tree_util import Partial

from jaxad.detector import Detector
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.learners import refresh_extras
from jaxad.models import MixtureEnergy
from jaxad.nets.build import autoencoder_nets, default_sizes
from jaxad.nets.mlp import mlp_encoder
from jaxad.nets.norm import Norm
from jaxad.objectives import mixture
from jaxad.weighting import unsupervised

__all__ = ["DAGMMConfig", "build_dagmm"]


@dataclass(frozen=True, kw_only=True)
class DAGMMConfig(AutoencoderConfig):
    """Settings of DAGMM; see `AutoencoderConfig`. The code has one entry by default.

    Attributes:
        components: Number of components of the mixture, >= 1.
        estimation_width: Width of the hidden layer of the estimation network, which predicts the
            component of a row, >= 1.
        energy_weight: Weight of the energy relative to the squared reconstruction error, >= 0.
        covariance_weight: Weight of the penalty on small variances, >= 0.
    """

    epochs: int = 200
    batch_size: int = 256
    learning_rate: float = 1e-4
    milestone: float = 1.0
    weight_decay: float = 0.0
    norm: Norm = "none"
    components: int = 4
    estimation_width: int = 10
    energy_weight: float = 0.1
    covariance_weight: float = 0.005

    def __post_init__(self):
        super().__post_init__()
        for name in ("components", "estimation_width"):
            self._need(is_count(getattr(self, name), 1), name, "a whole number of at least 1")
        for name in ("energy_weight", "covariance_weight"):
            value = getattr(self, name)
            self._need(is_number(value) and value >= 0, name, ">= 0")


@register("dagmm", DAGMMConfig, uses_labels=False)
def build_dagmm(config: DAGMMConfig, spec: Spec) -> Detector:
    """DAGMM; the score is minus the log density of a code and reconstruction errors in a mixture.

    Minimises `mean ||x - x'||^2 + 0.1 energy + 0.005 sum 1 / variance` with the mixture of the
    batch. Rows are scored under the mixture of the training rows at the start of the last epoch.
    """
    widths = config.widths or (*default_sizes(spec.shape)[1][:-1], 1)
    encoder, decoder = autoencoder_nets(
        spec.shape, config.channels, widths, config.norm, config.bias, config.slope
    )
    hidden = mlp_encoder(widths[-1] + 2, (config.estimation_width,), "none", True)
    head = mlp_encoder(config.estimation_width, (config.components,), "none", True)
    model = MixtureEnergy(encoder, decoder, hidden, head)
    objective = mixture(config.energy_weight, config.covariance_weight)
    detector = gradient_detector(
        model, objective, config.choose_weighting(unsupervised(), spec), config
    )
    return detector._replace(each_epoch=Partial(refresh_extras, model))
