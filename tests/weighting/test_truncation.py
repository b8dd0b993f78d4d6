"""Loss truncation: which rows are kept, and how the part that is used grows."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxad.errors import ConfigError
from jaxad.weighting import loss_truncation


def test_the_rows_with_the_largest_losses_are_left_out(step):
    loss = np.arange(10.0)
    weights = step(loss_truncation(0.8, start=1), loss)
    np.testing.assert_allclose(weights.normal, [10 / 8] * 8 + [0, 0])
    # The mean over the batch is the mean over the rows that are kept.
    assert np.mean(weights.normal * loss) == pytest.approx(np.mean(loss[:8]))


def test_labelled_rows_keep_their_weights(step):
    weights = step(loss_truncation(0.5, start=1), [1.0, 2, 3, 4, 99, 0], [0, 0, 0, 0, -1, 1])
    np.testing.assert_allclose(weights.normal, [2, 2, 0, 0, 1, 1])


def test_nothing_changes_without_truncation_and_growth(step):
    loss = np.random.default_rng(0).exponential(size=33)
    np.testing.assert_allclose(step(loss_truncation(1, start=1), loss).normal, 1)


def test_the_part_that_is_used_grows_to_all_rows(step):
    weighting, state, used = loss_truncation(1, start=0.25, growth=1.5), None, []
    for key in range(6):
        weights = step(weighting, np.ones(40), state=state, key=key)
        state = weights.state
        used.append(int((weights.normal > 0).sum()))
        assert weights.normal.sum() == pytest.approx(40, rel=1e-5)
    assert used == [min(40, int(np.ceil(10 * 1.5**t - 1e-4))) for t in range(6)]
    far = step(weighting, np.ones(40), state=jnp.asarray(1e6))  # the power is infinite
    np.testing.assert_allclose(far.normal, 1)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from([1, 7, 32]), st.floats(0.02, 1), st.floats(0.02, 1), st.integers(0, 99))
def test_the_counts_are_exact_with_ties(step, n, rho, start, key):
    loss = np.random.default_rng(key).integers(0, 4, n).astype(float)
    weights = step(loss_truncation(rho, start), loss, key=key)
    size = np.ceil(np.float32(n) * np.float32(start) - 1e-4)
    assert (weights.normal > 0).sum() == np.ceil(np.float32(rho) * np.float32(size) - 1e-4)
    assert weights.normal.sum() == pytest.approx(n, rel=1e-4)


@pytest.mark.parametrize("labels", [[-1, 1, -1], [1, 1, 1]])
def test_a_batch_without_unlabelled_rows_stays_as_it_is(step, labels):
    np.testing.assert_array_equal(step(loss_truncation(), [1.0, 2, 3], labels).normal, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("rho", 0), ("rho", 1.1), ("start", -1), ("growth", 0.9), ("growth", np.inf)],
)
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"{name} must be .*; given"):
        loss_truncation(**{name: value})
