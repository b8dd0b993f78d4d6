"""FCDD: a fully convolutional net whose map is both the score and its explanation.

References:
    Liznerski et al. 2021, Explainable deep one-class classification; Ruff thesis, section 3.1.
"""

from dataclasses import dataclass

from jaxad.detector import Detector
from jaxad.detectors.build import gradient_detector
from jaxad.detectors.config import AugmentedConfig, is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError
from jaxad.learners import Optimiser
from jaxad.learners.batches import confetti, transform_batches
from jaxad.learners.optimiser import OptimiserKind
from jaxad.models.score_map import PixelMap, ScoreMap
from jaxad.nets.fully_convolutional import fcn, parse_layers
from jaxad.nets.norm import Norm
from jaxad.nets.upsampling import default_sigma
from jaxad.objectives import hypersphere_classification
from jaxad.objectives.pixels import pixelwise
from jaxad.sampling.balanced import Balanced
from jaxad.sampling.base import Sampler
from jaxad.weighting import Weighting, by_label

__all__ = ["FCDDConfig", "build_fcdd"]


@dataclass(frozen=True, kw_only=True)
class FCDDConfig(AugmentedConfig):
    """Settings of FCDD; see `AugmentedConfig` and `GradientConfig`.

    `layers` take the place of widths and channels. As released for Fashion-MNIST: SGD with
    Nesterov's momentum of 0.9, a step size of 1e-2 that falls by 2 % each epoch, batches of 128;
    there for 400 epochs. Where rows are labelled anomalies, they are half of each batch.

    Attributes:
        milestone: Fraction of the epochs after which the step size drops for the first time; after
            the first epoch at the earliest.
        drop: Factor by which it drops, in (0, 1].
        period: Epochs between two drops, > 0.
        layers: All layers but the last, such as "conv(128, 5), pool, conv(128, 5), pool"; None for
            those of the size of the images (see `jaxad.nets.fcn.default_layers`).
        steps: Batches in an epoch where rows are labelled anomalies, >= 1; None for as many as
            have each other row once.
        labelled_share: Which share of a batch are labelled anomalies, in (0, 1); at least one row.
            With few of them and confetti beside, less than a half keeps normal rows in the batch.
        confetti: Which share of the unlabelled rows of a batch become artificial anomalies, in
            [0, 1); None: half of them if there are no labelled anomalies, else none.
        largest: The longest half axis of a blob, as a fraction of an image's shorter side, in
            (0, 1].
        pixelwise: Whether the masks of anomalies are trained on, those of confetti too.
        sigma: Deviation in pixels of the Gaussian that makes a heat map of a map, > 0; None: as
            suits the size of the images. It takes no part in training unless it is pixelwise.
    """

    epochs: int = 100
    learning_rate: float = 1e-2
    milestone: float = 0.0
    drop: float = 0.98
    period: float = 1.0
    optimiser: OptimiserKind = "nesterov"
    norm: Norm = "batch"
    bias: bool = True
    layers: str | None = None
    steps: int | None = None
    labelled_share: float = 0.5
    confetti: float | None = None
    largest: float = 0.25
    pixelwise: bool = False
    sigma: float | None = None

    def __post_init__(self):
        super().__post_init__()
        self._need(is_number(self.period) and self.period > 0, "period", "> 0")
        ok = self.steps is None or is_count(self.steps, 1)
        self._need(ok, "steps", "a whole number of at least 1, or None")
        share = self.labelled_share
        self._need(is_number(share) and 0 < share < 1, "labelled_share", "in (0, 1)")
        ok = self.confetti is None or (is_number(self.confetti) and 0 <= self.confetti < 1)
        self._need(ok, "confetti", "in [0, 1), or None")
        self._need(is_number(self.largest) and 0 < self.largest <= 1, "largest", "in (0, 1]")
        self._need(isinstance(self.pixelwise, bool), "pixelwise", "true or false")
        ok = self.sigma is None or (is_number(self.sigma) and self.sigma > 0)
        self._need(ok, "sigma", "> 0, or None")
        if self.layers is not None:
            parse_layers(self.layers)
        for name in ("widths", "channels"):
            if getattr(self, name) is not None:
                raise ConfigError(
                    f"fcdd has no {name}; give layers, such as 'conv(128, 5), pool, conv(128, 5)'"
                )

    def schedule(self, epochs: int | None = None) -> Optimiser:
        """The optimiser, whose step size drops each period from the milestone on."""
        milestone = max(self.milestone * (self.epochs if epochs is None else epochs), 1.0)
        return Optimiser(
            self.optimiser, self.learning_rate, milestone, self.drop, self.weight_decay, self.period
        )

    def sigma_for(self, shape: tuple[int, ...]) -> float:
        """Deviation in pixels of the Gaussian for images of a shape."""
        return default_sigma(shape) if self.sigma is None else self.sigma


