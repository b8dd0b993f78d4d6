"""Configurations that detectors share: frozen dataclasses that raise for a wrong value."""

from dataclasses import dataclass, field, fields
from math import isfinite
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from jaxad.detector import Detector
from jaxad.detectors.registry import Spec
from jaxad.errors import ConfigError
from jaxad.learners.batches.augment import parse_augment
from jaxad.learners.batches.transform import transform_batches
from jaxad.learners.optimiser import Optimiser, OptimiserKind
from jaxad.nets.base import Net, Precision
from jaxad.nets.norm import Norm
from jaxad.objectives import Objective
from jaxad.sampling.base import Sampler
from jaxad.utils.configs import OBJECT
from jaxad.weighting import Weighting, parse_weighting

__all__ = [
    "AugmentedConfig",
    "GradientConfig",
    "PretrainedConfig",
    "is_count",
    "is_number",
]


@dataclass(frozen=True, kw_only=True)
class GradientConfig:
    """Network, optimiser and schedule of a detector that is trained by gradient descent.

    Attributes:
        epochs: Number of passes over the training rows, >= 1.
        batch_size: Number of rows in a batch, >= 1. If there are fewer training rows, a batch
            repeats some of them, so that data sets of all sizes share one compiled program.
        learning_rate: Step size of the optimiser, > 0.
        milestone: Fraction of the epochs after which the step size drops, in [0, 1].
        drop: Factor by which the step size drops, in (0, 1].
        weight_decay: Weight of `||w||^2 / 2` in the loss, over kernels only, >= 0.
        optimiser: "adam", "adam_half" (Adam with a first-moment decay of 0.5), "sgd", "nesterov"
            (momentum 0.9), "rmsprop" or "adadelta".
        weighting: Weighting that sets the two weights of each row; None for that of the detector.
            Either a chain of registered weightings, such as
            "by_label, latent_outlier_exposure(0.1, soft=True)", or, from Python, a `Weighting`.
        widths: Widths of the dense layers, the code last; None for the default of the data's shape.
        channels: Numbers of filters of the convolutional modules, for images; () for dense layers
            only, None for the default.
        norm: Normalisation before each activation: "none", "layer", "batch", "batch_no_affine" or
            "explicit" (a loss in place of BatchNorm).
        bias: Whether layers have a bias, except those before BatchNorm.
        slope: Slope of the leaky ReLU for negative inputs, in [0, 1].
        precision: Type in which the networks compute: "float32", or "bfloat16", which accelerators
            multiply several times faster. Parameters, statistics and losses are float32 in both.
        net: A `Net` in place of the detector's network, or a pair (encoder, decoder) if the
            detector trains an autoencoder; from Python only.
        objective: An `Objective` in place of that of the detector; from Python only.
        sampler: A `Sampler` in place of that of the detector, not used in pre-training; from Python
            only.
    """

    epochs: int = 150
    batch_size: int = 128
    learning_rate: float = 1e-3
    milestone: float = 1 / 3
    drop: float = 0.1
    weight_decay: float = 1e-6
    optimiser: OptimiserKind = "adam"
    weighting: str | Weighting | None = None
    widths: tuple[int, ...] | None = None
    channels: tuple[int, ...] | None = None
    norm: Norm = "batch_no_affine"
    bias: bool = False
    slope: float = 0.1
    precision: Precision = "float32"
    net: Net | tuple[Net, Net] | None = field(default=None, metadata=OBJECT)
    objective: Objective | None = field(default=None, metadata=OBJECT)
    sampler: Sampler | None = field(default=None, metadata=OBJECT)

    def __post_init__(self):
        _check_literals(self)
        _check_objects(self)
        self._need(is_count(self.epochs, 1), "epochs", "a whole number of at least 1")
        self._need(is_count(self.batch_size, 1), "batch_size", "a whole number of at least 1")
        self._need(is_number(self.learning_rate) and self.learning_rate > 0, "learning_rate", "> 0")
        self._need(is_number(self.milestone) and 0 <= self.milestone <= 1, "milestone", "in [0, 1]")
        self._need(is_number(self.drop) and 0 < self.drop <= 1, "drop", "in (0, 1]")
        self._need(is_number(self.weight_decay) and self.weight_decay >= 0, "weight_decay", ">= 0")
        self._need(is_number(self.slope) and 0 <= self.slope <= 1, "slope", "in [0, 1]")
        self._need(isinstance(self.bias, bool), "bias", "true or false")
        for name in ("widths", "channels"):
            sizes = getattr(self, name)
            if sizes is not None:
                ok = isinstance(sizes, (tuple, list)) and all(is_count(s, 1) for s in sizes)
                self._need(ok, name, "a tuple of whole numbers of at least 1, or None")
                object.__setattr__(self, name, tuple(sizes))
        if isinstance(self.weighting, str):
            parse_weighting(self.weighting)
        else:
            ok = self.weighting is None or isinstance(self.weighting, Weighting)
            self._need(
                ok, "weighting", "a string such as 'by_label, anoonly', a Weighting, or None"
            )
        self._need(self.widths is None or len(self.widths) > 0, "widths", "of at least one layer")

    def _need(self, ok: bool, name: str, allowed: str) -> None:
        if not ok:
            raise ConfigError(f"{name} must be {allowed}; given {getattr(self, name)!r}")

    def _replace_defaults(self, settings: dict[str, Any]) -> None:
        """Replace the values of fields that are at their default."""
        for one in fields(self):
            if one.name in settings and getattr(self, one.name) == one.default:
                object.__setattr__(self, one.name, settings[one.name])

    def schedule(self, epochs: int | None = None) -> Optimiser:
        """Return the optimiser for a phase of `epochs`; None for the detector's own."""
        milestone = self.milestone * (self.epochs if epochs is None else epochs)
        return Optimiser(
            self.optimiser, self.learning_rate, milestone, self.drop, self.weight_decay
        )

    def choose_weighting(self, default: Weighting, spec: Spec) -> Weighting:
        """Return the weighting of the settings, or else the detector's own."""
        if isinstance(self.weighting, str):
            return parse_weighting(self.weighting, spec.labelled)
        return default if self.weighting is None else self.weighting


