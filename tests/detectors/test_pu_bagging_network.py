"""Bags of networks: what each member sees, and that members are the detector that they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

import jaxad
from jaxad.detectors.members import get_member_scores, map_members
from jaxad.errors import ConfigError, DataError
from jaxad.sampling.bags import Bags
from jaxad.types import TrainData


def make_data(anomalies, normals, unlabelled, seed=0):
    label = np.repeat([-1, 1, 0], [anomalies, normals, unlabelled]).astype(np.int8)
    label = np.random.default_rng(seed).permutation(label)
    room = np.concatenate([label, np.resize(np.array([-1, 0, 1], np.int8), 80 - len(label))])
    return TrainData(np.zeros((80, 2), np.float32), room, np.int32(len(label)), np.int32(2))


@jax.jit
def draw_steps(sampler, table, seed, steps):
    order = sampler.shuffle(jax.random.key(seed))
    return jax.vmap(lambda t: sampler.draw(table, order, t))(steps)


def draw_all(sampler, train, seed=0):
    """The rows of all batches of an epoch."""
    return np.asarray(draw_steps(sampler, sampler.init(train), seed, np.arange(sampler.steps)))


@settings(max_examples=examples(40), deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    anomalies=st.integers(1, 9),
    normals=st.integers(0, 4),
    unlabelled=st.integers(1, 60),
    ratio=st.sampled_from([0.5, 2.0, 3.0]),
)
def test_each_member_keeps_a_bag_of_few_rows(seed, anomalies, normals, unlabelled, ratio):
    train = make_data(anomalies, normals, unlabelled, seed)
    sampler = Bags(3, 8, 6, ratio, 20)
    rows = draw_all(sampler, train, seed).reshape(20, 3, 8)
    assert rows.min() >= 0 and rows.max() < train.count
    assert (train.label[rows[..., :4]] < 0).all()
    assert (train.label[rows[..., 4:]] >= 0).all()
    want = min(unlabelled + normals, max(6, round(ratio * anomalies)))
    bags = [np.unique(rows[:, member, 4:]) for member in range(3)]
    assert [len(bag) for bag in bags] == [want] * 3


def test_bags_differ_between_members():
    sampler = Bags(5, 4, 6, 1.0, 10)
    rows = draw_all(sampler, make_data(2, 0, 60)).reshape(10, 5, 4)[..., 2:]
    bags = {tuple(np.unique(rows[:, member])) for member in range(5)}
    assert len(bags) == 5


def test_members_are_the_detector_alone(toy):
    alone = jaxad.make("devnet", toy.train, widths=(4,))
    both = map_members(alone, 3)
    key, rows = jax.random.key(1), np.arange(12)
    state = both.init(key, toy.train)
    batch = jaxad.types.Batch(toy.train.x[rows], toy.train.label[rows], rows, jnp.float32(0.5))
    new, info = both.update(state, batch, key)
    scores, losses = [], []
    for member in range(3):
        own = jax.random.fold_in(key, member)
        part = rows[4 * member : 4 * member + 4]
        small = batch._replace(x=toy.train.x[part], label=toy.train.label[part], index=part)
        one, of_one = alone.update(alone.init(own, toy.train), small, own)
        scores.append(alone.score(one, toy.test.x))
        losses.append(of_one["loss"])
    np.testing.assert_allclose(both.score(new, toy.test.x), np.mean(scores, axis=0), rtol=1e-5)
    np.testing.assert_allclose(info["loss"], np.mean(losses), rtol=1e-5)


@pytest.mark.parametrize("member", ["classifier", "deep_sad(widths=(8, 4))", "anoonly_devnet"])
def test_any_detector_of_labels_is_a_member(toy, member):
    detector = jaxad.make("pu_bagging_network", toy.train, member=member, members=4, epochs=30)
    fit = jaxad.fit(detector, toy.train)
    scores = jaxad.score(fit, toy.test)
    assert scores.shape == (1, len(toy.test.x))
    assert roc_auc_score(toy.test.label, scores[0]) > 0.9


def test_the_audit_reads_scores_of_members_whose_bag_lacks_the_row(toy, tmp_path):
    settings = {"members": 5, "epochs": 10, "unlabelled": 30}
    fit = jaxad.fit(jaxad.make("pu_bagging_network", toy.train, **settings), toy.train, seeds=2)
    found = jaxad.audit(fit, toy.train)
    assert found.method == "out_of_bag"
    in_bag = np.asarray(fit.state.weighting.in_bag)
    anomalous, n = toy.train.label < 0, int(toy.train.count)
    assert in_bag[..., : len(anomalous)][..., anomalous].all()
    assert (in_bag.sum(axis=-1) - anomalous.sum() == 30).all() and in_bag[..., n:].sum() == 0
    scores = jax.vmap(get_member_scores(fit.detector), (0, None))(fit.state, toy.train.x)
    for seed, row in ((0, np.flatnonzero(toy.train.label == 0)[0]), (1, n - 1)):
        away = ~in_bag[seed, :, row]
        if toy.train.label[row] == 0 and away.any():
            want = np.asarray(scores)[seed, row, away].mean()
            np.testing.assert_allclose(found.suspicion[seed, row], want, rtol=1e-4)
    assert not np.allclose(
        found.suspicion, jaxad.audit(fit, toy.train, "score").suspicion, equal_nan=True
    )
    jaxad.save(fit, tmp_path / "model")
    loaded, _ = jaxad.load(tmp_path / "model")
    again = jaxad.audit(loaded, toy.train).suspicion
    np.testing.assert_allclose(again, found.suspicion, rtol=1e-5)


def test_records_of_members_are_summed(toy):
    member = "deep_sad(widths=(4,), weighting='by_label, latent_outlier_exposure(0.1)')"
    detector = jaxad.make("pu_bagging_network", toy.train, member=member, members=3, epochs=5)
    found = jaxad.audit(jaxad.fit(detector, toy.train), toy.train, "exposure")
    assert np.isfinite(found.suspicion[0, toy.train.label == 0]).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"member": "iforest"}, "iforest does not"),
        ({"member": "pu_bagging_network"}, "name a single detector"),
        ({"member": "clasifier"}, "classifier"),
        ({"member": "prenet"}, "trained on single rows; prenet is not"),
        ({"member": "devnet(margn=2)"}, "margin"),
        ({"member": "devnet, classifier"}, "one detector"),
        ({"batch_size": 1}, "batch_size must be a whole number of at least 2"),
        ({"ratio": -1.0}, "ratio must be > 0"),
    ],
)
def test_settings_are_checked(toy, settings, message):
    with pytest.raises(ConfigError, match=message):
        jaxad.make("pu_bagging_network", toy.train, **settings)


def test_labelled_anomalies_are_needed(toy):
    bare = toy.train._replace(label=np.zeros_like(toy.train.label))
    with pytest.raises(DataError, match="labelled anomalies must be given"):
        jaxad.make("pu_bagging_network", bare)
