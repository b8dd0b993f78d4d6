"""The registry of detectors, and how one is made for given data."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from typing import Any, Literal, TypeVar, get_args

import numpy as np

from jaxad.data.text.lexicon import Lexicon
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError, DataError, unknown_name
from jaxad.nets.base import Net, Precision, map_nets
from jaxad.types import TrainData
from jaxad.utils.configs import list_objects
from jaxad.utils.modes import pinned_modes
from jaxad.utils.plugins import Registry, describe_origin

__all__ = ["REGISTRY", "Entry", "Examples", "Spec", "get_entry", "make", "make_for", "register"]

Examples = Literal["table", "image", "sequence", "text"]


@dataclass(frozen=True)
class Spec:
    """The properties of the training data that a detector is built for.

    Attributes:
        shape: The shape of one example.
        rows: The smallest number of training rows that any seed has.
        labelled_anomalies: The largest number of labelled anomalies that any seed has.
        labelled_normals: The largest number of labelled normal rows that any seed has.
        vocabulary: The words of documents; None where examples are not text.
        lexicon: The words with their vectors, for a saved detector of text; else None.
    """

    shape: tuple[int, ...]
    rows: int
    labelled_anomalies: int = 0
    labelled_normals: int = 0
    vocabulary: Vocabulary | None = None
    lexicon: Lexicon | None = None

    @property
    def labelled(self) -> tuple[int, int]:
        """The numbers of labelled anomalies and labelled normal rows."""
        return self.labelled_anomalies, self.labelled_normals

    def need_labelled_anomaly(self, detector: str, others: str) -> None:
        """Raise a `DataError` if no row is labelled as an anomaly.

        Args:
            detector: The name of the detector that needs one.
            others: Detectors that need no labels.
        """
        if not self.labelled_anomalies:
            raise DataError(
                f"labelled anomalies must be given for {detector}, at least 1; given 0. Label some "
                "rows as anomalies (1 in the label column or in y, -1 in TrainData), or choose a "
                f"detector that needs no labels, such as {others}"
            )


@dataclass(frozen=True)
class Entry:
    """A registered detector.

    Attributes:
        name: The name that `make` and the command line take.
        config: Its configuration, a frozen dataclass.
        build: `(config, spec) -> Detector`.
        summary: One line, for lists.
        uses_labels: Whether labels change what it learns.
        examples: The simplest kind of example that it takes.
        host: Whether another library trains it, on the host.
    """

    name: str
    config: type
    build: Callable[[Any, Spec], Detector | HostDetector]
    summary: str
    uses_labels: bool
    examples: Examples = "table"
    host: bool = False


Build = TypeVar("Build", bound=Callable[[Any, Spec], Detector | HostDetector])

REGISTRY: Registry[Entry] = Registry("detector", "jaxad.detectors")


def register(
    name: str,
    config: type,
    *,
    uses_labels: bool,
    examples: Examples = "table",
    host: bool = False,
) -> Callable[[Build], Build]:
    """Return a decorator that registers a function which builds a detector.

    The first line of the function's docstring is the detector's summary in lists. Registered
    detectors of the library are tested by the shared tests.

    Args:
        name: The name that `make` and the command line take.
        config: The detector's configuration, a frozen dataclass.
        uses_labels: Whether labels change what the detector learns.
        examples: The simplest kind of example that it takes.
        host: Whether another library trains it, on the host.

    Raises:
        ConfigError: The name is not a string without spaces, or is taken; `config` is not a frozen
            dataclass; or the function has no docstring.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[^\s,=]+", name):
        raise ConfigError(f"name of a detector must be without spaces, ',' and '='; given {name!r}")
    if not (isinstance(config, type) and is_dataclass(config) and _is_frozen(config)):
        raise ConfigError(f"config of detector {name!r} must be a frozen dataclass; given {config}")
    if examples not in get_args(Examples):
        allowed = ", ".join(map(repr, get_args(Examples)))
        raise ConfigError(
            f"examples of detector {name!r} must be one of {allowed}; given {examples!r}"
        )

    def add(build: Build) -> Build:
        lines = (getattr(build, "__doc__", None) or "").strip().splitlines()
        if not (callable(build) and lines):
            raise ConfigError(
                f"detector {name!r} must be a function (config, spec) with a docstring, whose "
                f"first line lists show; given {build!r}"
            )
        found = Entry(name, config, build, lines[0], uses_labels, examples, host)
        REGISTRY.add(name, found, describe_origin(build))
        return build

    return add


def _is_frozen(config: Any) -> bool:
    return config.__dataclass_params__.frozen


def get_entry(name: str) -> Entry:
    """Return the registered detector of a name; a plug-in that adds the name is loaded first.

    Raises:
        ConfigError: The name is unknown, and the message has the nearest one; or its plug-in
            cannot be loaded.
    """
    return REGISTRY.find(name)


