"""SSAD against its conditions of optimality, XGBOD's histograms, and kernel components."""

from functools import partial

import numpy as np
import pytest
from sklearn.svm import OneClassSVM

import jaxad
from jaxad.detectors.classical.boosting import boost
from jaxad.detectors.classical.labelled import (
    SSAD,
    compute_features,
    fit_histograms,
    solve_hyperplane,
)
from jaxad.detectors.classical.scores import rbf
from jaxad.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(size=(60, 2)), RNG.normal(3.0, 0.5, size=(4, 2))])
SIGN = np.array([1.0] * 60 + [1.0] + [-1.0] * 3)
KERNEL = rbf(X, X, 0.5)


def test_without_labels_it_is_the_one_class_svm(toy):
    rows = toy.train.x[toy.train.label == 0].astype(float)
    bare = toy.train._replace(
        x=rows.astype(np.float32), label=np.zeros(len(rows), np.int8), count=len(rows)
    )
    fit = jaxad.fit(jaxad.make("ssad", bare, nu=0.2), bare)
    svm = OneClassSVM(nu=0.2, gamma="scale", tol=1e-8).fit(rows.astype(np.float32))
    want = -svm.decision_function(toy.test.x.astype(float)) / (0.2 * len(rows))
    np.testing.assert_allclose(jaxad.score(fit, toy.test)[0], want, atol=1e-4)


def test_its_hyperplane_is_the_best_one():
    """Feasible in primal and dual, with no gap between the two."""
    config = SSAD(nu=0.2, kappa=2.0, labelled_cost=0.8)
    weights, rho = solve_hyperplane(KERNEL, SIGN, 60, config)
    norm = weights @ KERNEL @ weights
    side = KERNEL @ weights - rho
    margin = SIGN[60:] * side[60:]

    def primal(gamma):
        slack = np.sum(np.maximum(-side[:60], 0)) / (0.2 * 60)
        labelled = 0.8 * np.sum(np.maximum(gamma - margin, 0))
        return norm / 2 - rho - config.kappa * gamma + slack + labelled

    best = min(primal(gamma) for gamma in np.linspace(0, margin.max() + 1, 20001))
    np.testing.assert_allclose(best, -norm / 2, rtol=1e-3)
    multipliers = weights * SIGN
    assert multipliers.min() > -1e-8 and multipliers[:60].max() < 1 / 12 + 1e-8
    assert multipliers[60:].max() < 0.8 + 1e-8 and multipliers[60:].sum() > 2 - 1e-6
    np.testing.assert_allclose(weights.sum(), 1.0, atol=1e-6)


def test_labelled_rows_are_moved_to_their_sides():
    weights, rho = solve_hyperplane(KERNEL, SIGN, 60, SSAD(labelled_cost=100.0))
    side = KERNEL @ weights - rho
    assert side[60] > 0 and np.all(side[61:] < 0)


def test_what_cannot_be_solved_is_refused(toy):
    with pytest.raises(ConfigError, match="at least kappa=100"):
        jaxad.make("ssad", toy.train, kappa=100.0)
    with pytest.raises(ConfigError, match="nu must be"):
        jaxad.make("ssad", toy.train, nu=0.0)
    bare = toy.train._replace(label=np.maximum(toy.train.label, 0))
    with pytest.raises(DataError, match="labelled anomalies"):
        jaxad.make("xgbod", bare)


def test_histograms_give_minus_the_log_of_each_column_s_frequency():
    x = np.array([[0.0, 0.0], [0.0, 10.0], [10.0, 10.0], [10.0, 10.0]])
    got = fit_histograms(x)(np.array([[0.0, 10.0], [5.0, 0.0], [11.0, 10.0]]))
    want = [-np.log(2 / 4) - np.log(3 / 4), -np.log(0.5 / 4) - np.log(1 / 4)]
    np.testing.assert_allclose(got, [*want, -np.log(0.5 / 4) - np.log(3 / 4)])


def test_a_training_row_is_no_neighbour_of_its_own():
    """Else a labelled anomaly would be at distance 0 in training, and no new one ever is."""
    of_training, features = compute_features(X, 0)
    apart = np.sqrt(((X[:, None] - X) ** 2).sum(-1)) + np.diag(np.full(len(X), np.inf))
    np.testing.assert_allclose(of_training[:, 2], apart.min(axis=1))
    np.testing.assert_allclose(features(X)[:, 2], 0, atol=1e-7)
    assert of_training.shape == features(X).shape


def test_with_all_components_kernel_principal_components_reconstruct_the_training_rows(toy):
    train = toy.train._replace(label=np.zeros_like(toy.train.label))
    fit = jaxad.fit(jaxad.make("kpca", train, variance=1 - 1e-12), train)
    np.testing.assert_allclose(jaxad.score(fit, train.x)[0], 0, atol=1e-6)
    assert jaxad.score(fit, toy.test)[0].min() > 0
    fewer = jaxad.fit(jaxad.make("kpca", train, variance=0.5), train)
    error, kept = jaxad.score(fewer, train.x)[0], 0.5
    # What is not kept of the variance is the mean error over the training rows.
    total = 1 - rbf(train.x, train.x, 1 / (train.x.shape[1] * train.x.var())).mean()
    assert 0.3 * kept * total < error.mean() <= (1 - kept) * total


def test_leaves_of_boosted_trees_are_newton_steps_with_a_penalty():
    x = np.arange(12.0)[:, None]
    y = x[:, 0] >= 8
    fit = partial(boost, x, trees=1, depth=1, rate=0.5, seed=0)
    odds = fit(y, penalty=1.0, min_weight=1.0)
    assert odds.trees[0].tree_.threshold[0] == 7.5
    # p = 1/2 and h = 1/4 for all rows: 4 anomalies on the right, 8 others on the left
    np.testing.assert_allclose(odds(x), 0.5 * np.where(y, 2 / (1 + 1), -4 / (2 + 1)))
    assert not fit(y, penalty=1.0, min_weight=1.6).trees  # 12 / 4 < 2 * 1.6
    two = x[:, 0] >= 10
    np.testing.assert_allclose(fit(two, penalty=0.0, min_weight=0.0)(x), np.where(two, 1.0, -1.0))
    few = fit(two, penalty=1.0, min_weight=1.0).trees[0]
    assert few.tree_.threshold[0] == 7.5  # a leaf has at least four rows at first
