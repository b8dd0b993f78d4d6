"""Random orders from keys, and the toy sets drawn with them."""

import jax
import numpy as np
import pytest
from scipy import stats

from jaxad.data import blobs, contaminate, load_dataset, monotone_sequences, two_moons
from jaxad.data.rng import Stream, as_key
from jaxad.errors import ConfigError

PERMUTATION = [0, 3, 7, 5, 1, 2, 6, 4]


def test_order_of_a_key_never_changes():
    """The numbers were computed once; a change breaks every published split."""
    assert Stream(0).permutation(0, 8).tolist() == PERMUTATION
    assert Stream(jax.random.key(0)).permutation(0, 8).tolist() == PERMUTATION


def test_stages_and_keys_have_their_own_numbers():
    orders = {
        tuple(Stream(key).permutation(stage, 30)) for key in (0, 1, -1, 7) for stage in (0, 1)
    }
    assert len(orders) == 8


def test_permutation_is_uniform():
    counts = np.bincount([Stream(i).permutation(0, 3)[0] for i in range(600)], minlength=3)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_uniform_and_normal_have_their_distributions():
    assert stats.kstest(Stream(0).uniform(0, 2000), "uniform").pvalue > 1e-3
    assert stats.kstest(Stream(0).normal(0, 40, 50).ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("key", [None, 1.5, "0", True, np.zeros(2, np.uint32)])
def test_other_things_are_no_keys(key):
    with pytest.raises(ConfigError, match="key is"):
        Stream(key)


def test_several_keys_are_refused():
    with pytest.raises(ConfigError, match="a single key, and the number of seeds"):
        Stream(jax.random.split(jax.random.key(0)))


def test_normal_sequences_increase_and_anomalous_ones_decrease():
    data = monotone_sequences(3, n_normal=20, n_anomaly=10, length=6)
    steps = np.diff(data.x, axis=1)
    assert (steps[data.y == 0] > 0).all()
    assert (steps[data.y == 1] < 0).all()
    assert data.x.min() >= 0
    assert data.x.max() <= 1


def test_moons_without_noise_lie_on_their_half_circles():
    data = two_moons(0, n_normal=100, n_anomaly=10, noise=0.0)
    big, small = data.x[:80], data.x[80:100]
    np.testing.assert_allclose(np.hypot(*big.T), 1.0)
    np.testing.assert_allclose(np.hypot(*(small - [1.0, 0.25]).T), 0.5)
    assert (big[:, 1] >= 0).all()
    assert (small[:, 1] <= 0.25).all()


def test_toy_sets_follow_their_key_and_are_bundled():
    np.testing.assert_array_equal(load_dataset("blobs").x, blobs(0).x)
    assert not np.array_equal(blobs(1).x, blobs(0).x)
    assert blobs(features=5).x.shape == (600, 5)
    assert load_dataset("two_moons").y.sum() == 200
    assert load_dataset("monotone").scaling == "none"


def test_a_split_by_the_key_of_a_toy_set_is_as_random_as_another():
    """The same bits for points and for the split would sort a moon's points into its parts."""
    data = two_moons(0, noise=0.0)
    split = contaminate(data, 0, contamination=0.0)
    height = data.x[:800, 1]  # of the big moon: 0 at both ends, the sine of the angle
    rows = split.train_rows[split.train_rows < 800]
    angle = np.arctan2(height, data.x[:800, 0])
    assert abs(angle[rows].mean() - angle.mean()) < 0.1
    assert angle[rows].min() < 0.1 and angle[rows].max() > np.pi - 0.1


@pytest.mark.parametrize("seed", [0, 7, -5, 2**31, 2**32 + 7, -(2**40), np.uint32(3)])
@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
@pytest.mark.parametrize("wide", [False, True])
def test_an_integer_is_the_seed_of_jax(seed, impl, wide):
    with jax.default_prng_impl(impl), jax.enable_x64(wide):
        made, expected = as_key(seed), jax.random.key(int(seed))
        assert made.dtype == expected.dtype
        assert (jax.random.key_data(made) == jax.random.key_data(expected)).all()


def test_a_seed_beyond_64_bits_is_an_error():
    with pytest.raises(OverflowError):
        as_key(2**63)
