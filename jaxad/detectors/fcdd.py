"""FCDD: a fully convolutional network whose output map is both the score and its explanation.

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

    `layers` replaces widths and channels. The defaults are those released for Fashion-MNIST, except
    for 100 epochs in place of 400: SGD with Nesterov momentum 0.9, a step size of 1e-2 that
    decreases by 2 % in each epoch, and batches of 128. If there are labelled anomalies, they are
    half of each batch.

    Attributes:
        milestone: Fraction of the epochs after which the step size drops for the first time, in
            [0, 1]; it drops after the first epoch at the earliest.
        drop: Factor by which the step size drops, in (0, 1].
        period: Number of epochs between two drops, > 0.
        layers: All layers but the last, such as "conv(128, 5), pool, conv(128, 5), pool". A
            convolution is followed by `norm` and a leaky ReLU, with `activation="relu"` by a ReLU,
            and with `activation="none"` by neither. None chooses them by the size of the images
            (see `jaxad.nets.fully_convolutional.default_layers`).
        steps: Number of batches in an epoch if there are labelled anomalies, >= 1; None for as many
            as it takes to have every other row once.
        labelled_share: Fraction of each batch that are labelled anomalies, in (0, 1); at least one
            row. With few labelled anomalies and confetti, choose less than a half, so that normal
            rows remain in the batch.
        confetti: Fraction of the unlabelled rows of a batch that become artificial anomalies, in
            [0, 1). None uses 0.5 if there are no labelled anomalies, and 0 otherwise.
        largest: Maximum half axis of a confetti blob as a fraction of the shorter side of an image,
            in (0, 1].
        pixelwise: Whether training uses the masks of anomalies, including those of confetti. None:
            with confetti, unless the weighting keeps labelled anomalies out of the batches.
        sigma: Standard deviation in pixels of the Gaussian that upsamples the map to a heat map,
            > 0. None chooses it by the size of the images. Training uses it only if it is
            pixelwise.
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
    pixelwise: bool | None = None
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
        ok = self.pixelwise is None or isinstance(self.pixelwise, bool)
        self._need(ok, "pixelwise", "true or false, or None")
        ok = self.sigma is None or (is_number(self.sigma) and self.sigma > 0)
        self._need(ok, "sigma", "> 0, or None")
        if self.layers is not None:
            parse_layers(self.layers)
        for name in ("widths", "channels"):
            if getattr(self, name) is not None:
                raise ConfigError(
                    f"{name} must be None: fcdd has no {name}; give layers in place of "
                    f"{getattr(self, name)!r}, such as 'conv(128, 5), pool, conv(128, 5)'"
                )

    def schedule(self, epochs: int | None = None) -> Optimiser:
        """Return the optimiser, whose step size drops in each period from the milestone on."""
        milestone = max(self.milestone * (self.epochs if epochs is None else epochs), 1.0)
        return Optimiser(
            self.optimiser, self.learning_rate, milestone, self.drop, self.weight_decay, self.period
        )

    def choose_sigma(self, shape: tuple[int, ...]) -> float:
        """Return the standard deviation in pixels of the Gaussian for images of a shape."""
        return default_sigma(shape) if self.sigma is None else self.sigma


@register("fcdd", FCDDConfig, uses_labels=True, examples="image")
def build_fcdd(config: FCDDConfig, spec: Spec) -> Detector:
    """FCDD; the score is the mean of a map of pseudo-Huber distances over the parts of an image.

    Minimises the mean of `a` for rows taken as normal and `-log(1 - exp(-a))` for anomalies, where
    `a` is the mean of the map `sqrt(f(x)^2 + 1) - 1`. Anomalies are labelled ones, which are half
    of each batch, or artificial ones that confetti makes of unlabelled rows. With `pixelwise`,
    the default with confetti, the two losses are those of the unmarked and of the marked pixels of
    an image.

    Raises:
        ConfigError: The examples are not images, or their size does not fit the layers; or there
            are no anomalies to train on.
    """
    layers = None if config.layers is None else parse_layers(config.layers)
    net = fcn(spec.shape, layers, config.norm, config.bias, config.slope)
    weighting, share = config.choose_weighting(by_label(), spec), _choose_share(config, spec)
    model, objective = ScoreMap(net), hypersphere_classification()
    if _choose_pixelwise(config, weighting, share):
        model = PixelMap(net)
        objective = pixelwise(objective, model, config.choose_sigma(spec.shape))
    sampler = _choose_sampler(config, spec, weighting)
    detector = gradient_detector(model, objective, weighting, config, sampler)
    transforms = (confetti(share, config.largest),) if share else ()
    detector = detector._replace(update=transform_batches(detector.update, transforms))
    return config.augmented(detector, spec)


def _choose_share(config: FCDDConfig, spec: Spec) -> float:
    """Return the fraction of unlabelled rows that become artificial anomalies.

    Raises:
        ConfigError: There are neither labelled nor artificial anomalies.
    """
    share = config.confetti
    if share is None:
        share = 0.0 if spec.labelled_anomalies else 0.5
    if not share and not spec.labelled_anomalies and config.weighting is None:
        raise ConfigError(
            "confetti must be > 0 without labelled anomalies, because fcdd learns nothing without "
            f"anomalies; given {config.confetti}. Leave confetti at its default, label some "
            "anomalies, or give an exposure set"
        )
    return share


def _choose_sampler(config: FCDDConfig, spec: Spec, weighting: Weighting) -> Sampler | None:
    """Return a sampler of balanced batches, or None if no labelled anomalies are used."""
    if not (spec.labelled_anomalies and weighting.labelled_anomalies and config.batch_size > 1):
        return None
    size = config.batch_size
    anomalies = min(max(int(config.labelled_share * size), 1), size - 1)
    return Balanced(size, config.steps, float(weighting.labelled_normals), anomalies)


def _choose_pixelwise(config: FCDDConfig, weighting: Weighting, share: float) -> bool:
    """Return whether the losses are those of pixels.

    Raises:
        ConfigError: They are asked for, and the weighting leaves labelled anomalies out.
    """
    if config.pixelwise is None:
        return share > 0 and weighting.labelled_anomalies
    if config.pixelwise and not weighting.labelled_anomalies:
        raise ConfigError(
            "pixelwise must be false with a weighting that keeps labelled anomalies, and with them "
            f"the masks, out of the batches; given weighting={config.weighting!r}. Choose another "
            "weighting, or leave pixelwise at its default"
        )
    return config.pixelwise
