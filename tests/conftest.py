"""Toy data and quick detectors that the tests share, and compiled programs kept on disk."""

import gc
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import NamedTuple

import fuzzing  # noqa: F401  # sets the profile of Hypothesis
import jax
import jaxtyping
import numpy as np
import pytest
from array_annotations import leave_others
from jaxtyping import install_import_hook
from untraced import lower_and_draw_untraced

# Calls are checked against the array annotations. This precedes the first import of jaxad.
jaxtyping.jaxtyped = leave_others(jaxtyping.jaxtyped)
install_import_hook("jaxad", "array_annotations.check_arrays")
lower_and_draw_untraced()

import jaxad
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.detectors import get_entry
from jaxad.training import bound
from jaxad.types import TestData, TrainData
from jaxad.utils.compilation_cache import enable_compilation_cache, use_entries
from jaxad.utils.plugins import _REGISTRIES

# Executables would hide what tests change by monkeypatch: those that need them choose a folder.
use_entries(None)
enable_compilation_cache()
# Tests count compilations: none may be due to programs dropped for those of other tests.
bound.MOST = 10_000

MOST_MAPS = 40_000
DONE = pytest.StashKey[int]()
FEATURES = 6
QUICK = {"epochs": 30, "pretrain_epochs": 5, "batch_size": 32, "members": 10}
# Of the few epochs these make too few steps to learn anything.
LONGER = {"ganomaly": {"epochs": 150}, "ss_dgm": {"epochs": 200}}
# The layers for images of their size take more time than tests have.
SMALLER = {
    "fcdd": {"layers": "conv(6), pool, conv(6)", "epochs": 10},
    "goad": {"transformations": 8, "widths": (8, 8)},
    "gt": {"channels": (), "widths": (32,)},
    "gt_plus": {"channels": (), "widths": (32,)},
}


WORDS = Vocabulary(tuple(f"word{chr(97 + i // 9)}{chr(97 + i % 9)}" for i in range(80)), 32)


class Toy(NamedTuple):
    """Normal rows and anomalies that are easily told apart."""

    train: TrainData
    test: TestData


def make_toy(
    seed: int = 0,
    rows: int = 160,
    labelled: int = 12,
    features: int = FEATURES,
    test: int = 60,
    draw: Callable[..., np.ndarray] | None = None,
) -> Toy:
    """Unlabelled normal rows, with as many labelled normals as labelled anomalies among them."""
    rng = np.random.default_rng(seed)
    draw = draw_blobs if draw is None else draw
    label = np.zeros(rows, np.int8)
    label[:labelled], label[labelled : 2 * labelled] = -1, 1
    label = rng.permutation(label)
    truth = np.arange(2 * test) % 2
    x = draw(rng, label < 0, features)
    words = WORDS if x.dtype == np.int32 else None
    train = TrainData(x, label, np.int32(rows), np.int32(x.shape[-1]), vocabulary=words)
    x, seen = draw(rng, truth, features), np.zeros(2 * test, bool)
    return Toy(train, TestData(x, truth.astype(np.int8), np.int32(2 * test), seen))


def draw_blobs(rng, anomalous, features):
    """Two Gaussian blobs, the normal one around 0 and the anomalous one three deviations off."""
    noise = rng.normal(size=(len(anomalous), features))
    return (noise + 3 * np.asarray(anomalous)[:, None]).astype(np.float32)


def draw_sequences(rng, anomalous, features):
    """Lines of one channel with noise: rising ones are normal, falling ones anomalous."""
    rising = np.linspace(-1, 1, 2 * features)
    lines = np.where(np.asarray(anomalous)[:, None], -rising, rising)
    return (lines + 0.2 * rng.normal(size=lines.shape)).astype(np.float32)[..., None]


def draw_images(rng, anomalous, features):
    """Grey noise, with a bright square somewhere in anomalous images."""
    side = 2 * features
    images = 0.4 + 0.1 * rng.normal(size=(len(anomalous), side, side))
    for i in np.flatnonzero(anomalous):
        row, column = rng.integers(0, side - 4, 2)
        images[i, row : row + 4, column : column + 4] += 0.4
    return np.clip(images, 0, 1).astype(np.float32)[..., None]


