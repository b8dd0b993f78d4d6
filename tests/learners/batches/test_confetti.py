"""Confetti: which images get blobs, and that masks say where they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.learners.batches import transform_batches
from jaxad.learners.batches.artificial import confetti, draw_confetti
from jaxad.types import Batch

KEY = jax.random.key(0)


def batch(label, x=None, mask=None):
    n = len(label)
    x = jnp.full((n, 16, 20, 2), 0.5) if x is None else x
    return Batch(x, jnp.asarray(label, jnp.int8), jnp.arange(n), jnp.zeros(()), mask)


def test_pixels_change_under_the_mask_and_nowhere_else():
    x = jax.random.uniform(jax.random.key(1), (64, 16, 20, 3))
    spoiled, mask = draw_confetti(KEY, x, 0.25)
    changed = np.any(np.asarray(spoiled != x), axis=-1)
    np.testing.assert_array_equal(changed, mask == 1)
    assert spoiled.min() >= 0 and spoiled.max() <= 1
    assert changed.any(axis=(1, 2)).all()


def test_blobs_are_from_specks_to_the_largest_allowed():
    x = jnp.zeros((400, 32, 32, 1))
    _, mask = draw_confetti(KEY, x, 0.25)
    area = np.asarray(mask).sum(axis=(1, 2))
    assert area.min() <= 3
    # Six squares of half axes 8, which lie apart.
    assert 200 < area.max() <= 6 * 17**2
    _, small = draw_confetti(KEY, x, 0.02)
    assert np.asarray(small).sum(axis=(1, 2)).max() <= 6 * 5


def test_a_share_of_the_unlabelled_images_becomes_anomalous():
    label = np.array([0] * 600 + [1] * 50 + [-1] * 50)
    before = batch(label)
    after = confetti(0.3)(KEY, before)
    made = np.asarray((after.label < 0) & (before.label == 0))
    assert 0.25 < made[:600].mean() < 0.35 and not made[600:].any()
    np.testing.assert_array_equal(after.label[600:], label[600:])
    np.testing.assert_array_equal(np.asarray(after.x[~made]), before.x[~made])
    np.testing.assert_array_equal(np.any(after.mask, axis=(1, 2)), made)
    assert after.label.dtype == jnp.int8 and after.mask.dtype == jnp.uint8


def test_masks_of_labelled_anomalies_are_kept():
    mask = jnp.zeros((40, 16, 20), jnp.uint8).at[:20, 3, 4].set(1)
    after = confetti(0.9)(KEY, batch([-1] * 20 + [0] * 20, mask=mask))
    np.testing.assert_array_equal(after.mask[:20], mask[:20])
    assert after.mask[20:].any()


def test_bytes_become_numbers_in_the_unit_interval():
    x = jnp.full((8, 6, 6, 1), 51, jnp.uint8)
    after = confetti(0.0)(KEY, batch([0] * 8, x))
    np.testing.assert_allclose(after.x, 0.2)


def test_it_composes_with_an_update_and_its_numbers_are_traced():
    def update(state, batch, key):
        del key
        return state + jnp.sum(batch.label < 0), {}

    counts = []

    @jax.jit
    def run(step, batch):
        counts.append(1)
        return step(jnp.zeros((), jnp.int32), batch, KEY)[0]

    unlabelled = batch([0] * 200)
    steps = [transform_batches(jax.tree_util.Partial(update), (confetti(p),)) for p in (0.1, 0.9)]
    some, more = (run(step, unlabelled) for step in steps)
    assert some < 60 < 140 < more
    assert len(counts) == 1


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_the_type_of_images_stays(dtype):
    with jax.enable_x64(True):
        x = jnp.full((4, 8, 8, 1), 0.5, dtype)
        assert draw_confetti(KEY, x, 0.2)[0].dtype == dtype
