"""Balanced batches and pairs: their composition, and which rows are never drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxad.errors import DataError
from jaxad.sampling.balanced import Balanced, Unlabelled
from jaxad.sampling.pairs import Pairs
from jaxad.types import TrainData

ROOM = 90
keys = st.integers(0, 2**31 - 1)


def data(anomalies, normals, unlabelled, seed=0):
    """Rows of three kinds in random order, with padding that has a label too."""
    label = np.repeat([-1, 1, 0], [anomalies, normals, unlabelled])
    label = np.random.default_rng(seed).permutation(label)
    padding = np.resize([-1, 0, 1], ROOM - len(label))
    both = np.concatenate([label, padding]).astype(np.int8)
    return TrainData(np.zeros((ROOM, 2), np.float32), both, np.int32(len(label)), np.int32(2))


@jax.jit
def epoch(sampler, table, seed):
    """The rows of the first 6 batches."""
    order = sampler.shuffle(jax.random.key(seed))
    return jax.vmap(lambda t: sampler.draw(table, order, t))(jnp.arange(6))


def drawn(sampler, train, seed=0):
    return np.asarray(epoch(sampler, sampler.init(train), seed))


kinds = {"anomalies": st.integers(1, 9), "normals": st.integers(0, 4)}


@settings(max_examples=examples(40), deadline=None)
@given(seed=keys, rest=st.integers(1, 70), batch=st.sampled_from([2, 7, 32]), **kinds)
def test_half_a_batch_are_labelled_anomalies_and_half_are_not(
    seed, rest, batch, anomalies, normals
):
    train = data(anomalies, normals, rest, seed)
    rows = drawn(Balanced(batch, 6), train, seed)
    assert rows.min() >= 0 and rows.max() < train.count
    label = train.label[rows]
    half = batch // 2
    assert (label[:, :half] == -1).all() and (label[:, half:] >= 0).all()
    # The rest is not repeated before all of it was drawn, be it less than half a batch.
    times = np.bincount(rows[:, half:].ravel(), minlength=ROOM)[: train.count]
    times = times[train.label[: train.count] >= 0]
    assert times.max() - times.min() <= 1


@settings(max_examples=examples(40), deadline=None)
@given(seed=keys, rest=st.integers(1, 70), batch=st.sampled_from([4, 9, 32]), **kinds)
def test_pairs_are_half_nn_a_quarter_na_and_a_quarter_aa(seed, rest, batch, anomalies, normals):
    train = data(anomalies, normals, rest, seed)
    rows = drawn(Pairs(batch, 6), train, seed)
    assert rows.shape == (6, batch, 2)
    assert rows.min() >= 0 and rows.max() < train.count
    anomalous = train.label[rows] < 0
    quarter = batch // 4
    nn, na, aa = np.split(anomalous, [batch - 2 * quarter, batch - quarter], axis=1)
    assert not nn.any() and aa.all() and na[..., 0].all() and not na[..., 1].any()
    pairs = rows[:, batch - quarter :]
    assert (pairs[..., 0] == pairs[..., 1]).all() == (anomalies == 1)
    if anomalies > 1:
        assert (pairs[..., 0] != pairs[..., 1]).all()


def test_anomalies_are_drawn_equally_often_and_so_are_their_partners():
    train = data(5, 0, 40)
    rows = np.concatenate([drawn(Pairs(32, 6), train, seed) for seed in range(300)])
    aa = rows[:, 24:].reshape(-1, 2)
    names = np.flatnonzero(train.label[: train.count] < 0)
    first, second = np.searchsorted(names, aa.T)
    counts = np.zeros((5, 5))
    np.add.at(counts, (first, second), 1)
    off = counts[~np.eye(5, dtype=bool)]
    expected = len(aa) / 20
    chi_square = ((off - expected) ** 2 / expected).sum()
    assert (chi_square - 19) / np.sqrt(38) < 5


def test_anomalies_are_drawn_with_repetition():
    """Of 16 anomalies 16 draws without repetition would be all of them, always."""
    rows = np.concatenate([drawn(Balanced(32, 6), data(16, 0, 40), s)[:, :16] for s in range(100)])
    different = np.mean([len(set(row.tolist())) for row in rows])
    np.testing.assert_allclose(different, 16 * (1 - (15 / 16) ** 16), rtol=0.02)


@pytest.mark.parametrize("sampler", [Balanced(8, 6), Pairs(8, 6), Unlabelled(8, 6)])
def test_epochs_have_an_order_of_their_own_and_steps_too(sampler):
    train = data(6, 0, 60)
    one, two = drawn(sampler, train, 1), drawn(sampler, train, 2)
    assert np.mean(one == two) < 0.4
    assert np.mean(one[0] == one[1]) < 0.4


@pytest.mark.parametrize("make", [Balanced, Pairs, Unlabelled])
def test_labelled_normals_can_be_left_out(make):
    train = data(3, 9, 30)
    assert 1 in train.label[drawn(make(16, 6), train)]
    assert 1 not in train.label[drawn(make(16, 6, labelled_normals=0.0), train)]


def test_unlabelled_batches_hold_no_labelled_anomaly():
    rows = drawn(Unlabelled(10, 6), data(8, 2, 30))
    assert rows.shape == (6, 10)
    assert (data(8, 2, 30).label[rows] >= 0).all()


@pytest.mark.parametrize("sampler", [Balanced(8, 5), Pairs(8, 5), Unlabelled(8, 5)])
def test_a_seed_s_table_is_that_of_the_seed_alone(sampler):
    parts = [data(3, 1, 20), data(6, 0, 50, seed=1)]
    both = jax.tree.map(lambda *leaves: np.stack(leaves), *parts)
    table = sampler.init(both)
    np.testing.assert_array_equal(sampler.steps_per_epoch(both), [5, 5])
    assert sampler.steps_per_epoch(parts[0]) == 5
    for i, part in enumerate(parts):
        of_seed = jax.tree.map(lambda leaf, i=i: leaf[i], table)
        jax.tree.map(np.testing.assert_array_equal, sampler.init(part), of_seed)


def test_steps_are_a_number_that_programs_share():
    structure = jax.tree.structure
    assert structure(Balanced(8, 5)) == structure(Balanced(8, 50))
    assert structure(Balanced(8, 5)) != structure(Balanced(16, 5))


@pytest.mark.parametrize("make", [Balanced, Pairs])
def test_without_labelled_anomalies_in_some_split_there_are_no_balanced_batches(make):
    parts = [data(2, 0, 20), data(0, 2, 20)]
    both = jax.tree.map(lambda *leaves: np.stack(leaves), *parts)
    for train in (parts[1], both):
        with pytest.raises(DataError, match="at least 1 labelled anomaly"):
            make(8, 5).init(train)
    with pytest.raises(DataError, match="at least 1 row that is not a labelled anomaly"):
        make(8, 5, labelled_normals=0.0).init(data(3, 2, 0))