def draw_bars(rng, anomalous, features):
    """Grey noise with a bar at the top left, in anomalous images at the bottom left."""
    side = 2 * features
    images = 0.3 + 0.1 * rng.normal(size=(len(anomalous), side, side))
    for image, other in zip(images, anomalous, strict=True):
        image = image[::-1] if other else image
        image[1:3, 1:8] += 0.5
    return np.clip(images, 0, 1).astype(np.float32)[..., None]


def draw_texts(rng, anomalous, features):
    """Documents of some of 40 words for normal ones and of 40 others for anomalous ones."""
    documents = np.zeros((len(anomalous), WORDS.length), np.int32)
    for row, other in zip(documents, anomalous, strict=True):
        length = rng.integers(features, 4 * features)
        row[:length] = rng.integers(1, 41, length) + (40 if other else 0)
    return documents


TOYS = {
    "text": draw_texts,
    "table": draw_blobs,
    "sequence": draw_sequences,
    "image": draw_images,
    "bars": draw_bars,
}
# No transformation can be recognised in noise.
KINDS = {"gt": "bars", "gt_plus": "bars"}


def make_quick(name: str, train: TrainData, **config) -> jaxad.Detector:
    """A detector with the few epochs of `QUICK`, as far as its configuration has them."""
    known = {field.name for field in fields(get_entry(name).config)}
    settings = QUICK | LONGER.get(name, {}) | SMALLER.get(name, {})
    return jaxad.make(name, train, **({k: v for k, v in settings.items() if k in known} | config))


def pytest_collection_finish():
    """Leave what was imported out of the garbage collections to come."""
    gc.collect()
    gc.freeze()


def count_maps() -> int:
    """Return how many pieces of memory this process maps; 0 where the system doesn't tell."""
    maps = Path("/proc/self/maps")
    return maps.read_bytes().count(b"\n") if maps.exists() else 0


@pytest.fixture(autouse=True)
def programs_are_dropped(request):
    """Give compiled programs back before a process has too many: each maps memory of its own.

    Linux allows 65,530 such pieces to a process, and XLA ends it at the next. They are counted
    at every tenth test.
    """
    yield
    done = request.session.config.stash.get(DONE, 0) + 1
    request.session.config.stash[DONE] = done
    if done % 10 == 0 and count_maps() > MOST_MAPS:
        jax.clear_caches()
        bound.drop_all()
        assert count_maps() < MOST_MAPS, "programs are kept: each tenth test would drop them anew"


@pytest.fixture
def names_are_taken_back():
    """Take back the names that a test registers, and keep those of the library."""
    before = [(registry, dict(registry), dict(registry.origins)) for registry in _REGISTRIES]
    yield
    for registry, values, origins in before:
        own = {
            n: v for n, v in registry.items() if registry.origins.get(n, "").startswith("jaxad.")
        }
        registry.clear()
        registry.update(own | values)
        registry.origins |= origins


@pytest.fixture(scope="session")
def toy() -> Toy:
    return make_toy()


@pytest.fixture(scope="session")
def toy_for() -> Callable[[str], Toy]:
    """Toy data of the kind that a registered detector takes and can learn from."""
    made = {kind: make_toy(draw=draw) for kind, draw in TOYS.items()}
    return lambda name: made[KINDS.get(name, get_entry(name).examples)]


@pytest.fixture(scope="session")
def toy_of() -> Callable[..., Toy]:
    return make_toy


@pytest.fixture(scope="session")
def quick() -> Callable[..., jaxad.Detector]:
    return make_quick


@pytest.fixture(scope="session")
def fitted(toy_for) -> Callable[[str], jaxad.Fit]:
    """A registered detector fitted to the toy data for two seeds, once."""

    def fit(name):
        train = toy_for(name).train
        return jaxad.fit(make_quick(name, train), train, seeds=2)

    return cache(fit)


@pytest.fixture
def small_chunks(monkeypatch):
    """A fit returns to the host after 5 steps, and then after each."""
    monkeypatch.setattr("jaxad.training.train._FIRST_CHUNK", 5)
    monkeypatch.setattr("jaxad.training.train._CHUNK_SECONDS", 0.0)
