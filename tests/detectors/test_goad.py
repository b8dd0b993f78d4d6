"""GOAD: its probabilities and losses are those of the paper, and linear maps keep the origin."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.nets.norm import batch_statistics
from jaxad.types import Batch

KEY = jax.random.key(0)
SIZES = {"transformations": 5, "dimension": 3, "widths": (7, 4)}


def start(toy, **settings):
    """A detector at the beginning of its first epoch."""
    detector = jaxad.make("goad", toy.train, **(SIZES | settings))
    assert isinstance(detector, jaxad.Detector)
    state = detector.init(KEY, toy.train)
    return detector, detector.each_epoch(state, toy.train, jnp.zeros(()))


@pytest.fixture(scope="module")
def started(toy):
    return start(toy, eps=0.01)


def encode(detector, state, x):
    """Codes `(n, m, k)` of rows, map by map."""
    matrices, offsets = (np.asarray(state.batch_stats[n]) for n in ("matrices", "offsets"))
    maps = np.einsum("nd,dmr->nmr", x, matrices[: x.shape[1]]) + offsets
    return np.asarray(
        detector.parts.model.encoder.apply(state.params["encoder"], {}, maps, False).out
    )


def measure(detector, state, toy, x):
    """Squared distances `(n, m, m')` of codes to centres."""
    normal = toy.train.x[toy.train.label >= 0]
    centres = encode(detector, state, normal).mean(axis=0)
    codes = encode(detector, state, x)
    return np.sum((codes[:, :, None] - centres) ** 2, axis=-1)


def test_the_score_is_that_of_the_paper(started, toy):
    detector, state = started
    x = toy.test.x[:20]
    likelihood = np.exp(-measure(detector, state, toy, x))
    own = np.diagonal(likelihood, axis1=1, axis2=2)
    p = (own + 0.01) / (likelihood.sum(axis=2) + 5 * 0.01)
    np.testing.assert_allclose(detector.score(state, x), -np.log(p).sum(axis=1), rtol=1e-4)


def test_the_loss_is_that_of_the_paper(started, toy):
    detector, state = started
    x = toy.train.x[:20]
    distance = measure(detector, state, toy, x)
    own = np.diagonal(distance, axis1=1, axis2=2)
    nearest = np.min(np.where(np.eye(5, dtype=bool), np.inf, distance), axis=2)
    head = detector.parts.model.head.apply(
        state.params["head"], {}, encode(detector, state, x), False
    )
    chosen = np.diagonal(jax.nn.log_softmax(head.out), axis1=1, axis2=2)
    loss = np.mean(np.maximum(own + 1 - nearest, 0) - 0.1 * chosen)
    batch = Batch(jnp.asarray(x), jnp.zeros(20, jnp.int8), jnp.arange(20), jnp.zeros(()))
    got = jax.jit(detector.update)(state, batch, KEY)[1]["loss"]
    np.testing.assert_allclose(got, loss, rtol=1e-4)  # weight decay is 1e-6


def test_no_map_is_recognised_at_the_origin_without_offsets(toy):
    """The probabilities of the maps sum to 1 there, so that the score is at least m log m."""
    origin = np.zeros((1, 6), np.float32)
    detector, state = start(toy, shift=0.0, eps=0.0)
    assert detector.score(state, origin)[0] >= 5 * np.log(5) - 1e-4


def test_eps_bounds_the_score(toy):
    detector, state = start(toy, eps=0.1)
    most = 5 * np.log(5 * (1 + 0.1) / 0.1)
    assert (detector.score(state, 1e4 * toy.test.x) <= most).all()


def test_batch_norm_takes_the_statistics_of_the_marked_rows(toy):
    detector, state = start(toy, norm="batch")
    model, marked = detector.parts.model, jnp.arange(16) < 10
    x = jnp.asarray(toy.train.x[:16])
    with batch_statistics(marked):
        some = model.apply(state.variables, state.extras, x, True)
    alone = model.apply(state.variables, state.extras, x[:10], True)
    np.testing.assert_allclose(some.out.own[:10], alone.out.own, rtol=1e-4, atol=1e-5)
    for one, two in zip(*map(jax.tree.leaves, (some.batch_stats, alone.batch_stats)), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_it_takes_tables_only_and_checks_its_settings(toy):
    images = jaxad.contaminate(
        jaxad.data.from_arrays(np.zeros((40, 8, 8, 1), np.uint8), np.repeat([0, 1], 20)), 0
    )
    with pytest.raises(ConfigError, match="goad takes rows of a table only"):
        jaxad.make("goad", images.train)
    for name, value in (("transformations", 1), ("dimension", 0), ("margin", -1), ("eps", -0.1)):
        with pytest.raises(ConfigError, match=name):
            jaxad.make("goad", toy.train, **{name: value})
