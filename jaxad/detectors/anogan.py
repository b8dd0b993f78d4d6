"""AnoGAN: the distance of a row to the nearest output of a generator, found by a search.

References:
    Schlegl et al. 2017, Unsupervised anomaly detection with generative adversarial networks to
    guide marker discovery; Radford et al. 2016, DCGAN.
"""

from dataclasses import dataclass

from jax.tree_util import Partial
from jaxtyping import Array, Float

from jaxad.detector import Detector
from jaxad.detectors.autoencoder import AutoencoderConfig
from jaxad.detectors.build import adversarial_detector, networks
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.learners import Player, Turn, generated_loss, real_loss
from jaxad.learners.gradient import batch_loss
from jaxad.learners.optimiser import OptimiserKind
from jaxad.models import LatentSearch
from jaxad.nets.critics import critic
from jaxad.objectives import cross_entropy
from jaxad.types import Batch, Key, State
from jaxad.weighting import Weighting, unsupervised

__all__ = ["AnoGANConfig", "build_anogan"]

_GENERATED = 128


@dataclass(frozen=True, kw_only=True)
class AnoGANConfig(AutoencoderConfig):
    """Settings of AnoGAN; see `AutoencoderConfig`. The generator is the autoencoder's decoder.

    Attributes:
        search_steps: Number of Adam steps in the search for the code of a row, >= 1.
        search_rate: Step size of Adam in the search, > 0.
        feature_weight: Weight of the critic's features in the score, in [0, 1]; the difference of
            the rows has one minus this weight.
    """

    epochs: int = 100
    batch_size: int = 64
    milestone: float = 1.0
    weight_decay: float = 0.0
    optimiser: OptimiserKind = "adam_half"
    search_steps: int = 100
    search_rate: float = 0.05
    feature_weight: float = 0.1

    def __post_init__(self):
        super().__post_init__()
        rate, weight = self.search_rate, self.feature_weight
        for name, allowed, ok in (
            ("search_steps", "a whole number of at least 1", is_count(self.search_steps, 1)),
            ("search_rate", "> 0", is_number(rate) and rate > 0),
            ("feature_weight", "in [0, 1]", is_number(weight) and 0 <= weight <= 1),
        ):
            self._need(ok, name, allowed)


@register("anogan", AnoGANConfig, uses_labels=False)
def build_anogan(config: AnoGANConfig, spec: Spec) -> Detector:
    """AnoGAN; the score is the distance of a row to the nearest row that a generator can produce.

    In each step the generator is trained to be classified as real by the critic, and then the
    critic to separate training rows from generated ones. The score is
    `0.9 |x - g(z)| + 0.1 |f(x) - f(g(z))|`, with the features f of the critic and the code z that
    100 steps of Adam find.
    """
    encoder, generator = networks(config, spec, needs_decoder=True)
    widths, channels = encoder.module.widths, getattr(encoder.module, "channels", ())
    judge = critic(encoder.input_shape, widths[:-1] or widths, channels, features=True)
    model, weighting = LatentSearch(generator, judge), config.choose_weighting(unsupervised(), spec)
    schedule = config.schedule()
    players = (
        Player("generator", ("generator",), Partial(_generator, model), schedule),
        Player("critic", ("critic",), Partial(_critic, model, weighting), schedule),
    )
    numbers = (config.search_steps, float(config.search_rate), float(config.feature_weight))
    return adversarial_detector(model, players, weighting, config, cross_entropy())._replace(
        score=Partial(_search, model, *numbers), generate=Partial(_generate, model)
    )


def _generator(model: LatentSearch, state: State, batch: Batch, key: Key) -> Turn:
    """Return the generator's loss: generated rows should be classified as real."""
    rows = len(batch.label)
    made = model.generate(state.variables, state.extras, key, rows, train=True)
    loss = real_loss(model.judge(state.variables, made.out)[0]) + made.penalty
    return loss, (state._replace(batch_stats=made.batch_stats), {})


def _critic(
    model: LatentSearch, weighting: Weighting, state: State, batch: Batch, key: Key
) -> Turn:
    """Return the critic's loss: weighted training rows are real, generated rows are not."""
    rows = len(batch.label)
    made = model.generate(state.variables, state.extras, key, rows, train=True).out
    # The two losses of the cross-entropy are those of real and of generated rows for a critic.
    real, (_, after) = batch_loss(model, cross_entropy(), weighting, state, batch, key)
    fake = generated_loss(model.judge(state.variables, made)[0])
    return real + fake, (after, weighting.info(after.weighting))


def _search(model: LatentSearch, steps, rate, weight, state: State, x: Array) -> Float[Array, "n"]:
    return model.search(state.variables, state.extras, steps, rate, weight, x)


def _generate(model: LatentSearch, state: State, key: Key) -> Array:
    return model.generate(state.variables, state.extras, key, _GENERATED, train=False).out
