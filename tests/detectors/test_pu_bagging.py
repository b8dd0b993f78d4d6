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


@pytest.fixture
def bags(monkeypatch):
    """The inputs of each bag that is fitted, and which of them are labelled anomalies."""
    found = []
    plain = pu_bagging._fit_tree

    def watch(inputs, anomalous, depth, seed):
        found.append((inputs, anomalous))
        return plain(inputs, anomalous, depth, seed)

    monkeypatch.setattr(pu_bagging, "_fit_tree", watch)
    return found


def test_a_bag_holds_all_labels_and_few_unlabelled_rows(rows, bags):
    x, y = rows
    y = y.copy()
    y[:3] = 1
    fit(x, y, outlier_scores=False, ratio=5.0)
    assert len(bags) == 30
    normals = {tuple(row) for row in x[y > 0].astype(float)}
    numbers = set()
    for inputs, anomalous in bags:
        assert anomalous.sum() == 5 and len(inputs) == 5 + 3 + 25
        np.testing.assert_array_equal(inputs[:5], x[y < 0])
        drawn = {tuple(row) for row in inputs[5:8]}
        assert drawn <= normals
        numbers.add(len(drawn))
        assert len(np.unique(inputs[8:], axis=0)) == 25
    assert numbers == {1, 2, 3}  # they are drawn with replacement
    assert not np.array_equal(bags[0][0], bags[1][0])


def test_verified_normal_rows_have_votes_of_trees_that_have_not_seen_them():
    """Votes of trees that have are 0, and no further row would look normal beside them."""
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal(size=(90, 3)), rng.normal(1.5, 1, (30, 3))])
    y = np.where(np.arange(120) >= 90, -1, 1)
    bags = pu_bagging.fit_bags(x, y.astype(np.int8), pu_bagging.Bags(members=60), 0)
    fresh = pu_bagging.vote(bags.trees, rng.normal(size=(500, 3)))
    assert abs(bags.out_of_bag[y > 0].mean() - fresh.mean()) < 0.03


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


@pytest.fixture(scope="module")
def wrong(rows):
    """The rows with ten labelled anomalies, of which the first two are normal."""
    x, _ = rows
    y = np.zeros(len(x), np.int8)
    y[[0, 1, *range(397, 405)]] = -1
    return x, y


@pytest.mark.parametrize("name", ["pu_bagging", "auto"])
def test_wrong_labels_weigh_less_by_agreement(wrong, name):
    x, y = wrong
    train = jaxad.as_train_data(x, y)
    truth, others = np.arange(len(x)) >= 300, y == 0
    found = {}
    for weights in ("equal", "agreement"):
        made = jaxad.make(name, train, members=60, label_weights=weights)
        fitted = jaxad.fit(made, train)
        found[weights] = jaxad.score(fitted, x)[0]
        if weights == "agreement":
            out_of_bag = fitted.models[0].out_of_bag[y < 0]
            assert out_of_bag[:2].max() < out_of_bag[2:].min()
    # Without noise the neighbourhood of the wrong labels is normal.
    near = np.argsort(((x[others] - x[0]) ** 2).sum(1))[:5]
    assert found["agreement"][others][near].mean() < found["equal"][others][near].mean()
    equal, weighed = (roc_auc_score(truth[others], found[w][others]) for w in found)
    assert weighed >= equal


def test_agreement_is_the_square_of_the_larger_place():
    label = np.array([0, 1, 0, 0, -1, -1, -1], np.int8)
    votes = np.array([0.1, 0.2, 0.3, 0.4, 0.25, 0.0, 0.9])
    outlying = np.array([4.0, 3.0, 2.0, 1.0, 0.0, 3.5, 0.0])
    expected = np.array([0.5, 0.75, 1.0]) ** 2 + 1e-3
    weights = pu_bagging.compute_agreement(votes, label, outlying)
    np.testing.assert_allclose(weights, expected / expected.sum())
    np.testing.assert_array_equal(
        weights, pu_bagging.compute_agreement(np.exp(votes), label, outlying**3)
    )
    alone = np.array([0.5, 0.0, 1.0]) ** 2 + 1e-3
    np.testing.assert_allclose(pu_bagging.compute_agreement(votes, label), alone / alone.sum())


def test_bags_by_agreement_draw_labelled_anomalies_with_replacement(wrong, bags):
    x, y = wrong
    settings = pu_bagging.Bags(members=200, label_weights="agreement")
    fitted = pu_bagging.fit_bags(x, y, settings, 0)
    assert len(bags) == 400
    labelled, times = x[y < 0], np.zeros((2, 10))
    for i, (inputs, anomalous) in enumerate(bags):
        drawn = inputs[anomalous]
        assert len(drawn) == 10
        same = (drawn[:, None] == labelled[None]).all(-1)
        assert same.any(1).all()
        times[i // 200] += same.sum(0)
    # 2,000 draws each: first all alike, then the wrong labels less often.
    assert np.abs(times[0] / 200 - 1).max() < 0.35
    assert times[1, :2].max() < 0.5 * times[1, 2:].mean()
    assert len(fitted.trees) == 200


@pytest.mark.parametrize("name", ["pu_bagging", "auto"])
def test_one_label_has_the_whole_weight(rows, name):
    x, y = rows
    train = jaxad.as_train_data(x, np.where(np.arange(len(y)) == 404, -1, 0).astype(np.int8))
    scores = [
        jaxad.score(jaxad.fit(jaxad.make(name, train, members=20, label_weights=w), train), x)
        for w in ("equal", "agreement")
    ]
    np.testing.assert_array_equal(*scores)
    with pytest.raises(ConfigError, match="label_weights must be 'equal' or 'agreement'"):
        jaxad.make(name, train, label_weights="none")