@dataclass(frozen=True, kw_only=True)
class AugmentedConfig(GradientConfig):
    """Settings of a detector whose training images can be augmented at random.

    Attributes:
        augment: Augmentations of each training batch of images, applied in the given order, such as
            "crop(4), flip, jitter(0.2, 0.2, 0.2), noise(0.01)" (see `jaxad.learners.batches`); None
            for no augmentation. Images are scored without it.
    """

    augment: str | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.augment is not None:
            parse_augment(self.augment)

    def augmented(self, detector: Detector, spec: Spec) -> Detector:
        """Return the same detector with every phase trained on augmented images.

        Raises:
            ConfigError: There are augmentations, and examples are not images.
        """
        if self.augment is None:
            return detector
        if len(spec.shape) != 3:
            raise ConfigError(
                f"augment takes images, (height, width, channels); given {self.augment!r} and "
                f"examples of shape {spec.shape}"
            )
        transforms = parse_augment(self.augment)
        before = [
            phase._replace(update=transform_batches(phase.update, transforms))
            for phase in detector.before
        ]
        update = transform_batches(detector.update, transforms)
        return detector._replace(update=update, before=tuple(before))


@dataclass(frozen=True, kw_only=True)
class PretrainedConfig(GradientConfig):
    """Settings of a hypersphere detector that starts from an autoencoder's weights.

    Attributes:
        pretrain_epochs: Number of epochs of pre-training, >= 0; 0 starts from random weights.
        allow_collapse: Whether the network may have biases or a normalisation with a learned shift,
            although it can then map every example to the centre (thesis of Ruff (2021),
            propositions 1 to 3).
    """

    pretrain_epochs: int = 150
    allow_collapse: bool = False

    def __post_init__(self):
        super().__post_init__()
        self._need(
            is_count(self.pretrain_epochs, 0), "pretrain_epochs", "a whole number of at least 0"
        )
        self._need(isinstance(self.allow_collapse, bool), "allow_collapse", "true or false")
        shift = self.bias or self.norm in ("batch", "layer")
        if shift and not self.allow_collapse:
            raise ConfigError(
                "a hypersphere network with a learned shift can map every example to the centre: "
                "bias must be false and norm 'batch_no_affine' or 'none'; given "
                f"bias={self.bias}, norm={self.norm!r}. allow_collapse=True allows both"
            )


def is_number(value: object) -> bool:
    """Return whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def is_count(value: object, least: int) -> bool:
    """Return whether a value is a whole number of at least `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _check_literals(config) -> None:
    """Raise a `ConfigError` if a field of a `Literal` type holds none of its values."""
    hints = get_type_hints(type(config))
    for one in fields(config):
        named, others = _split_hint(hints[one.name])
        value = getattr(config, one.name)
        # A whole number is a float, too.
        accepted = (*others, int) if float in others and not isinstance(value, bool) else others
        if named and value not in named and not isinstance(value, accepted):
            allowed = ", ".join(map(repr, named))
            more = "".join(f", or of type {part.__name__}" for part in others)
            raise ConfigError(f"{one.name} must be one of {allowed}{more}; given {value!r}")


def _split_hint(hint: Any) -> tuple[list[Any], tuple[type, ...]]:
    """Return the values of the `Literal`s in a type hint, and the classes beside them."""
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    named = [value for part in parts if get_origin(part) is Literal for value in get_args(part)]
    return named, tuple(part for part in parts if isinstance(part, type))


def _check_objects(config: GradientConfig) -> None:
    """Raise a `ConfigError` if a field for an object holds something else."""
    net, objective, sampler = config.net, config.objective, config.sampler
    pair = isinstance(net, tuple) and len(net) == 2 and all(isinstance(n, Net) for n in net)
    ok = net is None or isinstance(net, Net) or pair
    config._need(ok, "net", "a jaxad.nets.base.Net, a pair of them, or None")
    methods = ("init", "shuffle", "draw", "steps_per_epoch")
    ok = sampler is None or all(callable(getattr(sampler, name, None)) for name in methods)
    config._need(ok, "sampler", "a jaxad.sampling.base.Sampler or None")
    if not _split_hint(get_type_hints(type(config))["objective"])[0]:
        ok = objective is None or isinstance(objective, Objective)
        config._need(ok, "objective", "a jaxad.objectives.Objective or None")
