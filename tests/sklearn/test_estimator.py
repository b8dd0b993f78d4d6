"""The estimator: scikit-learn's contract, both directions, thresholds and labels."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer
from sklearn.utils.estimator_checks import check_estimator

import jaxad
from jaxad import thresholds
from jaxad.data import fit_scaling
from jaxad.errors import ConfigError, DataError
from jaxad.sklearn import training_labels, truth_labels

# What y means is the estimator's documented rule, and these checks give it numbers of classes.
CLASSES = {
    "check_classifier_data_not_an_array",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit2d_predict1d",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in_after_fitting",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
}
# `score` is AUROC, which three classes don't have; the other takes another kind of array.
ALWAYS = {"check_fit_score_takes_y": "y of three classes", "check_array_api_input": "not set up"}


@pytest.mark.filterwarnings("ignore")  # what the checks themselves warn of
def test_scikit_learn_s_checks_pass(estimator):
    """All but one without labels; with them, none but those that make up classes for y."""
    ended = check_estimator(estimator(labels="ignore"), on_fail=None, on_skip=None)
    assert {r["check_name"] for r in ended if r["status"] != "passed"} <= ALWAYS.keys()
    assert sum(r["status"] == "passed" for r in ended) > 40
    ended = check_estimator(estimator(), on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in ended if r["status"] == "failed"}
    assert failed.keys() <= CLASSES
    for error in failed.values():
        cause = error.__cause__ or error.__context__ or error
        assert "allowed are 1 (anomaly), 0 (normal)" in f"{error} {cause}"


def test_it_gives_what_the_library_gives(estimator, rows):
    """The same detector, scaling and key by hand."""
    x, y = rows()
    det = estimator("deep_sad", seeds=2, seed=7).fit(x, y)
    scaling = fit_scaling(x)
    train = jaxad.as_train_data(scaling.apply(x), np.where(y == 1, -1, 1))
    settings = {"epochs": 4, "pretrain_epochs": 2, "batch_size": 16, "widths": (4,)}
    fitted = jaxad.fit(jaxad.make("deep_sad", train, **settings), train, 2, key=7)
    expected = jaxad.score(fitted, scaling.apply(x)).mean(axis=0, dtype=np.float64)
    np.testing.assert_array_equal(det.anomaly_score(x), expected)
    np.testing.assert_array_equal(det.score_samples(x), -expected)
    np.testing.assert_array_equal(det.decision_function(x), det.threshold_ - expected)
    np.testing.assert_array_equal(det.predict(x) == -1, expected > det.threshold_)
    assert det.score(x, y) == roc_auc_score(y, expected) > 0.9


def test_scores_of_rows_not_trained_on_use_the_training_rows_scaling(estimator, rows):
    x, _ = rows()
    det = estimator().fit(x)
    np.testing.assert_array_equal(det.scaling_.shift, x.mean(axis=0))
    np.testing.assert_array_equal(det.anomaly_score(x[:7]), det.anomaly_score(x)[:7])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("quantile", lambda s, y: thresholds.quantile(s[y == 0], 0.2)),
        ("quantile(0.3)", lambda s, y: thresholds.quantile(s[y == 0], 0.3)),
        ("sigma(2)", lambda s, y: thresholds.sigma(s[y >= 0], 2)),
        ("extreme(0.01)", lambda s, y: thresholds.extreme(s[y >= 0], 0.01)),
        ("f1", lambda s, y: thresholds.f1(s, y)),
        (0.75, lambda s, y: 0.75),
    ],
)
def test_thresholds_are_chosen_by_the_training_scores(estimator, rows, rule, expected):
    x, y = rows()
    y[40:] = -1
    det = estimator("deep_sad", threshold=rule, contamination=0.2).fit(x, y)
    label = training_labels(y)
    assert det.threshold_ == expected(det.anomaly_score(x), label)
    assert det.offset_ == -det.threshold_


def test_conformal_holds_normal_rows_out_and_calibrate_takes_others(estimator, rows):
    x, y = rows()
    det = estimator("deep_sad", threshold="conformal(0.1)", calibration=0.3).fit(x, y)
    held = det.reference_.held_out
    assert len(held) == round(0.3 * (y == 0).sum())
    assert len(det.reference_.score) == len(x) - len(held)
    assert (det.reference_.label == -1).sum() == y.sum()
    new, _ = rows(200, 20, seed=1)
    p = det.p_values(new)
    np.testing.assert_array_equal(det.predict(new) == -1, p <= 0.1)
    np.testing.assert_array_equal(p, thresholds.p_values(det.anomaly_score(new), held))
    normal, _ = rows(300, 1, seed=2)
    before = det.anomaly_score(new)
    assert det.calibrate(normal) is det
    np.testing.assert_array_equal(det.anomaly_score(new), before)
    assert det.threshold_ == thresholds.conformal(det.anomaly_score(normal), 0.1)
    with pytest.raises(ConfigError, match="p_values needs scores of normal rows"):
        estimator().fit(x).p_values(x)
    with pytest.raises(DataError, match="at least 999"):
        estimator(threshold="conformal(0.001)").fit(x)


def test_false_alarms_of_new_normal_rows_are_as_rare_as_stated(estimator):
    """Through the estimator, over draws of everything: the bound and the exact expectation."""
    rng = np.random.default_rng(0)
    rates = []
    for seed in range(12):
        x, new = rng.normal(size=(120, 3)), rng.normal(size=(2000, 3))
        det = estimator(threshold="conformal(0.1)", calibration=0.5, seed=seed).fit(x)
        rates.append(np.mean(det.predict(new) == -1))
    exact = np.floor(0.1 * 61) / 61
    assert abs(np.mean(rates) - exact) < 4 * np.std(rates) / np.sqrt(len(rates))


def test_probabilities_are_unified_scores(estimator, rows):
    x, y = rows()
    det = estimator().fit(x)
    share = det.predict_proba(x)
    np.testing.assert_allclose(share.sum(axis=1), 1)
    np.testing.assert_array_equal(
        share[:, 1], thresholds.unified(det.anomaly_score(x), det.reference_.score)
    )
    assert roc_auc_score(y, share[:, 1]) > 0.9


def test_labels_of_both_kinds_train_the_same(estimator, rows):
    x, y = rows()
    y[::3] = -1
    one = estimator("deep_sad").fit(x, y)
    two = estimator("deep_sad", labels="training").fit(x, training_labels(y))
    np.testing.assert_array_equal(one.anomaly_score(x), two.anomaly_score(x))
    assert one.score(x, y) == two.score(x, training_labels(y))
    none = estimator("deep_sad").fit(x)
    ignoring = estimator("deep_sad", labels="ignore").fit(x, y)
    np.testing.assert_array_equal(none.anomaly_score(x), ignoring.anomaly_score(x))
    assert (none.anomaly_score(x) != one.anomaly_score(x)).any()


def test_labels_there_and_back():
    y = np.array([1, 0, -1])
    assert training_labels(y).tolist() == [-1, 1, 0]
    assert truth_labels(training_labels(y)).tolist() == y.tolist()
    assert truth_labels([-1, 1]).tolist() == [1, 0]  # what predict gives


@pytest.mark.parametrize(
    ("y", "says"),
    [
        ([1] * 9 + [-1], r"labels='training'"),
        ([0, 1, 2] * 3 + [0], "holds 2"),
        (["a", "b"] * 5, "strings"),
        ([0.0, np.nan] * 5, "missing"),
        ([0.5] * 10, "must be integers"),
        ([0] * 9, "9 labels"),
        ([1] * 10, "at least 2"),
        (np.zeros((10, 2)), "one label for each row"),
    ],
)
def test_labels_that_are_none_are_refused(estimator, y, says):
    with pytest.raises(DataError, match=says):
        estimator("deep_sad").fit(np.random.default_rng(0).normal(size=(10, 3)), y)


@pytest.mark.parametrize(
    "parameters",
    [
        {"contamination": 0},
        {"contamination": 0.6},
        {"contamination": "auto"},
        {"calibration": 1.0},
        {"seeds": 0},
        {"seed": -1},
        {"seed": True},
        {"max_categories": 0},
        {"threshold": "best"},
        {"labels": "truth"},
        {"labels": None},
        {"scaling": "robust"},
        {"detector": "deep_sod"},
        {"detector": None},
        {"settings": {"epochs": 0}},
        {"settings": {"epoch": 3}},
        {"settings": [("epochs", 3)]},
    ],
)
def test_parameters_that_are_not_allowed_are_refused(rows, parameters):
    from jaxad.sklearn import JaxADDetector

    with pytest.raises(ConfigError):
        JaxADDetector(**parameters).fit(rows()[0])


def test_it_can_be_cloned_copied_and_pickled(estimator, rows):
    x, y = rows()
    det = estimator("deep_sad", threshold="sigma").fit(x, y)
    for twin in (copy.deepcopy(det), pickle.loads(pickle.dumps(det))):
        np.testing.assert_array_equal(twin.predict(x), det.predict(x))
        np.testing.assert_array_equal(twin.anomaly_score(x), det.anomaly_score(x))
        assert twin.threshold_ == det.threshold_
    again = clone(det)
    assert again.get_params() == det.get_params() and not hasattr(again, "fitted_")
    np.testing.assert_array_equal(again.fit(x, y).anomaly_score(x), det.anomaly_score(x))


def test_pipelines_cross_validation_and_search(estimator, rows):
    x, y = rows()
    folds = StratifiedKFold(3)
    pipe = make_pipeline(PowerTransformer(), estimator("deep_sad"))
    assert cross_val_score(pipe, x, y, cv=folds).min() > 0.8
    # scikit-learn's own name of AUROC, with its own marks: -1 anomalous.
    own = cross_val_score(
        estimator("deep_sad", labels="training"), x, 1 - 2 * y, cv=folds, scoring="roc_auc"
    )
    np.testing.assert_allclose(own, cross_val_score(estimator("deep_sad"), x, y, cv=folds))
    search = GridSearchCV(
        estimator("deep_sad"),
        {"scaling": ["none", "minmax"], "threshold": ["quantile", "sigma(2)"]},
        cv=folds,
    ).fit(x, y)
    assert search.best_score_ > 0.9
    assert set(search.predict(x)) == {-1, 1}


def test_a_detector_of_scikit_learn_fits(rows):
    from jaxad.sklearn import JaxADDetector

    x, y = rows()
    det = JaxADDetector("iforest", settings={"trees": 10}).fit(x)
    assert det.score(x, y) > 0.9


def test_rows_that_overflow_are_anomalous_and_others_keep_their_scores(estimator):
    x = np.random.default_rng(0).normal(size=(40, 3))
    x[:, 1] *= 1e-30
    det = estimator().fit(x)
    far = x[:3].copy()
    far[1, 1], far[2, 0] = 1e20, 1e30
    scores = det.anomaly_score(far)
    assert det.predict(far)[1:].tolist() == [-1, -1]
    assert scores[0] == det.anomaly_score(x[:1])[0] < scores[2] < scores[1] < np.inf
    with pytest.raises(DataError, match="float32"):
        det.predict(np.full((1, 3), 1e39))
