"""GOAD: how well a network recognises which of many random affine maps was applied to a row.

References:
    Bergman and Hoshen 2020, Classification-based anomaly detection for general data.
"""

from dataclasses import dataclass

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import GradientConfig, is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.detectors.scalar import count_columns
from jaxad.models.transformed_rows import TransformedRows
from jaxad.nets.mlp import mlp_encoder
from jaxad.nets.norm import Norm
from jaxad.objectives import centre_triplet
from jaxad.types import Key, State, TrainData
from jaxad.weighting import unsupervised

__all__ = ["GOADConfig", "build_goad"]


@dataclass(frozen=True, kw_only=True)
class GOADConfig(GradientConfig):
    """Settings of GOAD; see `GradientConfig`.

    Attributes:
        transformations: Number of random maps, >= 2.
        dimension: Number of columns of a transformed row, >= 1.
        margin: Difference between the squared distances to the nearest other centre and to the own
            centre from which on a transformed row has no triplet loss, > 0.
        cross_entropy: Weight of the cross-entropy of a linear classifier of the codes, >= 0.
        eps: Constant added to the likelihood of each map in the score, >= 0. With 0, one map far
            from all centres can decide the score of a row.
        shift: Standard deviation of the entries of the maps' offsets, >= 0. Linear maps, with 0,
            leave the origin in place, around which standardised rows lie.
        widths: Widths of the layers of the network, the code last; None for 32, 32 and 32.
    """

    epochs: int = 25
    norm: Norm = "none"
    bias: bool = True
    transformations: int = 32
    dimension: int = 32
    margin: float = 1.0
    cross_entropy: float = 0.1
    eps: float = 1e-3
    shift: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        self._need(
            is_count(self.transformations, 2), "transformations", "a whole number of at least 2"
        )
        self._need(is_count(self.dimension, 1), "dimension", "a whole number of at least 1")
        self._need(is_number(self.margin) and self.margin > 0, "margin", "> 0")
        for name in ("cross_entropy", "eps", "shift"):
            value = getattr(self, name)
            self._need(is_number(value) and value >= 0, name, ">= 0")


@register("goad", GOADConfig, uses_labels=False)
def build_goad(config: GOADConfig, spec: Spec) -> Detector:
    """GOAD; the score is `-sum_m log P(m | T_m x)`, how poorly maps of a row are recognised.

    Minimises the mean over rows and maps of
    `max(0, ||f(T_m x) - c_m||^2 + margin - min_m' ||f(T_m x) - c_m'||^2)` plus the cross-entropy of
    a linear classifier of the codes. The centres are recomputed at the beginning of each epoch.

    Raises:
        ConfigError: The examples are not rows of a table.
    """
    count_columns(spec, "goad")
    widths = config.widths or (32, 32, 32)
    encoder = mlp_encoder(config.dimension, widths, config.norm, config.bias, config.slope)
    head = mlp_encoder(widths[-1], (config.transformations,), "none", bias=True)
    model = TransformedRows(encoder, head, config.transformations)
    objective = centre_triplet(config.margin, config.cross_entropy)
    weighting = config.choose_weighting(unsupervised(), spec)
    detector = gradient_detector(model, objective, weighting, config)
    return detector._replace(
        init=Partial(_init, detector.init, float(config.eps), float(config.shift)),
        each_epoch=Partial(_update_centres, model),
    )


def _init(init: Partial, eps: float, shift: float, key: Key, data: TrainData) -> State:
    """Return the initial state with two traced numbers, eps and the size of the offsets.

    The first epoch begins by computing the centres under these offsets.
    """
    state = init(key, data)
    stats = {**state.batch_stats, "offsets": shift * state.batch_stats["offsets"]}
    extras = {**state.extras, "eps": jnp.asarray(eps, "float32")}
    return state._replace(batch_stats=stats, extras=extras)


def _update_centres(
    model: TransformedRows, state: State, data: TrainData, epoch: Float[Array, ""]
) -> State:
    """Return the state with the centres of the current weights."""
    del epoch
    centres = model.extras(state.variables, data)["centres"]
    return state._replace(extras={**state.extras, "centres": centres})
