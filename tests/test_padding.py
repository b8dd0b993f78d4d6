"""Padded rows and columns: what is behind the count changes nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxad import padding
from jaxad.types import TrainData

FEW = settings(max_examples=examples(30), deadline=None)
sizes = st.integers(1, 40)


def masked(n, count, seed=0):
    x = np.random.default_rng(seed).normal(size=n).astype(np.float32)
    where = np.zeros(n, bool)
    where[np.random.default_rng(seed + 1).permutation(n)[:count]] = True
    return x, where


@FEW
@given(n=st.sampled_from([7, 16, 33]), block=st.sampled_from([1, 4, 16, 50]), share=st.floats(0, 1))
def test_map_rows_is_the_function_on_every_valid_row(n, block, share):
    count = int(share * n)
    x = np.arange(2.0 * n, dtype=np.float32).reshape(n, 2)
    out = padding.map_rows(
        lambda x: {"sum": x.sum(1), "twice": 2 * x}, jnp.asarray(x), count, block
    )
    np.testing.assert_array_equal(out["sum"][:count], x.sum(1)[:count])
    np.testing.assert_array_equal(out["twice"][:count], 2 * x[:count])


def test_map_rows_counts_each_seed_for_itself_under_vmap():
    x = jnp.arange(40.0).reshape(2, 20, 1)
    run = jax.vmap(lambda x, count: padding.map_rows(lambda x: x[:, 0] + 1, x, count, block=4))
    out = run(x, jnp.array([3, 17]))
    np.testing.assert_array_equal(out[0, :3], x[0, :3, 0] + 1)
    np.testing.assert_array_equal(out[1, :17], x[1, :17, 0] + 1)


@FEW
@given(count=st.integers(1, 40), nu=st.floats(1 / 64, 1, width=32), seed=st.integers(0, 99))
def test_masked_exceeded_minimises_the_loss_of_the_soft_boundary(count, nu, seed):
    x, where = masked(40, count, seed)
    rows = x[where].astype(np.float64)
    found = float(padding.masked_exceeded(jnp.asarray(x), jnp.asarray(where), nu))
    losses = [r + np.maximum(0, rows - r).mean() / nu for r in (*rows, found)]
    assert found in rows.astype(np.float32)
    assert losses[-1] <= min(losses) + 1e-4 * np.abs(losses).max()
    assert nu == 1 or np.sum(rows > found) <= nu * count + 1e-4


@FEW
@given(count=st.integers(0, 40), seed=st.integers(0, 99))
def test_masked_mean_is_that_of_the_rows_where_the_mask_holds(count, seed):
    x, where = masked(40, count, seed)
    x = np.stack([x, np.where(where, x, np.nan)], axis=1)
    want = x[where].mean(axis=0) if count else np.zeros(2)
    mean = padding.masked_mean(jnp.asarray(x), jnp.asarray(where))
    np.testing.assert_allclose(mean, want, rtol=1e-5, atol=1e-6)


@FEW
@given(features=st.integers(1, 5_000), n=st.integers(1, 2_000_000))
def test_buckets_hold_their_data_and_are_buckets_of_themselves(features, n):
    columns = padding.bucket_features(features)
    length = padding.bucket_rows(n, (columns,))
    assert columns >= features and padding.bucket_features(columns) == columns
    assert length >= n and padding.bucket_rows(length, (columns,)) == length
    assert columns <= max(32, 2 * features)


@pytest.mark.parametrize("seeds", [None, 3])
def test_padding_keeps_the_data_in_front_of_zeros(seeds):
    lead = () if seeds is None else (seeds,)
    x = np.random.default_rng(0).normal(size=(*lead, 50, 7)).astype(np.float32)
    count = np.full(lead, 50, np.int32)
    padded = padding.pad_to_buckets(TrainData(x, np.ones(x.shape[:-1], np.int8), count, count))
    assert padded.x.shape == (*lead, padding.bucket_rows(50, (32,)), 32)
    np.testing.assert_array_equal(padded.x[..., :50, :7], x)
    assert padded.label[..., :50].all()
    assert not padded.label[..., 50:].any()
    assert np.count_nonzero(padded.x) == np.count_nonzero(x)


def test_images_keep_their_shape_and_type():
    x = np.ones((5, 8, 8, 1), np.uint8)
    padded = padding.pad_to_buckets(TrainData(x, np.zeros(5, np.int8), np.int32(5), np.int32(1)))
    assert padded.x.shape == (1024, 8, 8, 1) and padded.x.dtype == np.uint8


@pytest.mark.parametrize("module", [np, jnp])
def test_pad_axis_adds_zeros_behind(module):
    x = module.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(padding.pad_axis(x, 5, 1), [[0, 1, 2, 0, 0], [3, 4, 5, 0, 0]])
    assert padding.pad_axis(x, 2, 0) is x
