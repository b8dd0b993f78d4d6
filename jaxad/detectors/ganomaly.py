"""GANomaly: the difference between the codes of a row and of its reconstruction.

References:
    Akcay et al. 2018, GANomaly: semi-supervised anomaly detection via adversarial training.
"""

from dataclasses import dataclass

from jax.tree_util import Partial

from jaxad.detector import Detector
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import adversarial_detector, check_weighting
from jaxad.detectors.config import is_number
from jaxad.detectors.registry import Spec, register
from jaxad.learners import Player, Turn, generated_loss, real_loss
from jaxad.learners.gradient import batch_loss
from jaxad.learners.optimiser import OptimiserKind
from jaxad.models import EncodedTwice
from jaxad.nets.build import autoencoder_nets
from jaxad.nets.critics import critic
from jaxad.objectives import Objective, encoded_twice
from jaxad.padding import is_table
from jaxad.types import Batch, Key, State
from jaxad.weighting import Weighting, unsupervised

__all__ = ["GANomalyConfig", "build_ganomaly"]


@dataclass(frozen=True, kw_only=True)
class GANomalyConfig(AutoencoderConfig):
    """Settings of GANomaly; see `AutoencoderConfig`.

    The encoders of a table with d columns have one layer of width d / 4, or d / 2 below 8 columns.

    Attributes:
        matching_weight: Weight of the difference between the critic's features of a row and of its
            reconstruction, >= 0.
        error_weight: Weight of the reconstruction error, >= 0.
        code_weight: Weight of the difference between the two codes, >= 0.
    """

    epochs: int = 50
    batch_size: int = 64
    learning_rate: float = 2e-3
    milestone: float = 1.0
    weight_decay: float = 0.0
    optimiser: OptimiserKind = "adam_half"
    matching_weight: float = 1.0
    error_weight: float = 50.0
    code_weight: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        for name in ("matching_weight", "error_weight", "code_weight"):
            value = getattr(self, name)
            self._need(is_number(value) and value >= 0, name, ">= 0")


@register("ganomaly", GANomalyConfig, uses_labels=False)
def build_ganomaly(config: GANomalyConfig, spec: Spec) -> Detector:
    """GANomaly; the score is the difference between the codes of a row and of its reconstruction.

    In each step the critic, with features f, is trained to separate rows from reconstructions, and
    then the other networks minimise `mean |f(x) - f(x')|^2 + 50 |x - x'| + |z - z'|`.
    """
    rest = (config.norm, config.bias, config.slope)
    encoder, decoder = autoencoder_nets(
        spec.shape, config.channels, _choose_widths(config, spec), *rest
    )
    # For images the critic has the filters of the encoder, with strides, and one dense layer.
    channels = getattr(encoder.module, "channels", ())
    sizes = ((100, 20), ()) if is_table(spec.shape) else (encoder.module.widths[-1:], channels)
    judge = critic(encoder.input_shape, *sizes, features=True)
    model = EncodedTwice(encoder, decoder, encoder, judge)
    weighting = config.choose_weighting(unsupervised(), spec)
    objective = encoded_twice(config.matching_weight, config.error_weight, config.code_weight)
    check_weighting(weighting, objective, model)
    schedule = config.schedule()
    generator = Partial(_generator, model, objective, weighting)
    players = (
        Player("critic", ("critic",), Partial(_critic, model), schedule),
        Player("generator", ("encoder", "decoder", "again"), generator, schedule),
    )
    return adversarial_detector(model, players, weighting, config, objective)


def _choose_widths(config: GANomalyConfig, spec: Spec) -> tuple[int, ...] | None:
    """Return the widths of the encoder; None for the default of images."""
    if config.widths is not None or not is_table(spec.shape):
        return config.widths
    (d,) = spec.shape
    return (max(1, d // (4 if d >= 8 else 2)),)


def _critic(model: EncodedTwice, state: State, batch: Batch, key: Key) -> Turn:
    """Return the critic's loss: rows are real, reconstructions are generated."""
    del key
    x, made, *_ = model.pass_through(state.variables, state.extras, batch.x, train=True)
    real, fake = (model.judge(state.variables, rows)[0] for rows in (x, made))
    return real_loss(real) + generated_loss(fake), (state, {})


def _generator(
    model: EncodedTwice,
    objective: Objective,
    weighting: Weighting,
    state: State,
    batch: Batch,
    key: Key,
) -> Turn:
    """Return the loss of the autoencoder and the second encoder, that of the objective."""
    loss, (_, after) = batch_loss(model, objective, weighting, state, batch, key)
    return loss, (after, weighting.info(after.weighting))
