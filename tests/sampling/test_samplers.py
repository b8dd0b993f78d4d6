"""Orders that are drawn without being made: bijections, and fair ones."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxad.sampling.base import ShuffledEpochs
from jaxad.sampling.permutation import permute
from jaxad.types import TrainData

keys = st.integers(0, 2**31 - 1)


@jax.jit
def order(seed, n, position):
    sampler = ShuffledEpochs(1)
    return permute(sampler.shuffle(jax.random.key(seed)), n, position)


def data(label, padding=0):
    label = np.concatenate([label, np.zeros(padding)]).astype(np.int8)
    count = np.int32(len(label) - padding)
    return TrainData(np.zeros((len(label), 2), np.float32), label, count, np.int32(2))


@settings(max_examples=examples(60), deadline=None)
@given(seed=keys, n=st.integers(1, 3_000))
def test_permuted_is_a_bijection(seed, n):
    image = np.asarray(order(seed, n, jnp.arange(3_000) % n))[:n]
    np.testing.assert_array_equal(np.sort(image), np.arange(n))


@settings(max_examples=examples(20), deadline=None)
@given(seed=keys, n=st.integers(2**20, 2**31 - 1))
def test_permuted_stays_in_range_and_tells_positions_apart_for_large_n(seed, n):
    position = jnp.concatenate([jnp.arange(1_500), n - 1 - jnp.arange(1_500)])
    image = np.asarray(order(seed, n, position))
    assert image.min() >= 0 and image.max() < n
    assert len(set(image.tolist())) == 3_000


def chi_square(counts, expected):
    """The statistic in standard deviations from its mean, for many trials nearly N(0, 1)."""
    freedom = counts.size - 1
    return (np.sum((counts - expected) ** 2 / expected) - freedom) / np.sqrt(2 * freedom)


TRIALS = 20_000


@pytest.mark.parametrize("n", [3, 5, 8, 13, 100])
def test_a_position_goes_everywhere_equally_often(n):
    """Over 20,000 keys, for the first and the last position."""
    position = jnp.array([0, n - 1])
    image = np.asarray(jax.vmap(lambda seed: order(seed, n, position))(jnp.arange(TRIALS)))
    for column in image.T:
        assert chi_square(np.bincount(column, minlength=n), TRIALS / n) < 5


@pytest.mark.parametrize("n", [5, 13, 16])
def test_neighbours_part(n):
    """The step from where position 0 goes to where position 1 goes is any but 0, equally often."""
    image = np.asarray(jax.vmap(lambda s: order(s, n, jnp.array([0, 1])))(jnp.arange(TRIALS)))
    step = (image[:, 1] - image[:, 0]) % n
    counts = np.bincount(step, minlength=n)
    assert counts[0] == 0
    assert chi_square(counts[1:], TRIALS / (n - 1)) < 5


@jax.jit
def epoch(sampler, table, seed):
    """The rows of 40 batches; an epoch has that many or fewer."""
    constants = sampler.shuffle(jax.random.key(seed))
    return jax.vmap(lambda t: sampler.draw(table, constants, t))(jnp.arange(40))


@settings(max_examples=examples(40), deadline=None)
@given(
    seed=keys,
    n=st.integers(2, 60),
    batch=st.sampled_from([2, 8, 32]),
    anomalies=st.integers(0, 5),
    labelled=st.booleans(),
)
def test_an_epoch_visits_every_row_that_takes_part_and_no_other(
    seed, n, batch, anomalies, labelled
):
    label = np.zeros(n + anomalies)
    label[np.random.default_rng(seed).permutation(n + anomalies)[:anomalies]] = -1
    train = data(label, padding=80 - len(label))
    sampler = ShuffledEpochs(batch, float(labelled))
    steps = int(sampler.steps_per_epoch(train))
    drawn = np.asarray(epoch(sampler, sampler.init(train), seed))[:steps]

    part = np.flatnonzero((label >= 0) | labelled)
    assert steps == -(-len(part) // batch)
    visits = Counter(drawn.ravel().tolist())
    assert set(visits) == set(part.tolist())
    assert max(visits.values()) - min(visits.values()) <= 1
    if len(part) >= batch:
        assert all(len(set(row.tolist())) == batch for row in drawn)


def test_each_epoch_has_an_order_of_its_own():
    sampler, train = ShuffledEpochs(64), data(np.zeros(64))
    one, two = (epoch(sampler, sampler.init(train), seed)[0] for seed in (0, 1))
    assert np.mean(np.asarray(one) == np.asarray(two)) < 0.2


def test_steps_are_counted_for_each_seed():
    label = np.zeros((2, 40), np.int8)
    label[0, :10] = -1
    count = np.array([40, 17], np.int32)
    train = TrainData(np.zeros((2, 40, 2), np.float32), label, count, np.full(2, 2, np.int32))
    np.testing.assert_array_equal(ShuffledEpochs(8, 1.0).steps_per_epoch(train), [5, 3])
    np.testing.assert_array_equal(ShuffledEpochs(8, 0.0).steps_per_epoch(train), [4, 3])
