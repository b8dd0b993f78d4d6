"""The classifier: scikit-learn's scorers, folds, grids and calibration work as they are."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import is_classifier, is_outlier_detector
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import IsolationForest
from sklearn.inspection import permutation_importance
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from jaxad import thresholds
from jaxad.errors import DataError
from jaxad.sklearn import JaxADClassifier, JaxADDetector, scorers

# Checks that fail, and why; all others pass.
EXCEPTIONS = {
    "check_array_api_input": "skipped: array dispatch is not set up",
    "check_classifier_data_not_an_array": "y of 1 and 2",
    "check_estimators_dtypes": "y of three classes",
    "check_fit2d_1feature": "y of three classes",
    "check_classifiers_classes": "y of words without positive=",
    "check_supervised_y_no_nan": "a missing label is unlabelled",
}
SCORINGS = ["roc_auc", "average_precision", "f1", "accuracy"]


@pytest.fixture
def known(rows):
    """Rows, and labels of which only half of the anomalies are known."""
    x, y = rows()
    hidden = np.flatnonzero(y)[::2]
    y[hidden] = 0
    return x, y


@pytest.mark.filterwarnings("ignore")  # what the checks themselves warn of
def test_scikit_learn_s_checks_pass(classifier):
    ended = check_estimator(classifier(), on_fail=None, on_skip=None)
    assert {r["check_name"] for r in ended if r["status"] != "passed"} <= EXCEPTIONS.keys()
    assert sum(r["status"] == "passed" for r in ended) >= 48


def test_directions(classifier, estimator, rows):
    x, y = rows()
    clf, det = classifier("deep_sad").fit(x, y), estimator("deep_sad").fit(x, y)
    assert is_classifier(clf) and not is_outlier_detector(clf)
    assert clf.classes_.tolist() == [0, 1]
    scores = det.anomaly_score(x)
    np.testing.assert_array_equal(clf.anomaly_score(x), scores)
    assert clf.threshold_ == det.threshold_
    np.testing.assert_array_equal(clf.decision_function(x), scores - clf.threshold_)
    np.testing.assert_array_equal(clf.predict(x), (scores > clf.threshold_).astype(int))
    np.testing.assert_array_equal(clf.predict(x) == 1, det.predict(x) == -1)
    share = clf.predict_proba(x)
    np.testing.assert_allclose(share.sum(axis=1), 1)
    np.testing.assert_array_equal(share.argmax(axis=1), clf.predict(x))
    reference = clf.reference_.not_anomalous
    np.testing.assert_array_equal(
        share[:, 1], thresholds.logistic(scores, clf.threshold_, reference)
    )
    assert clf.score(x, y) == np.mean(clf.predict(x) == y)
    assert clf.score(x, np.where(y == 1, 1, -1)) == clf.score(x, y)


def test_scikit_learn_s_scorers_give_the_right_values(classifier, known):
    """Known anomalies against unlabelled rows alone, as in fraud."""
    x, y = known
    folds = StratifiedKFold(3)
    found = cross_validate(
        classifier("deep_sad"), x, y, cv=folds, scoring=SCORINGS, return_estimator=True
    )
    for i, (_, test) in enumerate(folds.split(x, y)):
        scores, truth = found["estimator"][i].anomaly_score(x[test]), y[test]
        alarm = scores > found["estimator"][i].threshold_
        assert found["test_roc_auc"][i] == roc_auc_score(truth, scores) > 0.5
        assert found["test_average_precision"][i] == average_precision_score(truth, scores)
        assert found["test_f1"][i] == f1_score(truth, alarm)
        assert found["test_accuracy"][i] == np.mean(truth == alarm)


def test_labels_of_1_and_minus_1(classifier, estimator, known):
    """AUROC and average precision by scikit-learn's names; all of the library's scorers."""
    x, y = known
    signs = np.where(y == 1, 1, -1)
    for scoring in ("roc_auc", "average_precision"):
        right = cross_val_score(classifier("deep_sad"), x, y, cv=3, scoring=scoring)
        np.testing.assert_array_equal(
            cross_val_score(classifier("deep_sad"), x, signs, cv=3, scoring=scoring), right
        )
    for scorer in (scorers.roc_auc, scorers.average_precision, scorers.f1):
        right = cross_val_score(classifier("deep_sad"), x, y, cv=3, scoring=scorer.__name__)
        folds = StratifiedKFold(3)  # which scikit-learn chooses for classifiers alone
        for make in (classifier, estimator):
            other = cross_val_score(make("deep_sad"), x, signs, cv=folds, scoring=scorer)
            np.testing.assert_allclose(other, right)


def test_scorers_read_labels_as_fit_does(classifier, estimator, rows):
    x, y = rows()
    words = np.where(y == 1, "fraud", "ok")
    missing = np.where(y == 1, 1.0, np.nan)
    folds = KFold(3)
    for make in (classifier, estimator):
        scored = [
            cross_val_score(make("deep_sad", **values), x, labels, cv=folds, scoring=scorers.f1)
            for labels, values in ((y, {}), (words, {"positive": "fraud"}), (missing, {}))
        ]
        assert np.isfinite(scored[0]).all()
        np.testing.assert_array_equal(scored[0], scored[1])
        np.testing.assert_array_equal(scored[0], scored[2])
    pipe = make_pipeline(StandardScaler(), estimator("deep_sad", positive="fraud")).fit(x, words)
    expected = roc_auc_score(y, pipe[-1].anomaly_score(pipe[0].transform(x)))
    assert scorers.roc_auc(pipe, x, words) == expected
    forest = IsolationForest(random_state=0).fit(x)
    assert scorers.roc_auc(forest, x, y) == roc_auc_score(y, -forest.score_samples(x))
    with pytest.raises(DataError, match="0 labelled anomalies"):
        scorers.f1(forest, x, 0 * y)


def test_predictions_grids_calibration_and_importance(classifier, rows):
    x, y = rows()
    share = cross_val_predict(classifier("deep_sad"), x, y, cv=3, method="predict_proba")
    assert share.shape == (len(x), 2) and roc_auc_score(y, share[:, 1]) > 0.9
    search = GridSearchCV(
        classifier("deep_sad"), {"settings__eta": [0.5, 2.0]}, cv=3, scoring="average_precision"
    ).fit(x, y)
    assert search.best_score_ > 0.8 and set(search.predict(x)) == {0, 1}
    assert scorers.roc_auc(search, x, y) > 0.9
    calibrated = CalibratedClassifierCV(classifier("deep_sad"), cv=3).fit(x, y)
    share = calibrated.predict_proba(x)[:, 1]
    assert roc_auc_score(y, share) > 0.9 and abs(share.mean() - y.mean()) < 0.1
    x = np.c_[x[:, :1], np.random.default_rng(0).normal(size=(len(x), 1))]
    fitted = classifier("deep_sad").fit(x, y)
    found = permutation_importance(fitted, x, y, scoring="roc_auc", n_repeats=3, random_state=0)
    assert found.importances_mean[0] > found.importances_mean[1]


def test_it_is_kept_and_loaded_as_either(classifier, rows, tmp_path):
    x, y = rows()
    clf = classifier("deep_sad", positive=[1]).fit(x, y)
    for twin in (copy.deepcopy(clf), pickle.loads(pickle.dumps(clf))):
        np.testing.assert_array_equal(twin.predict_proba(x), clf.predict_proba(x))
    folder = clf.save(tmp_path / "m")
    back = JaxADClassifier.load(folder)
    assert back.get_params() == clf.get_params() and back.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(back.predict(x), clf.predict(x))
    det = JaxADDetector.load(folder)
    np.testing.assert_array_equal(det.predict(x) == -1, clf.predict(x) == 1)


def test_three_classes_and_numbers_are_refused_by_name(classifier, rows):
    x, _ = rows()
    for y, kind in ((np.arange(120) % 3, "multiclass"), (np.linspace(0, 1, 120), "continuous")):
        with pytest.raises(DataError, match=f"Only binary classification.*{kind}"):
            classifier().fit(x, y)