@register("fcdd", FCDDConfig, uses_labels=True, examples="image")
def build_fcdd(config: FCDDConfig, spec: Spec) -> Detector:
    """FCDD; the mean of a map of pseudo-Huber distances, one for each part of an image.

    Minimises the mean of `a` for rows taken as normal and `-log(1 - exp(-a))` for anomalies, `a`
    the mean over the map `sqrt(f(x)^2 + 1) - 1`. Anomalies are labelled, half of each batch, or
    made of the rows themselves by confetti. With `pixelwise` the two losses are of the unmarked
    and of the marked pixels of an image.

    Raises:
        ConfigError: The examples are no images, or of a size that the layers cannot take; or there
            are no anomalies to train on.
    """
    layers = None if config.layers is None else parse_layers(config.layers)
    net = fcn(spec.shape, layers, config.norm, config.bias, config.slope)
    weighting, share = config.choose_weighting(by_label(), spec), _share(config, spec)
    model, objective = ScoreMap(net), hypersphere_classification()
    if config.pixelwise:
        _check_pixelwise(config, weighting)
        model = PixelMap(net)
        objective = pixelwise(objective, model, config.sigma_for(spec.shape))
    sampler = _sampler(config, spec, weighting)
    detector = gradient_detector(model, objective, weighting, config, sampler)
    transforms = (confetti(share, config.largest),) if share else ()
    detector = detector._replace(update=transform_batches(detector.update, transforms))
    return config.augmented(detector, spec)


def _share(config: FCDDConfig, spec: Spec) -> float:
    """The share of unlabelled rows that become artificial anomalies.

    Raises:
        ConfigError: There are no anomalies of any kind.
    """
    share = config.confetti
    if share is None:
        share = 0.0 if spec.labelled_anomalies else 0.5
    if not share and not spec.labelled_anomalies and config.weighting is None:
        raise ConfigError(
            "fcdd learns nothing without anomalies: label some, give an exposure set, or leave "
            f"confetti at its default; given confetti={config.confetti} and no labelled anomalies"
        )
    return share


def _sampler(config: FCDDConfig, spec: Spec, weighting: Weighting) -> Sampler | None:
    """Balanced batches where there are labelled anomalies that a weighting wants to see."""
    if not (spec.labelled_anomalies and weighting.labelled_anomalies and config.batch_size > 1):
        return None
    size = config.batch_size
    anomalies = min(max(int(config.labelled_share * size), 1), size - 1)
    return Balanced(size, config.steps, float(weighting.labelled_normals), anomalies)


def _check_pixelwise(config: FCDDConfig, weighting: Weighting) -> None:
    """Raise if a weighting keeps the masks out of the batches.

    Raises:
        ConfigError: It leaves labelled anomalies out.
    """
    if not weighting.labelled_anomalies:
        raise ConfigError(
            "pixelwise training is on labelled anomalies, which the weighting "
            f"{config.weighting!r} keeps out of the batches: choose another, or pixelwise=False"
        )
