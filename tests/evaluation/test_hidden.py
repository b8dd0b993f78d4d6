"""Metrics of finding hidden anomalies, against scikit-learn's, and where they are NaN."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from jaxad.evaluation.hidden import measure_hidden, measure_precision

SHARES = (0.01, 0.1, 0.5, 1.0)


def draw_rows(rng, seeds=3, n=60, count=(60, 50, 40)):
    """Scores with ties, truth, and which rows count: not the first 6, and none from `count` on."""
    unlabelled = (np.arange(n) >= 6) & (np.arange(n) < np.array(count)[:, None])
    hidden = (unlabelled & (rng.random((seeds, n)) < 0.2)).astype(np.int8)
    return rng.normal(size=(seeds, n)).round(1), hidden, unlabelled


def test_metrics_are_those_of_scikit_learn_over_the_unlabelled_rows():
    scores, hidden, unlabelled = draw_rows(np.random.default_rng(0))
    scores[~unlabelled] = np.nan  # labelled rows and padding do not count
    found = measure_hidden(scores, hidden, unlabelled)
    precision = measure_precision(scores, hidden, unlabelled, SHARES)
    for i, where in enumerate(unlabelled):
        values, truth = scores[i, where], hidden[i, where]
        assert found.auroc[i] == pytest.approx(roc_auc_score(truth, values))
        assert found.auprc[i] == pytest.approx(average_precision_score(truth, values))
        order = np.argsort(-values, kind="stable")
        for share, value in zip(SHARES, precision[i], strict=True):
            first = order[: int(np.ceil(share * len(values)))]
            assert value == pytest.approx(truth[first].mean())
        assert precision[i, -1] == pytest.approx(truth.mean())


def test_precision_at_n_by_hand():
    scores = np.array([[9.0, 8.0, 7.0, 6.0, 5.0]])
    found = measure_hidden(scores, np.array([1, 0, 1, 1, 0]), np.array([1, 1, 1, 1, 0], bool))
    assert found.precision_at_n == pytest.approx(2 / 3)


def test_a_seed_is_nan_without_hidden_rows_without_others_and_with_a_score_that_is_not_finite():
    scores, hidden, unlabelled = draw_rows(np.random.default_rng(1), 5, count=(60,) * 5)
    hidden[1] = 0
    scores[2, 10] = np.nan
    hidden[3] = unlabelled[3]
    scores[4, 20] = np.inf
    found = measure_hidden(scores, hidden, unlabelled)
    for metric in found:
        assert np.isnan(metric).tolist() == [False, True, True, True, True]
    alone = measure_hidden(scores[:1], hidden[:1], unlabelled[:1])
    assert [float(metric[0]) for metric in found] == [float(metric[0]) for metric in alone]
    precision = measure_precision(scores, hidden, unlabelled, SHARES)
    assert (precision[1] == 0).all() and (precision[3] == 1).all()
    assert np.isnan(precision[[2, 4]]).all()


def test_a_seed_without_rows_that_count_is_nan():
    scores, hidden, unlabelled = draw_rows(np.random.default_rng(2), 2, count=(60, 0))
    found = measure_hidden(scores, hidden, unlabelled)
    assert np.isnan(found.auroc).tolist() == [False, True]
    assert np.isnan(measure_precision(scores, hidden, unlabelled, SHARES)[1]).all()


def test_truth_and_mask_may_be_shared_by_all_seeds():
    scores, hidden, unlabelled = draw_rows(np.random.default_rng(3), 2, count=(60, 60))
    shared = measure_hidden(scores, hidden[0], unlabelled[0])
    each = measure_hidden(scores, np.stack([hidden[0]] * 2), unlabelled)
    np.testing.assert_array_equal(shared, each)
