"""Classifiers of other libraries: against the libraries themselves, in two steps, and without."""

import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import jaxad
from jaxad.detectors.tabular_classifier import find_reliable
from jaxad.errors import ConfigError, DataError
from jaxad.saving import check_savable

BOOSTED = ("xgboost", "lightgbm", "catboost")


def test_logistic_regression_is_that_of_scikit_learn(toy):
    fit = jaxad.fit(jaxad.make("tabular_classifier", toy.train, penalty=0.5), toy.train)
    model = LogisticRegression(C=2.0, class_weight="balanced", max_iter=1000)
    model.fit(toy.train.x, toy.train.label < 0)
    expected = model.decision_function(toy.test.x)
    np.testing.assert_allclose(jaxad.score(fit, toy.test)[0], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("model", BOOSTED)
def test_boosted_trees_learn_and_repeat_themselves(toy, model):
    pytest.importorskip(model)
    detector = jaxad.make("tabular_classifier", toy.train, model=model, trees=20, depth=3)
    first, second = (jaxad.fit(detector, toy.train, seeds=2) for _ in range(2))
    scores = jaxad.score(first, toy.test)
    assert jaxad.evaluate(first, toy.test).auroc.mean > 0.95
    np.testing.assert_array_equal(scores, jaxad.score(second, toy.test))
    assert np.unique(scores[0]).size > 5
    with pytest.raises(ConfigError, match="cannot be saved"):
        check_savable(detector)


def test_the_second_step_learns_the_rows_with_the_lowest_scores(toy):
    score = np.array([5.0, 1.0, 3.0, 2.0, 4.0, 9.0, -9.0])
    label = np.array([0, 0, 0, 0, 0, -1, 1], np.int8)
    kept = find_reliable(score, label, 0.6)
    np.testing.assert_array_equal(kept, [0, 1, 1, 1, 0, 1, 1])
    assert find_reliable(score, label, 0.01).sum() == 3
    assert find_reliable(score, label, 1.0).all()
    one, two = (
        jaxad.fit(jaxad.make("tabular_classifier", toy.train, reliable=share), toy.train)
        for share in (1.0, 0.5)
    )
    assert not np.allclose(jaxad.score(one, toy.test), jaxad.score(two, toy.test))


@pytest.mark.parametrize("model", BOOSTED)
def test_a_missing_library_is_an_error_that_names_the_extra(toy, model, monkeypatch):
    monkeypatch.setitem(sys.modules, model, None)
    with pytest.raises(ConfigError, match=rf"model='{model}' .*pip install 'jaxad\[peers\]'"):
        jaxad.make("tabular_classifier", toy.train, model=model)


def test_it_needs_both_kinds_of_rows(toy):
    bare = toy.train._replace(label=np.zeros_like(toy.train.label))
    with pytest.raises(DataError, match="at least 1; given 0"):
        jaxad.make("tabular_classifier", bare)
    anomalies = toy.train._replace(label=np.full_like(toy.train.label, -1))
    with pytest.raises(DataError, match="not labelled anomalies"):
        jaxad.fit(jaxad.make("tabular_classifier", anomalies), anomalies)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "xgb"),
        ("reliable", 0),
        ("reliable", 1.5),
        ("trees", 0),
        ("depth", 2.0),
        ("rate", float("nan")),
        ("penalty", -1),
    ],
)
def test_values_out_of_range_are_refused(toy, name, value):
    with pytest.raises(ConfigError, match=name):
        jaxad.make("tabular_classifier", toy.train, **{name: value})
