"""SS-DGM: a generative model with a class that is known for some rows, and a code (M2, M1 + M2).

References:
    Kingma et al. 2014, Semi-supervised learning with deep generative models.
"""

from dataclasses import dataclass

from jax.tree_util import Partial

from jaxad.detector import Detector, Phase
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.detectors.vae import variational_nets
from jaxad.learners import begin_first_stage, begin_second_stage, gradient_step
from jaxad.models import ClassCode, Model, OnCodes, Variational
from jaxad.nets.build import autoencoder_nets, default_sizes
from jaxad.nets.mlp import mlp_encoder
from jaxad.objectives import class_bound, evidence
from jaxad.sampling.base import ShuffledEpochs
from jaxad.weighting import by_label, unsupervised

__all__ = ["SSDGMConfig", "build_ss_dgm"]


@dataclass(frozen=True, kw_only=True)
class SSDGMConfig(AutoencoderConfig):
    """Settings of SS-DGM; see `AutoencoderConfig`.

    Attributes:
        alpha: Weight of the classifier's cross-entropy on labelled rows, >= 0.
        prior: Prior probability of the anomaly class in the generative model, in (0, 1).
        stacked: Whether the generative model is trained on the codes of a VAE (M1 + M2) in place of
            the rows (M2). The VAE (M1) is trained first, on all rows.
        vae_epochs: Number of epochs of the VAE, >= 1; only if `stacked` is true.
    """

    alpha: float = 0.1
    prior: float = 0.5
    stacked: bool = False
    vae_epochs: int = 150

    def __post_init__(self):
        super().__post_init__()
        self._need(is_number(self.alpha) and self.alpha >= 0, "alpha", ">= 0")
        self._need(is_number(self.prior) and 0 < self.prior < 1, "prior", "in (0, 1)")
        self._need(isinstance(self.stacked, bool), "stacked", "true or false")
        self._need(is_count(self.vae_epochs, 1), "vae_epochs", "a whole number of at least 1")


@register("ss_dgm", SSDGMConfig, uses_labels=True)
def build_ss_dgm(config: SSDGMConfig, spec: Spec) -> Detector:
    """SS-DGM; the score is the log odds of the anomaly class in a generative model.

    Minimises the negative evidence lower bound: its mean over unlabelled rows, in expectation over
    the class predicted by a classifier, plus its mean over labelled rows for their own class, with
    0.1 times the cross-entropy of the classifier. The latter is 0 in batches with fewer than two
    labelled rows.
    """
    if not config.stacked:
        widths = config.widths or default_sizes(spec.shape)[1]
        return _build_generative(
            _build_model(config, spec.shape, config.channels, widths), config, spec
        )
    vae = Variational(*variational_nets(config, spec))
    (code,) = vae.decoder.input_shape
    model = OnCodes(vae, _build_model(config, (code,), (), (2 * code, code)))
    detector, optimiser = _build_generative(model, config, spec), config.schedule(config.vae_epochs)
    first = Phase(
        name="vae",
        update=Partial(gradient_step, vae, evidence(1.0), unsupervised(), optimiser),
        begin=Partial(begin_first_stage, model, unsupervised(), optimiser),
        sampler=ShuffledEpochs(config.batch_size),
        epochs=config.vae_epochs,
    )
    begin = Partial(
        begin_second_stage, model, config.choose_weighting(by_label(), spec), config.schedule()
    )
    return detector._replace(before=(first,), begin=begin)


def _build_model(
    config: SSDGMConfig,
    shape: tuple[int, ...],
    channels: tuple[int, ...] | None,
    widths: tuple[int, ...],
) -> ClassCode:
    """Return the generative model (M2) of examples of a shape."""
    code = widths[-1]
    rest = (config.norm, config.bias, config.slope)
    encoder, _ = autoencoder_nets(shape, channels, widths, *rest)
    _, decoder = autoencoder_nets(shape, channels, (*widths[:-1], code + 1), *rest)
    return ClassCode(
        encoder,
        decoder,
        mlp_encoder(code, (1,), "none", True),
        mlp_encoder(code + 1, (2 * code, 2 * code), "none", True, config.slope),
    )


def _build_generative(model: Model, config: SSDGMConfig, spec: Spec) -> Detector:
    weighting = config.choose_weighting(by_label(), spec)
    return gradient_detector(model, class_bound(config.alpha, config.prior), weighting, config)
