"""Fingerprints of behaviour: what a detector computes in a few steps on a small fixed data set.

A fingerprint changes with whatever changes results: a loss, a sampler, a default, a scaling, the
protocol. It does not change when files are moved or names are changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from jaxad.data import Dataset, contaminate
from jaxad.data.protocol.settings import Protocol
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.detector import HostDetector
from jaxad.detectors import get_entry, make
from jaxad.evaluation.scoring import score
from jaxad.training.train import fit

__all__ = ["Behaviour", "DataKind", "compare_behaviour", "measure_behaviour"]

# Rows of a class, columns of a table, steps in time and pixels at most, words, and test scores.
_ROWS, _COLUMNS, _STEPS, _PIXELS, _WORDS, _SCORES = 60, 8, 64, 32, 40, 8
_CLASSES = 4
_VOCABULARY = tuple(f"word{a}{b}{b}" for a in "abcdefgh" for b in "abcde")[:_WORDS]
_DIMENSIONS = 16  # of word vectors
_FEW = {"epochs": 2, "pretrain_epochs": 1, "batch_size": 32}
# Epochs after those in which a weighting only watches, so that its settings change the scores.
_SEEING = 4
_LABELLED = 8
# Processors differ by rounding, which a few steps amplify to less than this share of the spread.
_TOLERANCE = 5e-3


class DataKind(NamedTuple):
    """The kind of a data set: what a small one needs to have in common with it.

    Attributes:
        shape: The shape of a row.
        documents: Whether rows are documents.
        masks: Whether there are masks of anomalous pixels.
        anomaly: Whether the classes are 0 normal and 1 anomaly.
    """

    shape: tuple[int, ...]
    documents: bool = False
    masks: bool = False
    anomaly: bool = True

    @classmethod
    def of(cls, data: Dataset) -> "DataKind":
        """Return the kind of a data set."""
        documents, masks = data.vocabulary is not None, data.mask_test is not None
        return cls(data.x.shape[1:], documents, masks, data.anomaly)


class Behaviour(NamedTuple):
    """A fingerprint.

    Attributes:
        scores: Scores of test rows after a few steps.
        losses: The first losses of each phase of training; () for detectors of other libraries.
    """

    scores: tuple[float, ...]
    losses: tuple[float, ...]


def measure_behaviour(
    detector: str, config: dict[str, Any], protocol: Protocol, kind: DataKind
) -> Behaviour:
    """Train a detector for a few steps on a small data set of a kind, and return what comes out.

    Args:
        detector: The registered name.
        config: Its settings; the batch size and epochs are reduced, the latter to a few more than
            the weighting's blind ones.
        protocol: How training rows are drawn; numbers of rows are reduced.
        kind: The kind of the data set.

    Raises:
        JaxADError: The settings do not suit this kind of data.
    """
    split = contaminate(_draw_small(kind), 0, seeds=(0,), protocol=_reduce(protocol, kind))
    known = {field.name for field in fields(get_entry(detector).config)}
    given = {name: getattr(get_entry(detector).config(), name) for name in _FEW if name in known}
    given |= config
    few = {name: min(given[name], most) for name, most in _FEW.items() if name in known}
    with _stand_in(config) as config:
        made = make(detector, split.train, **config)
        parts = None if isinstance(made, HostDetector) else made.parts
        blind = parts.weighting.blind if parts else 0.0
        if blind and "epochs" in few:
            few["epochs"] = min(given["epochs"], ceil(blind) + _SEEING)
        made = make(detector, split.train, **config | few)
    fitted = fit(made, split.train, (0,), key=0)
    scores = score(fitted, split.test)[0]
    scores = scores[np.linspace(0, len(scores) - 1, _SCORES).astype(int)]
    losses = [steps["loss"][0][:2] for steps in fitted.history.values() if "loss" in steps]
    return Behaviour(_round(scores), _round(np.concatenate([[], *losses])))


@contextmanager
def _stand_in(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield settings whose file of word vectors is a small one that is always the same."""
    if config.get("vectors") is None:
        yield config
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npz"
        vectors = np.random.default_rng(0).normal(size=(len(_VOCABULARY), _DIMENSIONS))
        np.savez(path, words=np.array(_VOCABULARY), vectors=vectors.astype(np.float32))
        yield config | {"vectors": str(path)}


def compare_behaviour(one: Behaviour, other: Behaviour) -> bool:
    """Return whether two fingerprints agree up to the rounding of other processors."""
    return all(_is_close(a, b) for a, b in zip(one, other, strict=True))


def _is_close(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    if len(one) != len(other):
        return False
    a, b = np.array(one, float), np.array(other, float)
    spread = float(np.ptp(b)) if len(b) else 0.0
    return bool(np.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE * spread, equal_nan=True))


def _round(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values)


def _draw_small(kind: DataKind, seed: int = 0) -> Dataset:
    """Draw a data set of a kind: each class around a point of its own."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(2 if kind.anomaly else _CLASSES), _ROWS)
    shape = _reduce_shape(kind)
    name = "small"
    if kind.documents:
        x = 1 + (rng.integers(0, _WORDS // 2, (len(y), *shape)) + 5 * y[:, None]) % _WORDS
        vocabulary = Vocabulary(_VOCABULARY, shape[0])
        return Dataset(name, x.astype(np.int32), y, anomaly=kind.anomaly, vocabulary=vocabulary)
    centres = rng.normal(size=(y.max() + 1, *shape))
    x = centres[y] + 0.5 * rng.normal(size=(len(y), *shape))
    if len(shape) < 3:
        return Dataset(name, x, y, anomaly=kind.anomaly)
    pixels = np.clip(128 + 40 * x, 0, 255).astype(np.uint8)
    mask = (rng.random(pixels.shape[:3]) < 0.1) & (y > 0)[:, None, None] if kind.masks else None
    return Dataset(
        name, pixels, y, anomaly=kind.anomaly, mask=None if mask is None else mask.astype(np.uint8)
    )


def _reduce_shape(kind: DataKind) -> tuple[int, ...]:
    if kind.documents:
        return (min(kind.shape[0], _STEPS),)
    if len(kind.shape) == 3:
        return (min(kind.shape[0], _PIXELS), min(kind.shape[1], _PIXELS), kind.shape[2])
    if len(kind.shape) == 2:
        return (min(kind.shape[0], _STEPS), kind.shape[1])
    return (min(kind.shape[0], _COLUMNS),)


def _reduce(protocol: Protocol, kind: DataKind) -> Protocol:
    """Return a protocol with numbers of rows that a small data set has."""

    def few(amount: float) -> float:
        return min(amount, _LABELLED) if isinstance(amount, int) else amount

    known = protocol.known_anomaly_classes
    exposure = None if protocol.exposure is None else _draw_small(kind._replace(anomaly=False), 1)
    return replace(
        protocol,
        normal_class=None if kind.anomaly else 0,
        anomaly_labels=None,
        labelled_anomalies=few(protocol.labelled_anomalies),
        labelled_normals=few(protocol.labelled_normals),
        known_anomaly_classes=None if known is None else 1,
        n_train=None,
        exposure=exposure,
        exposure_rows=None,
        few_anomalies="own",
    )
