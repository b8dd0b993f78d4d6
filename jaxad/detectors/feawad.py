"""FEAWAD: a scalar score of a row's code and reconstruction residual in an autoencoder.

References:
    Zhou et al. 2021, Feature encoding with autoencoders for weakly supervised anomaly detection.
"""

from dataclasses import dataclass

from jax.tree_util import Partial

from jaxad.detector import Detector, Phase
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.detectors.scalar import (
    BalancedConfig,
    Variant,
    choose_balanced_sampler,
    count_columns,
)
from jaxad.learners import begin_first_stage, begin_second_stage, gradient_step
from jaxad.models import Reconstruction
from jaxad.models.residual import ResidualScore
from jaxad.nets.mlp import mlp_decoder, mlp_encoder
from jaxad.nets.scorer import residual_scorer
from jaxad.objectives import feawad as feawad_objective
from jaxad.objectives import identity
from jaxad.sampling.balanced import Unlabelled
from jaxad.weighting import Weighting, by_label, unsupervised

__all__ = ["FEAWADConfig", "build_feawad", "feawad_detector"]

_ORIGINAL = {
    "pretrain_epochs": 100,
    "widths": (256, 32),
    "code_widths": (128, 64),
    "absolute": True,
}


@dataclass(frozen=True, kw_only=True)
class FEAWADConfig(BalancedConfig):
    """Settings of FEAWAD; see `BalancedConfig` and `GradientConfig`.

    Attributes:
        pretrain_epochs: Number of epochs of pre-training the autoencoder on the rows that are not
            labelled anomalies, >= 0; an epoch has as many batches as in training.
        widths: Widths of the hidden layers of the scorer; None for 64 and 32.
        code_widths: Widths of the layers of the encoder, the code last; the decoder mirrors them.
        margin: Value of the score and of the residual norm from which on a labelled anomaly has no
            loss, > 0.
        residual_weight: Weight of the losses of the residual norm, lambda_R in the paper, >= 0.
        absolute: Whether the loss of labelled anomalies reads the absolute score, as the paper
            prints it. A network that starts with scores below 0 for them may then keep them there.
        variant: "anoonly" has the settings of AnoOnly's paper: 30 epochs of 20 batches of 512, Adam
            with step size 1e-4; the paper does not give widths and pre-training, and the defaults
            here are small. "original" replaces settings at their defaults by those of FEAWAD's
            paper: an autoencoder of 128-64-128, pre-trained for 100 epochs, a scorer of 256-32, and
            `absolute`.
    """

    epochs: int = 30
    batch_size: int = 512
    learning_rate: float = 1e-4
    pretrain_epochs: int = 10
    code_widths: tuple[int, ...] = (64, 32)
    margin: float = 5.0
    residual_weight: float = 1.0
    absolute: bool = False
    variant: Variant = "anoonly"

    def __post_init__(self):
        if self.variant == "original":
            self._replace_defaults(_ORIGINAL)
        super().__post_init__()
        sizes = self.code_widths
        ok = isinstance(sizes, (tuple, list)) and sizes and all(is_count(s, 1) for s in sizes)
        self._need(bool(ok), "code_widths", "a tuple of whole numbers of at least 1")
        object.__setattr__(self, "code_widths", tuple(sizes))
        self._need(
            is_count(self.pretrain_epochs, 0), "pretrain_epochs", "a whole number of at least 0"
        )
        self._need(is_number(self.margin) and self.margin > 0, "margin", "> 0")
        self._need(isinstance(self.absolute, bool), "absolute", "true or false")
        weight = self.residual_weight
        self._need(is_number(weight) and weight >= 0, "residual_weight", ">= 0")


@register("feawad", FEAWADConfig, uses_labels=True)
def build_feawad(config: FEAWADConfig, spec: Spec) -> Detector:
    """FEAWAD; the score is a network's output on an autoencoder's code and residual.

    Minimises the mean of `max(0, margin - s) + lambda max(0, margin - r)` for labelled anomalies
    and `|s| + lambda r` for other rows, with the score s, the norm r of the residual and lambda =
    `residual_weight`. The scorer reads the
    code and the residual's direction and norm. Half of each batch are labelled anomalies; the
    autoencoder is pre-trained on the other rows.
    """
    return feawad_detector(config, spec, by_label())


def feawad_detector(config: FEAWADConfig, spec: Spec, default: Weighting) -> Detector:
    """Build FEAWAD with the weighting of the settings, or `default` if there is none.

    `fit` raises a `DataError` for data without labelled anomalies.

    Raises:
        ConfigError: The examples are not rows of a table.
    """
    features = count_columns(spec, "feawad")
    code = (features, config.code_widths, "none", config.bias, config.slope)
    autoencoder = Reconstruction(mlp_encoder(*code), mlp_decoder(*code))
    scorer = residual_scorer(
        features,
        config.code_widths[-1],
        config.widths or (64, 32),
        config.norm,
        config.bias,
        config.slope,
    )
    model, weighting = ResidualScore(autoencoder, scorer), config.choose_weighting(default, spec)
    objective = feawad_objective(config.margin, config.residual_weight, config.absolute)
    detector = gradient_detector(
        model, objective, weighting, config, choose_balanced_sampler(config, weighting)
    )
    return _add_pretraining(detector, model, weighting, config)


def _add_pretraining(
    detector: Detector, model: ResidualScore, weighting: Weighting, config: FEAWADConfig
) -> Detector:
    """Return the detector with a phase before training that pre-trains its autoencoder.

    Pre-training uses the rows that are not labelled anomalies.
    """
    if config.pretrain_epochs == 0:
        return detector
    optimiser = config.schedule(config.pretrain_epochs)
    rows = unsupervised()
    phase = Phase(
        name="pretrain",
        update=Partial(gradient_step, model.autoencoder, identity(), rows, optimiser),
        begin=Partial(begin_first_stage, model, rows, optimiser),
        sampler=Unlabelled(config.batch_size, config.steps, float(weighting.labelled_normals)),
        epochs=config.pretrain_epochs,
    )
    begin = Partial(begin_second_stage, model, weighting, config.schedule())
    return detector._replace(before=(phase,), begin=begin)
