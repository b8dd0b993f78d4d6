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

    def watch(inputs, anomalous, seed):
        bags.append((inputs, anomalous))
        return plain(inputs, anomalous, seed)

    monkeypatch.setattr(pu_bagging, "_fit_tree", watch)
    fit(x, y, outlier_scores=False, ratio=5.0)
    assert len(bags) == 30
    for inputs, anomalous in bags:
        assert anomalous.sum() == 5 and len(inputs) == 5 + 3 + 25
        np.testing.assert_array_equal(inputs[:5], x[y < 0])
        np.testing.assert_array_equal(inputs[5:8], x[y > 0])
        assert len(np.unique(inputs, axis=0)) == len(inputs)
    assert not np.array_equal(bags[0][0], bags[1][0])


def test_fewer_unlabelled_rows_than_a_bag_wants_are_all_taken():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=(8, 2)), [[6.0, 6.0]]]).astype(np.float32)
    y = np.array([0] * 8 + [-1], np.int8)
    score = jaxad.score(fit(x, y), x)[0]
    assert score.argmax() == 8


def test_one_label_is_enough_and_none_is_an_error(rows):
    x, y = rows
    y = np.where(np.arange(len(y)) == 404, -1, 0).astype(np.int8)
    score = jaxad.score(fit(x, y), x)[0]
    assert roc_auc_score(np.arange(404) >= 300, score[:404]) > 0.8
    with pytest.raises(DataError, match="labelled anomalies must be given for pu_bagging"):
        fit(x, np.zeros_like(y))
    with pytest.raises(DataError, match="at least 2 rows that are not labelled"):
        fit(x[:3], np.array([0, -1, -1], np.int8))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unlabelled": 0}, "unlabelled must be a whole number of at least 1"),
        ({"ratio": 0.0}, "ratio must be > 0"),
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
