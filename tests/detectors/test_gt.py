"""GT and GT+: their transformations are those of the papers, and their scores the formula."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax

import jaxad
from jaxad.errors import ConfigError
from jaxad.models.transformed_images import PARTS, transform_images
from jaxad.types import Batch

KEY = jax.random.key(0)
ALL = list(itertools.product(*(range(size) for size in PARTS)))
SIZES = {"channels": (3,), "widths": (5,)}


@pytest.fixture(scope="module")
def bars(toy_for):
    return toy_for("gt")


def by_hand(image, flip, down, right, turns):
    """A transformation of one image `(n, n, c)` by NumPy."""
    n = len(image)
    image = image[:, ::-1] if flip else image
    wide = np.pad(image, [(n // 4, n // 4)] * 2 + [(0, 0)], mode="reflect")
    top, left = ((1 - (s - 1)) * (n // 4) for s in (down, right))
    return np.rot90(wide[top : top + n, left : left + n], turns)


@pytest.mark.parametrize("size", [4, 7])
def test_the_72_transformations_are_those_of_numpy(size):
    image = np.random.default_rng(0).random((size, size, 2)).astype(np.float32)
    numbers = np.array(ALL).T
    many = jnp.broadcast_to(image, (len(ALL), *image.shape))
    made = transform_images(many, [jnp.asarray(part) for part in numbers])
    for got, parts in zip(made, ALL, strict=True):
        np.testing.assert_array_equal(got, by_hand(image, *parts))
    assert len({got.tobytes() for got in np.asarray(made)}) == len(ALL)


def test_translations_move_by_a_quarter_and_reflect():
    image = jnp.arange(64.0).reshape(1, 8, 8, 1)
    down, right = (
        transform_images(image, [jnp.array([part]) for part in parts])
        for parts in ((0, 2, 1, 0), (0, 1, 2, 0))
    )
    np.testing.assert_array_equal(down[0, 2:], image[0, :-2])
    np.testing.assert_array_equal(down[0, :2], image[0, 2:0:-1])
    np.testing.assert_array_equal(right[0, :, 2:], image[0, :, :-2])


@pytest.mark.parametrize("name", ["gt", "gt_plus"])
def test_the_score_is_the_mean_log_probability_of_the_right_answer(bars, name):
    detector = jaxad.make(name, bars.train, **SIZES)
    assert isinstance(detector, jaxad.Detector)
    state, x = detector.init(KEY, bars.train), bars.test.x[:4]
    net = detector.parts.model.net
    used = ALL if name == "gt" else [parts for parts in ALL if parts[0] == 0]
    made = np.stack([by_hand(image, *parts) for parts in used for image in x])
    logits = np.asarray(net.apply(*state.variables, made, False).out).reshape(len(used), 4, -1)
    want = np.zeros(4)
    for number, (found, parts) in enumerate(zip(logits, used, strict=True)):
        heads = (
            [(slice(None), number)]
            if name == "gt"
            else [(slice(0, 4), parts[3]), (slice(4, 7), parts[1]), (slice(7, 10), parts[2])]
        )
        for columns, right in heads:
            want -= log_softmax(found[:, columns], axis=1)[:, right]
    np.testing.assert_allclose(detector.score(state, x), want / len(used), rtol=1e-5)


def test_an_untrained_network_with_equal_logits_scores_log_of_the_classes(bars):
    for name, score in (("gt", np.log(72)), ("gt_plus", np.log(4 * 3 * 3))):
        detector = jaxad.make(name, bars.train, **SIZES)
        assert isinstance(detector, jaxad.Detector)
        state = detector.init(KEY, bars.train)
        state = state._replace(params=jax.tree.map(jnp.zeros_like, state.params))
        np.testing.assert_allclose(detector.score(state, bars.test.x[:3]), score, rtol=1e-6)


def test_labelled_anomalies_are_pulled_to_equal_probabilities(bars):
    """From there on their gradient is 0: equal logits are the minimum of their loss."""
    detector = jaxad.make("gt_plus", bars.train, norm="none", weight_decay=0.0, **SIZES)
    assert isinstance(detector, jaxad.Detector)
    state = detector.init(KEY, bars.train)
    batch = Batch(
        jnp.asarray(bars.train.x[:8]), jnp.full(8, -1, jnp.int8), jnp.arange(8), jnp.zeros(())
    )
    update = jax.jit(detector.update)
    still = state._replace(params=jax.tree.map(jnp.zeros_like, state.params))
    moved, info = update(still, batch, KEY)
    np.testing.assert_allclose(info["loss"], np.log(36), rtol=1e-6)
    assert all(float(jnp.abs(leaf).max()) < 1e-6 for leaf in jax.tree.leaves(moved.params))
    assert update(state, batch, KEY)[1]["loss"] > np.log(36)


def test_other_shapes_and_settings_are_refused(bars, toy):
    wide = bars.train._replace(x=bars.train.x[:, :, :8])
    for name, train in (("gt", wide), ("gt_plus", toy.train)):
        with pytest.raises(ConfigError, match=r"square images .* for " + name):
            jaxad.make(name, train)
    with pytest.raises(ConfigError, match="batch_size"):
        jaxad.make("gt", bars.train, balanced=True, batch_size=1)