@pinned_modes()
def make(name: str, train: TrainData, **config: Any) -> Detector | HostDetector:
    """Make a detector for given training data.

    Args:
        name: A registered name; `jaxad list` shows them.
        train: The training data; only its shapes and its numbers of labels are read.
        **config: Settings of the detector that differ from their defaults.

    Returns:
        The detector, ready for `jaxad.fit`.

    Raises:
        ConfigError: The name or a setting is unknown, a value is not allowed, or there are too few
            epochs for the weighting.
        DataError: `train` is not a `TrainData`, or the detector does not take such data.
    """
    if not isinstance(train, TrainData):
        raise DataError(
            f"train must be a TrainData, as in `split.train`; given {type(train).__name__}"
        )
    count = np.asarray(train.count)
    shape = tuple(np.shape(train.x)[count.ndim + 1 :])
    label = np.asarray(train.label)
    valid = np.arange(label.shape[-1]) < count[..., None]
    anomalies, normals = (int((valid & (label == y)).sum(-1).max(initial=0)) for y in (-1, 1))
    rows = int(count.min(initial=2**31 - 1))
    spec = Spec(shape, rows, anomalies, normals, train.vocabulary)
    detector = make_for(name, spec, config)
    _check_epochs(detector)
    return detector


@pinned_modes()
def make_for(name: str, spec: Spec, config: dict[str, Any]) -> Detector | HostDetector:
    """Make a detector for a specification, as `make` does for data.

    Raises:
        ConfigError: As `make`, or a plug-in's function does not return a detector.
        DataError: The detector does not take such data.
    """
    found = get_entry(name)
    known = {field.name for field in fields(found.config)}
    for field in config:
        if field not in known:
            raise unknown_name(f"setting of {name}", field, known)
    if spec.rows < 2:
        raise DataError(f"at least 2 training rows are needed; given {spec.rows}")
    if 0 in spec.shape or not spec.shape:
        raise DataError(f"examples must have features; given shape {spec.shape}")
    settings = found.config(**config)
    _check_kind(found, spec)
    with REGISTRY.attribute_errors(name):
        detector = found.build(settings, spec)
    if not isinstance(detector, Detector | HostDetector):
        raise ConfigError(
            f"detector {name!r} ({REGISTRY.origins.get(name, name)}) must return a jaxad.Detector "
            f"or a jaxad.HostDetector; it returned a {type(detector).__name__}"
        )
    detector = detector._replace(
        name=name, config=settings, input_shape=spec.shape, labelled=spec.labelled
    )
    if isinstance(detector, Detector):
        _check_objects(detector)
        return _set_precision(detector)
    return detector


def _set_precision(detector: Detector) -> Detector:
    """Return a detector whose networks compute in the type of its settings."""
    precision: Precision = getattr(detector.config, "precision", "float32")
    if precision == "float32":
        return detector
    functions = ("init", "update", "score", "begin", "each_epoch", "generate", "before", "parts")
    change = partial(Net.with_precision, precision=precision)
    return detector._replace(
        **{name: map_nets(getattr(detector, name), change) for name in functions}
    )


def _check_epochs(detector: Detector | HostDetector) -> None:
    """Raise a `ConfigError` if training ends before the weighting does what it is for."""
    if isinstance(detector, HostDetector) or detector.parts is None:
        return
    blind = detector.parts.weighting.blind
    if 0 < detector.epochs <= blind:
        raise ConfigError(
            f"epochs={detector.epochs} is too few: the weighting exposes no row in its first "
            f"blind={blind:g} epochs and would do nothing. Give more epochs, or a smaller blind, "
            "such as latent_outlier_exposure(0.1, blind=0)"
        )


def _check_objects(detector: Detector) -> None:
    """Raise a `ConfigError` if a setting holds an object that the detector does not use."""
    config, parts = detector.config, detector.parts
    model = None if parts is None else parts.model
    used = {
        "net": bool({*_list_nets(model)} & {*_list_nets(getattr(config, "net", None))}),
        "objective": parts is not None and parts.objective is getattr(config, "objective", None),
        "sampler": detector.sampler is getattr(config, "sampler", None),
    }
    for name in list_objects(config):
        if not used.get(name, True):
            raise ConfigError(f"{name}: {detector.name} does not take a {name} of your own")


def _list_nets(value: Any) -> list[Net]:
    """Return the networks of a model, or of a setting."""
    if isinstance(value, Net):
        return [value]
    if isinstance(value, tuple):
        return [net for part in value for net in _list_nets(part)]
    if not is_dataclass(value) or isinstance(value, type):
        return []
    return [net for field in fields(value) for net in _list_nets(getattr(value, field.name))]


def _check_kind(found: Entry, spec: Spec) -> None:
    """Raise a `DataError` if a detector of text is given numbers, or the other way round."""
    texts = ", ".join(name for name, other in REGISTRY.items() if other.examples == "text")
    if found.examples == "text" and spec.vocabulary is None:
        raise DataError(
            f"{found.name} takes text, and examples are numbers of shape {spec.shape}: give a file "
            "of JSON lines or csv with the field text, or use jaxad.data.from_texts"
        )
    if found.examples != "text" and spec.vocabulary is not None:
        raise DataError(
            f"{found.name} takes numbers, and the data is text, which {texts} takes. "
            "'mean:VECTORS:NAME' loads texts as rows of a table, their mean word vectors"
        )
