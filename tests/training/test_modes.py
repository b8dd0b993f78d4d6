"""JAX's modes, as users set them to find faults of their own: every detector works in each.

`jax_enable_x64` and the two modes of promotion change nothing, as programs run under the modes of
the library. `jax_debug_nans` finds no NaN, and `jax_disable_jit` runs the same steps one by one.
"""

import os
import pickle
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import fields

import jax
import numpy as np
import pytest

import jaxad
from jaxad.detectors import REGISTRY, get_entry
from jaxad.explain import attributions, audit, heatmaps, influence, top_words
from jaxad.models.reconstruction import Reconstruction

STRICT = {
    "jax_enable_x64": True,
    "jax_numpy_rank_promotion": "raise",
    "jax_numpy_dtype_promotion": "strict",
}
# A step and a few rows each: what takes the time is compiling.
TINY = {
    "epochs": 1, "pretrain_epochs": 1, "vae_epochs": 1, "batch_size": 64, "widths": (8, 4),
    "trees": 5, "search_steps": 2, "generated": 8, "steps": 2, "members": 3,
}  # fmt: skip
ROWS = 40
OWN = {
    "fcdd": {"layers": "conv(4), pool, conv(4)", "widths": None},
    "cvdd": {"widths": None},
    "rsrae": {"subspace": 2},
}
every = pytest.mark.parametrize("name", list(REGISTRY))
# Hybrids train the autoencoder and a detector of the host, which have tests of their own.
FEW_HYBRIDS = [name for name in REGISTRY if not name.startswith("hybrid:") or "iforest" in name]
without_hybrids = pytest.mark.parametrize("name", FEW_HYBRIDS)
PARTS = 4  # so that the processes of the suite share what takes minutes


@contextmanager
def modes(**settings):
    """Set modes for all threads, as environment variables do, and put them back."""
    before = {name: getattr(jax.config, name) for name in settings}
    try:
        for name, value in settings.items():
            jax.config.update(name, value)
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


@pytest.fixture
def data(toy_for):
    def make(name):
        train, test = toy_for(name)
        few = {"x": train.x[:ROWS], "label": train.label[:ROWS], "count": np.int32(ROWS)}
        return train._replace(**few), test.x[:20]

    return make


def choose_settings(name):
    known = {field.name for field in fields(get_entry(name).config)}
    return {k: v for k, v in TINY.items() if k in known} | OWN.get(name, {})


def build(name, train, **config):
    return jaxad.make(name, train, **choose_settings(name) | config)


def fit_and_score(name, train, x):
    fit = jaxad.fit(build(name, train), train)
    for info in fit.history.values():
        assert all(np.isfinite(values).all() for values in info.values())
    scores = jaxad.score(fit, x)
    assert np.isfinite(scores).all()
    return scores


@pytest.mark.slow
@every
def test_precision_and_promotion_change_no_score(data, name):
    want = fit_and_score(name, *data(name))
    with modes(**STRICT):
        np.testing.assert_array_equal(fit_and_score(name, *data(name)), want)


@pytest.mark.slow
@without_hybrids
def test_no_step_gives_a_nan(data, name):
    with modes(jax_debug_nans=True):
        fit_and_score(name, *data(name))


ONE_BY_ONE = """
import pickle, sys
import numpy as np
import jaxad
jaxad.enable_compilation_cache()
with open(sys.argv[1], "rb") as file:
    for name, train, x, settings in pickle.load(file):
        fit = jaxad.fit(jaxad.make(name, train, **settings), train)
        assert np.isfinite(jaxad.score(fit, x)).all(), name
        print(name, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_steps_run_one_by_one(data, tmp_path, part):
    """In a process of its own: indices of loops are then no arrays, as the annotations say."""
    names = FEW_HYBRIDS[part::PARTS]
    todo = [(name, *data(name), choose_settings(name)) for name in names]
    (tmp_path / "todo").write_bytes(pickle.dumps(todo))
    argv = [sys.executable, "-c", ONE_BY_ONE, str(tmp_path / "todo")]
    env = os.environ | {"JAX_DISABLE_JIT": "1"}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == names, done.stderr[-2000:]


def test_the_default_detector_works_in_every_mode(data):
    train, x = data("autoencoder")
    want = fit_and_score("autoencoder", train, x)
    with modes(**STRICT, jax_debug_nans=True):
        np.testing.assert_array_equal(fit_and_score("autoencoder", train, x), want)


def test_a_net_with_batch_statistics_keeps_its_precision(data):
    """Also where a user calls the functions of a detector without `fit`."""
    train, _ = data("fcdd")
    with modes(jax_enable_x64=True):
        detector = build("fcdd", train)
        state = detector.init(jax.random.key(0), train)
        assert {leaf.dtype for leaf in jax.tree.leaves(state.batch_stats)} == {np.dtype("float32")}


@pytest.mark.slow
def test_explanations_work_in_every_mode(data):
    with modes(**STRICT, jax_debug_nans=True):
        train, x = data("autoencoder")
        fit = jaxad.fit(build("autoencoder", train), train)
        assert isinstance(fit.detector.parts.model, Reconstruction)
        assert np.isfinite(attributions(fit, x)).all()
        assert len(audit(fit, train).ranking) == (train.label == 0).sum()
        plain = build("deep_sad", train, norm="none", optimiser="sgd", pretrain_epochs=0)
        assert np.isfinite(influence(jaxad.fit(plain, train), train, x[:2]).kernel).all()
        train, x = data("fcdd")
        assert np.isfinite(heatmaps(jaxad.fit(build("fcdd", train), train), x[:2])).all()
        train, x = data("cvdd")
        assert top_words(jaxad.fit(build("cvdd", train), train), x)
