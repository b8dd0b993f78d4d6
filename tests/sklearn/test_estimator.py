"""The estimator: scikit-learn's contract, both directions, thresholds and labels."""

import copy
import pickle

import numpy as np
import pandas as pd
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
from jaxad.data.tables.labels import as_training_labels
from jaxad.errors import ConfigError, DataError
from jaxad.sklearn import JaxADDetector

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
        assert "allowed are 1 (labelled anomaly) and 0, -1" in f"{error} {cause}"


def test_it_gives_what_the_library_gives(estimator, rows):
    """The same detector, scaling and key by hand."""
    x, y = rows()
    det = estimator("deep_sad", seeds=2, seed=7, normal=0).fit(x, y)
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
        ("f1", lambda s, y: thresholds.f1(s, np.where(y < 0, -1, 1))),
        (0.75, lambda s, y: 0.75),
    ],
)
def test_thresholds_are_chosen_by_the_training_scores(estimator, rows, rule, expected):
    x, y = rows()
    y[40:] = -1
    det = estimator("deep_sad", threshold=rule, contamination=0.2).fit(x, y)
    label = as_training_labels(y)
    assert det.threshold_ == expected(det.anomaly_score(x), label)
    assert det.offset_ == -det.threshold_


def test_conformal_holds_normal_rows_out_and_calibrate_takes_others(estimator, rows):
    x, y = rows()
    det = estimator("deep_sad", threshold="conformal(0.1)", calibration=0.3, normal=0).fit(x, y)
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


def test_labels_by_their_values(estimator, rows):
    """1, True or `positive` are anomalies; 0, -1 and missing ones unlabelled; `normal` verified."""
    x, y = rows()
    known = np.where(np.arange(len(y)) % 3, y, 0)
    plain = estimator("deep_sad").fit(x, known)
    scores = plain.anomaly_score(x)
    for other, values in (
        (known == 1, {}),
        (np.where(known == 1, 1, -1), {}),
        (np.where(known == 1, 1, np.nan), {}),
        (pd.Series(known).where(known == 1).astype("Int64"), {}),
        (np.where(known == 1, "fraud", "ok"), {"positive": "fraud"}),
        (pd.Series(np.where(known == 1, "fraud", None)), {"positive": "fraud"}),
        (np.where(known == 1, 7, 3), {"positive": [7]}),
    ):
        det = estimator("deep_sad", **values).fit(x, other)
        np.testing.assert_array_equal(det.anomaly_score(x), scores)
        assert det.score(x, other) == plain.score(x, known)
    verified = estimator("deep_sad", normal=0).fit(x, np.where(np.arange(120) % 3, known, -1))
    assert sorted(set(verified.reference_.label.tolist())) == [-1, 0, 1]
    none = estimator("deep_sad").fit(x)
    ignoring = estimator("deep_sad", labels="ignore").fit(x, y)
    np.testing.assert_array_equal(none.anomaly_score(x), ignoring.anomaly_score(x))
    assert ignoring.score(x, y) == roc_auc_score(y, ignoring.anomaly_score(x))
    assert (none.anomaly_score(x) != scores).any()


def test_score_compares_with_verified_normal_rows_where_there_are_any(estimator, rows):
    x, y = rows()
    y[1::2] = -1
    det = estimator("deep_sad", normal=0).fit(x, y)
    known = y >= 0
    assert det.score(x, y) == roc_auc_score(y[known], det.anomaly_score(x[known]))
    one_value = np.zeros(len(x), int)
    with pytest.raises(DataError, match="0 labelled anomalies among 120 rows"):
        det.score(x, one_value)
    words = np.where(y == 1, "fraud", "ok")
    det = estimator("deep_sad", positive="fraud").fit(x, words)
    assert det.calibrate(x[y != 1], words[y != 1]) is det  # a part without anomalies


def test_names_of_earlier_versions_name_what_replaces_them(rows):
    with pytest.raises(ConfigError, match="labels='training' is now positive=-1, normal=1"):
        JaxADDetector(labels="training").fit(rows()[0])
    with pytest.raises(ConfigError, match="normal=0"):
        JaxADDetector(labels="anomaly").fit(rows()[0])
    with pytest.raises(ImportError, match="positive= and normal="):
        from jaxad.sklearn import training_labels  # noqa: F401


@pytest.mark.parametrize(
    ("y", "says"),
    [
        ([0, 1, 2] * 3 + [0], "holds 2"),
        (["a", "b"] * 5, "positive"),
        ([0.5] * 10, "holds 0.5"),
        ([0] * 9, "9 labels"),
        ([1] * 10, "one class only"),
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
        {"strict": "yes"},
        {"verbose": "yes"},
        {"label": 3},
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
    search = GridSearchCV(
        estimator("deep_sad"),
        {"scaling": ["none", "minmax"], "threshold": ["quantile", "sigma(2)"]},
        cv=folds,
    ).fit(x, y)
    assert search.best_score_ > 0.9
    assert set(search.predict(x)) == {-1, 1}


def test_settings_are_parameters_of_grids(estimator, rows):
    x, y = rows()
    det = estimator("deep_sad")
    assert det.get_params()["settings__epochs"] == 4
    assert "settings__epochs" not in det.get_params(deep=False)
    before = det.settings
    assert det.set_params(settings__eta=2.0, seeds=2) is det
    assert (det.settings["eta"], det.settings["epochs"], det.seeds) == (2.0, 4, 2)
    assert "eta" not in before
    assert JaxADDetector().set_params(settings__eta=1.0).settings == {"eta": 1.0}
    assert clone(det).get_params() == det.get_params()
    with pytest.raises(ValueError, match="Invalid parameter"):
        det.set_params(colour=1)
    grid = {"settings__learning_rate": [1e-4, 1e-3]}
    search = GridSearchCV(estimator("deep_sad"), grid, cv=StratifiedKFold(3)).fit(x, y)
    assert search.best_estimator_.settings["learning_rate"] in (1e-4, 1e-3)
    assert {p["settings__learning_rate"] for p in search.cv_results_["params"]} == {1e-4, 1e-3}
    pipe = make_pipeline(PowerTransformer(), estimator("deep_sad"))
    pipe.set_params(jaxaddetector__settings__eta=3.0)
    assert pipe[-1].settings["eta"] == 3.0


def test_verbose_reports_progress_on_standard_error(estimator, rows, capsys):
    x, _ = rows()
    estimator("deep_sad").fit(x)
    assert capsys.readouterr().err == ""
    estimator("deep_sad", verbose=1).fit(x)
    out, err = capsys.readouterr()
    assert out == "" and "deep_sad: pretrain, step" in err
    last = err.splitlines()[-1].split()
    assert last[-1] == last[-3], "ends with all steps"
    JaxADDetector("iforest", settings={"trees": 5}, verbose=2).fit(x)
    assert "iforest" in capsys.readouterr().err


def test_a_detector_of_scikit_learn_fits(rows):
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


def test_masked_values_and_dates_are_refused_and_other_masked_arrays_taken(estimator, rows):
    x, _ = rows()
    with pytest.raises(DataError, match="array of dates"):
        estimator().fit(np.array([["2024-01-01", "NaT"]] * 4, "datetime64[D]"))
    det = estimator().fit(x)
    np.testing.assert_array_equal(det.anomaly_score(np.ma.array(x)), det.anomaly_score(x))
    masked = np.ma.array(x, mask=x > 5)
    for act in (estimator().fit, det.predict):
        with pytest.raises(DataError, match="masked values"):
            act(masked)
