"""OC-NN: its offset is the quantile that minimises the loss, and its loss the formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.types import Batch

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def started(toy):
    detector = jaxad.make("oc_nn", toy.train, nu=0.25, widths=(5, 3), norm="none")
    assert isinstance(detector, jaxad.Detector)
    return detector, detector.init(KEY, toy.train)


def outputs(detector, state, x):
    """`y = w . g(f(x))` by hand."""
    code = detector.parts.model.encoder.apply(
        state.params["encoder"], {}, jnp.pad(x, ((0, 0), (0, 26))), False
    ).out
    return np.exp(-(np.asarray(code) ** 2)) @ np.asarray(state.params["plane"])


def test_the_offset_minimises_the_loss_and_bounds_the_rows_beyond_it(started, toy):
    detector, state = started
    rows = toy.train.x[toy.train.label >= 0]
    y = outputs(detector, state, rows)
    r = -float(detector.each_epoch(state, toy.train, jnp.zeros(())).extras["radius_sq"])
    assert np.isclose(y, r, atol=1e-6).any()
    assert np.sum(y < r - 1e-6) <= 0.25 * len(y) <= np.sum(y <= r + 1e-6)

    def loss(offset):
        return np.mean(np.maximum(0, offset - y)) / 0.25 - offset

    others = r + np.linspace(-0.2, 0.2, 41)
    assert loss(r) <= min(map(loss, others)) + 1e-6


def test_the_loss_and_the_score_are_those_of_the_paper(started, toy):
    detector, state = started
    state = state._replace(extras={"radius_sq": jnp.float32(-0.1)})
    x = jnp.asarray(toy.train.x[:16])
    batch = Batch(x, jnp.zeros(16, jnp.int8), jnp.arange(16), jnp.zeros(()))
    y, w = outputs(detector, state, x), np.asarray(state.params["plane"])
    loss = np.sum(w**2) / 2 + np.mean(np.maximum(0, 0.1 - y)) / 0.25 - 0.1
    got = jax.jit(detector.update)(state, batch, KEY)[1]["loss"]
    np.testing.assert_allclose(got, loss, atol=1e-4)  # weight decay is 1e-6
    np.testing.assert_allclose(detector.score(state, x), 0.1 - y, atol=1e-6)


def test_sigmoid_features_of_one_layer_cannot_score_a_row_and_its_mirror_image_high(toy):
    """They add up to the same number for all rows; Gaussian ones are equal, and least at 0."""
    x = toy.test.x[:10]
    for activation in ("sigmoid", "gaussian"):
        detector = jaxad.make("oc_nn", toy.train, activation=activation, widths=(4,), norm="none")
        assert isinstance(detector, jaxad.Detector)
        state = detector.init(KEY, toy.train)
        one, other, origin = (detector.score(state, rows) for rows in (x, -x, 0 * x))
        if activation == "sigmoid":
            np.testing.assert_allclose(one + other, 2 * origin, atol=1e-5)
        else:
            np.testing.assert_allclose(one, other, atol=1e-6)
            assert (one > origin).all()


def test_a_learned_shift_is_refused(toy):
    for settings in ({"bias": True}, {"norm": "batch"}):
        with pytest.raises(ConfigError, match="can map every row to one code"):
            jaxad.make("oc_nn", toy.train, **settings)
    with pytest.raises(ConfigError, match="nu must be in"):
        jaxad.make("oc_nn", toy.train, nu=0.0)
