"""An estimator that is trained in a moment, on rows of which it can learn something."""

import numpy as np
import pandas as pd
import pytest

from jaxad.sklearn import JaxADClassifier, JaxADDetector

# One shape, one size of batch and one width throughout: the tests share compiled programs.
SETTINGS = {"epochs": 4, "batch_size": 16, "widths": (4,)}


def make_estimator(detector="autoencoder", *, cls=JaxADDetector, settings=None, **parameters):
    pretraining = {"pretrain_epochs": 2} if detector == "deep_sad" else {}
    return cls(detector, settings=SETTINGS | pretraining | (settings or {}), **parameters)


def make_classifier(detector="autoencoder", **parameters):
    return make_estimator(detector, cls=JaxADClassifier, **parameters)


def make_rows(n=120, anomalies=12, d=3, seed=0):
    """Rows around 0 and, at every tenth place, around 4; y is 1 for these, else 0."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % (n // anomalies) == 0).astype(int)
    return rng.normal(size=(n, d)) + 4 * y[:, None], y


def make_frame(n=60, seed=0):
    """Numbers with gaps, whole numbers, truth values, categories of words; as pandas."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    size[::7] = np.nan
    colour = rng.choice(["red", "green", "blue"], size=n).astype(object)
    colour[::9] = None
    return pd.DataFrame(
        {
            "size": size,
            "count": rng.integers(0, 9, size=n),
            "ok": rng.random(n) < 0.8,
            "colour": colour,
            "level": pd.Categorical(rng.choice(["low", "high"], size=n)),
        }
    )


@pytest.fixture(scope="session")
def estimator():
    return make_estimator


@pytest.fixture(scope="session")
def classifier():
    return make_classifier


@pytest.fixture(scope="session")
def rows():
    return make_rows


@pytest.fixture(scope="session")
def frame_of():
    return make_frame
