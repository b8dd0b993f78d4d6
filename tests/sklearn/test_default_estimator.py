"""Estimators without the name of a detector."""

import pickle

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.utils.estimator_checks import check_estimator

from jaxad.sklearn import JaxADClassifier, JaxADDetector

QUICK = {"trees": 10, "members": 10}
# What y means is the estimator's documented rule; some checks give it other values.
ALLOWED = {"check_fit_score_takes_y", "check_supervised_y_no_nan"}
LABELS = "allowed are 1 (labelled anomaly) and 0, -1"


def test_the_default_is_auto_and_its_seed_decides(rows):
    x, y = rows()
    y[np.flatnonzero(y)[::2]] = 0
    one, same, other = (
        JaxADDetector(seed=seed, settings=QUICK).fit(x, y).anomaly_score(x) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    clf = JaxADClassifier(settings=QUICK).fit(x, y)
    assert clf.fitted_.detector.name == "auto"
    np.testing.assert_array_equal(clf.anomaly_score(x), one)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clf)).anomaly_score(x), one)
    suspicion = clf.audit(x, y).suspicion
    hidden = rows()[1][y == 0]
    assert roc_auc_score(hidden, suspicion[y == 0]) > 0.95


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what the checks themselves warn of
@pytest.mark.parametrize("made", [JaxADDetector(labels="ignore"), JaxADClassifier()])
def test_scikit_learn_s_checks_pass(made):
    ended = check_estimator(made.set_params(settings=QUICK), on_fail=None, on_skip=None)
    failed = {one["check_name"]: one["exception"] for one in ended if one["status"] == "failed"}
    for name, error in failed.items():
        cause = error.__cause__ or error.__context__ or error
        assert name in ALLOWED or LABELS in f"{error} {cause}", name
    assert sum(one["status"] == "passed" for one in ended) >= 40
