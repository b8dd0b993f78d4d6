"""RSRAE: an autoencoder that projects the encoder's output onto a learned linear subspace.

References:
    Lai et al. 2020, Robust subspace recovery layer for unsupervised anomaly detection.
"""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
from jax.tree_util import Partial

from jaxad.detector import Detector
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import adversarial_detector, check_weighting
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.learners import Optimiser, Player, Turn
from jaxad.learners.gradient import batch_loss
from jaxad.models import Subspace
from jaxad.models.subspace import off_orthonormal
from jaxad.nets.base import Net
from jaxad.nets.build import autoencoder_nets, default_sizes
from jaxad.nets.mlp import mlp_encoder
from jaxad.nets.norm import Norm
from jaxad.objectives import Objective, subspace_error, subspace_residual
from jaxad.padding import is_table
from jaxad.types import Batch, Key, State
from jaxad.weighting import Weighting, unsupervised

__all__ = ["RSRAEConfig", "build_rsrae"]


@dataclass(frozen=True, kw_only=True)
class RSRAEConfig(AutoencoderConfig):
    """Settings of RSRAE; see `AutoencoderConfig`. The encoder's output has the last width.

    Attributes:
        subspace: Dimension of the subspace, >= 1 and at most that of the encoder's output.
        subspace_learning_rate: Step size of Adam for the two losses of the subspace, > 0.
        score: "cosine" for the cosine dissimilarity of a row and its reconstruction, "error" for
            their distance; None for "error" on tables and "cosine" on images. Directions from the
            mean of standardised columns say little: rows far away are often reconstructed best.
    """

    epochs: int = 200
    learning_rate: float = 2.5e-4
    milestone: float = 1.0
    weight_decay: float = 0.0
    norm: Norm = "none"
    subspace: int = 10
    subspace_learning_rate: float = 2.5e-3
    score: Literal["cosine", "error"] | None = None

    def __post_init__(self):
        super().__post_init__()
        self._need(is_count(self.subspace, 1), "subspace", "a whole number of at least 1")
        rate = self.subspace_learning_rate
        self._need(is_number(rate) and rate > 0, "subspace_learning_rate", "> 0")

    def schedule_subspace(self) -> Optimiser:
        """Return the optimiser of the two losses of the subspace."""
        own = self.schedule()
        return Optimiser(
            own.kind, self.subspace_learning_rate, own.milestone, own.drop, self.weight_decay
        )


@register("rsrae", RSRAEConfig, uses_labels=False)
def build_rsrae(config: RSRAEConfig, spec: Spec) -> Detector:
    """RSRAE; the score is the distance or the cosine dissimilarity of a row and its reconstruction.

    With the encoder's output y, each step minimises `||A^T A - I||^2 + mean ||y - A A^T y||` over
    the encoder and the basis A of the subspace, and then `mean ||x - x'||` over all networks, each
    with an Adam of its own.

    Raises:
        ConfigError: The subspace has more dimensions than the encoder's output.
    """
    encoder, decoder, projection = subspace_nets(config, spec)
    by_error = is_table(spec.shape) if config.score is None else config.score == "error"
    model = Subspace(encoder, decoder, projection, by_error)
    weighting = config.choose_weighting(unsupervised(), spec)
    objectives = subspace_error(), subspace_residual()
    check_weighting(weighting, objectives[0], model)
    players = (
        Player(
            "subspace",
            ("encoder", "projection"),
            Partial(_subspace, model, objectives[1], weighting),
            config.schedule_subspace(),
        ),
        Player(
            "reconstruction",
            ("encoder", "projection", "decoder"),
            Partial(_reconstruction, model, objectives[0], weighting),
            config.schedule(),
        ),
    )
    return adversarial_detector(model, players, weighting, config, objectives[0])


def subspace_nets(config: RSRAEConfig, spec: Spec) -> tuple[Net, Net, Net]:
    """Return the encoder, the decoder of codes in the subspace, and the projection onto it."""
    widths = config.widths
    if widths is None:
        widths = default_sizes(spec.shape)[1]
        widths = (*widths[:-1], max(widths[-1], config.subspace))
    config._need(
        config.subspace <= widths[-1], "subspace", f"at most the last of widths, {widths[-1]}"
    )
    rest = (config.norm, config.bias, config.slope)
    encoder, _ = autoencoder_nets(spec.shape, config.channels, widths, *rest)
    narrow = (*widths[:-1], config.subspace)
    _, decoder = autoencoder_nets(spec.shape, config.channels, narrow, *rest)
    return encoder, decoder, mlp_encoder(widths[-1], (config.subspace,), "none", False)


def _subspace(
    model: Subspace,
    objective: Objective,
    weighting: Weighting,
    state: State,
    batch: Batch,
    key: Key,
) -> Turn:
    """Return the losses of the subspace: its residual, and the deviation from orthonormality."""
    # The other player updates the running statistics and the state of the weighting.
    loss, _ = batch_loss(model, objective, weighting, state, batch, key)
    apart = off_orthonormal(model.matrix(state.variables))
    return loss + apart, (state, {"off_orthonormal": apart})


def _reconstruction(
    model: Subspace,
    objective: Objective,
    weighting: Weighting,
    state: State,
    batch: Batch,
    key: Key,
) -> Turn:
    """Return the reconstruction loss."""
    loss, (_, after) = batch_loss(model, objective, weighting, state, batch, key)
    return jnp.asarray(loss), (after, weighting.info(after.weighting))
