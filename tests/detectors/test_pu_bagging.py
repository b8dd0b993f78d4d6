"""Bags of trees on labelled anomalies against few unlabelled rows."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import jaxad
from jaxad.detectors.classical import pu_bagging
from jaxad.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def rows():
    """Two clusters, of normal rows and anomalies; a quarter of the unlabelled are anomalies."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(300, 4)), rng.normal(2.5, 1, (105, 4))])
    y = np.concatenate([np.zeros(400, np.int8), np.full(5, -1, np.int8)])
    return x.astype(np.float32), y


def fit(x, y, **settings):
    train = jaxad.as_train_data(x, y)
    return jaxad.fit(jaxad.make("pu_bagging", train, members=30, **settings), train)


@pytest.mark.parametrize("outlier_scores", [False, True])
def test_hidden_anomalies_do_not_hide_their_kind(rows, outlier_scores):
    x, y = rows
    score = jaxad.score(fit(x, y, outlier_scores=outlier_scores), x)[0]
    truth = np.arange(len(x)) >= 300
    assert roc_auc_score(truth[:400], score[:400]) > 0.95
    assert score.min() >= 0 and score.max() <= 1


def test_a_bag_holds_all_labels_and_few_unlabelled_rows(rows, monkeypatch):
    x, y = rows
    y = y.copy()
    y[:3] = 1
    bags = []
    plain = pu_bagging._fit_tree

    def watch(inputs, anomalous, depth, seed):
        bags.append((inputs, anomalous))
        return plain(inputs, anomalous, depth, seed)

    monkeypatch.setattr(pu_bagging, "_fit_tree", watch)
    fit(x, y, outlier_scores=False, ratio=5.0)
    assert len(bags) == 30
    for inputs, anomalous in bags:
        assert anomalous.sum() == 5 and len(inputs) == 5 + 3 + 25
        np.testing.assert_array_equal(inputs[:5], x[y < 0])
        np.testing.assert_array_equal(inputs[5:8], x[y > 0])
        assert len(np.unique(inputs, axis=0)) == len(inputs)
    assert not np.array_equal(bags[0][0], bags[1][0])


def test_scores_out_of_bag_are_those_of_the_other_trees(rows):
    x, y = rows
    bags = pu_bagging.fit_bags(x, y, pu_bagging.Bags(members=40), 0)
    rng = np.random.default_rng(0)
    unlabelled, total, voters = np.flatnonzero(y == 0), np.zeros(len(x)), np.zeros(len(x))
    for tree in bags.trees:
        drawn = rng.choice(unlabelled, 20, replace=False)
        rng.integers(2**31)
        outside = np.setdiff1d(unlabelled, drawn)
        total[outside] += tree.predict_proba(x[outside])[:, -1]
        voters[outside] += 1
    np.testing.assert_allclose(bags.out_of_bag[y == 0], total[y == 0] / voters[y == 0])
    np.testing.assert_allclose(bags.out_of_bag[y < 0], pu_bagging.vote(bags.trees, x)[y < 0])


def test_fewer_unlabelled_rows_than_a_bag_wants_are_all_taken():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=(8, 2)), [[6.0, 6.0]]]).astype(np.float32)
    y = np.array([0] * 8 + [-1], np.int8)
    fitted = fit(x, y)
    assert jaxad.score(fitted, x)[0].argmax() == 8
    np.testing.assert_allclose(fitted.models[0].out_of_bag, fitted.models[0](x.astype(float)))


def test_one_label_is_enough_and_none_is_an_error(rows):
    x, y = rows
    y = np.where(np.arange(len(y)) == 404, -1, 0).astype(np.int8)
    score = jaxad.score(fit(x, y), x)[0]
    assert roc_auc_score(np.arange(404) >= 300, score[:404]) > 0.8
    with pytest.raises(DataError, match="labelled anomalies must be given for pu_bagging"):
        fit(x, np.zeros_like(y))
    with pytest.raises(DataError, match="at least 2 rows that are not labelled"):
        fit(x[:3], np.array([0, -1, -1], np.int8))


@pytest.mark.parametrize("name", ["pu_bagging", "auto"])
def test_all_rows_may_be_labelled(rows, name):
    x, _ = rows
    y = np.where(np.arange(len(x)) >= 300, -1, 1).astype(np.int8)
    train = jaxad.as_train_data(x, y)
    fitted = jaxad.fit(jaxad.make(name, train, members=20), train)
    assert roc_auc_score(y < 0, jaxad.score(fitted, x)[0]) > 0.95
    with pytest.raises(DataError, match="no unlabelled rows"):
        jaxad.audit(fitted, train)


def test_labels_at_odds_put_a_row_in_the_middle(rows):
    x, y = rows
    x = np.concatenate([x, x[-1:]])
    y = np.append(y, 1).astype(np.int8)
    score = jaxad.score(fit(x, y, outlier_scores=False), x)[0]
    np.testing.assert_allclose(score[[-2, -1]], 0.5)
    assert np.sort(score[400:404])[0] > 0.8


def test_unlabelled_copies_of_a_labelled_row_share_its_score(rows):
    x, y = rows
    x = np.concatenate([x, x[-3:]])
    y = np.append(y, np.zeros(3)).astype(np.int8)
    fitted = fit(x, y)
    score = jaxad.score(fitted, x)[0]
    np.testing.assert_array_equal(score[-3:], score[-6:-3])
    suspicion = jaxad.audit(fitted, jaxad.as_train_data(x, y)).combined
    assert suspicion[-3:].min() > 0.9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unlabelled": 0}, "unlabelled must be a whole number of at least 1"),
        ({"ratio": 0.0}, "ratio must be > 0"),
        ({"depth": 0}, "depth must be a whole number of at least 1, or None"),
        ({"reference": 1}, "reference must be"),
        ({"outlier_scores": 1}, "outlier_scores must be True or False"),
    ],
)
def test_settings_are_checked(rows, settings, message):
    with pytest.raises(ConfigError, match=message):
        fit(*rows, **settings)


@pytest.mark.parametrize("outlier_scores", [False, True])
def test_bags_are_saved_with_their_inputs(rows, tmp_path, outlier_scores):
    x, y = rows
    fitted = fit(x, y, outlier_scores=outlier_scores)
    jaxad.save(fitted, tmp_path / "model")
    loaded, _ = jaxad.load(tmp_path / "model")
    np.testing.assert_array_equal(jaxad.score(loaded, x), jaxad.score(fitted, x))
