"""The registry: what detectors there are, and how one is made for some data."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

import numpy as np

from jaxad.data.text.vectors import Lexicon
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.detector import Detector, HostDetector
from jaxad.errors import DataError, unknown_name
from jaxad.types import TrainData

__all__ = ["REGISTRY", "Entry", "Examples", "Spec", "entry", "make", "make_for", "register"]

Examples = Literal["table", "image", "sequence", "text"]


@dataclass(frozen=True)
class Spec:
    """What a detector must know of its data before it sees it.

    Attributes:
        shape: The shape of one example.
        rows: The fewest training rows that any seed has.
        labelled_anomalies: The most labelled anomalies that any seed has.
        labelled_normals: The most labelled normal rows that any seed has.
        vocabulary: The words of documents; None where examples are no text.
        lexicon: The words with their vectors, where these are known already: of a saved detector.
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


@dataclass(frozen=True)
class Entry:
    """A registered detector.

    Attributes:
        name: The name that `make` and the command line take.
        config: Its configuration, a frozen dataclass.
        build: `(config, spec) -> Detector`.
        summary: One line for lists.
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

REGISTRY: dict[str, Entry] = {}


def register(
    name: str,
    config: type,
    *,
    uses_labels: bool,
    examples: Examples = "table",
    host: bool = False,
):
    """A decorator that registers a detector's builder; its docstring's first line is the summary.

    Registering a detector also puts it under the shared tests.
    """

    def add(build: Build) -> Build:
        summary = (build.__doc__ or "").strip().splitlines()[0]
        REGISTRY[name] = Entry(name, config, build, summary, uses_labels, examples, host)
        return build

    return add


def entry(name: str) -> Entry:
    """The registered detector of a name.

    Raises:
        ConfigError: There is none; the message names the nearest.
    """
    if name not in REGISTRY:
        raise unknown_name("detector", name, REGISTRY)
    return REGISTRY[name]


def make(name: str, train: TrainData, **config: Any) -> Detector | HostDetector:
    """A detector for some training data.

    Args:
        name: A registered name; `jaxad list` shows them.
        train: The data it will be trained on; its shapes and numbers of labels are read.
        **config: Fields of the detector's configuration, where they differ from the defaults.

    Returns:
        The detector, ready for `jaxad.fit`.

    Raises:
        ConfigError: The name or a field is not known, or a value is not allowed.
        DataError: `train` is no training data.
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
    return make_for(name, Spec(shape, rows, anomalies, normals, train.vocabulary), config)


def _check_kind(found: Entry, spec: Spec) -> None:
    """Raise a `DataError` if a detector takes text and there is none, or the other way round."""
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


def make_for(name: str, spec: Spec, config: dict[str, Any]) -> Detector | HostDetector:
    """A detector for a specification, as `make` for data."""
    found = entry(name)
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
    detector = found.build(settings, spec)
    detector = detector._replace(name=name, config=settings, input_shape=spec.shape)
    if isinstance(detector, HostDetector):
        return detector
    return detector._replace(labelled=spec.labelled)
