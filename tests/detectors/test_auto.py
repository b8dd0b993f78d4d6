"""The composite for tables: its parts, what decides on them, and that it can be kept."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import jaxad
from jaxad.detectors.classical.auto import fit_surprise
from jaxad.errors import ConfigError


@pytest.fixture(scope="module")
def rows():
    """A cluster of 400 normal rows and one of 45 anomalies."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(400, 5)), rng.normal(3, 1, (45, 5))]).astype(np.float32)
    return x, np.arange(445) >= 400


def fit(x, label, **settings):
    train = jaxad.as_train_data(x, label.astype(np.int8))
    detector = jaxad.make("auto", train, **({"trees": 30, "members": 30} | settings))
    return jaxad.fit(detector, train)


@pytest.mark.parametrize("labelled", [0, 1, 5])
def test_it_finds_anomalies_with_and_without_labels(rows, labelled):
    x, truth = rows
    label = np.where(np.arange(len(x)) >= len(x) - labelled, -1, 0)
    assert roc_auc_score(truth, jaxad.score(fit(x, label), x)[0]) > 0.95


def test_labels_alone_decide_on_the_parts(rows):
    x, _ = rows
    label = np.zeros(len(x))
    model = fit(x, label).models[0]
    assert model.trees == []
    np.testing.assert_allclose(model.weights, np.full(4, 1 / 4))
    for labelled, share in ((1, 0.4), (4, 0.1)):
        label[-labelled:] = -1
        model = fit(x, label, trees=5, members=5).models[0]
        np.testing.assert_allclose(model.weights, [*[share / 4] * 4, 1 - share])
        np.testing.assert_allclose(model.weights @ model.list_parts(x), model(x))


@pytest.mark.parametrize(("columns", "wide"), [(99, False), (100, True)])
def test_wide_rows_are_fitted_once_and_without_histograms(columns, wide):
    x = np.random.default_rng(1).normal(size=(80, columns)).astype(np.float32)
    label = np.where(np.arange(80) < 2, -1, 0)
    model = fit(x, label, trees=2, members=2, reject=0.5).models[0]
    without = [0.2 / 3] * 3 + [0] if wide else [0.2 / 4] * 4
    np.testing.assert_allclose(model.weights, [*without, 0.8])
    assert len(model.outlier_scores.near.points) == (78 if wide else 39)


def test_neighbours_are_searched_without_the_farthest_rows(rows):
    x, truth = rows
    near = fit(x, np.zeros(len(x)), reject=0.25).models[0].outlier_scores.near
    assert len(near.points) == round(0.75 * len(x))
    far = {tuple(row) for row in x} - {tuple(row) for row in near.points.astype(np.float32)}
    assert np.mean([tuple(row) in far for row in x[truth]]) > 0.5


@pytest.mark.parametrize("labelled", [0, 5])
def test_the_audit_reads_scores_out_of_bag(rows, labelled):
    x, truth = rows
    label = np.where(np.arange(len(x)) >= len(x) - labelled, -1, 0).astype(np.int8)
    train = jaxad.as_train_data(x, label)
    fitted = fit(x, label)
    found = jaxad.audit(fitted, train)
    assert found.method == "out_of_bag"
    assert np.isnan(found.suspicion[0, label < 0]).all()
    assert roc_auc_score(truth[label == 0], found.suspicion[0, label == 0]) > 0.95
    np.testing.assert_array_equal(
        found.suspicion[0, label == 0], fitted.models[0].out_of_bag[label == 0]
    )
    plain = jaxad.audit(fitted, train, "score").suspicion
    assert labelled == 0 or not np.array_equal(found.suspicion, plain, equal_nan=True)


def test_surprise_is_minus_the_logarithm_of_the_tail():
    scores = np.random.default_rng(0).permutation(1000).astype(float)
    surprise = fit_surprise(scores)
    np.testing.assert_allclose(surprise(np.array([499.5, 899.5])), -np.log([0.5, 0.1]), rtol=1e-6)
    beyond = surprise(np.array([999.0, 1100.0, 5000.0]))
    assert np.all(np.diff(beyond) > 0) and np.isfinite(beyond).all()
    flat = fit_surprise(np.zeros(10))
    assert flat(np.ones(1))[0] > flat(np.zeros(1))[0]
    coarse = fit_surprise(np.zeros(10), 0.1)(np.array([0, 0.1, 0.3]))
    np.testing.assert_allclose(np.diff(coarse), [1, 2])
    ties = fit_surprise(np.repeat([0.0, 5.0], [80, 20]))(np.array([5, 5.5, 6.5]))
    np.testing.assert_allclose(np.diff(ties), [1, 2])


def test_one_vote_is_the_smallest_unit_of_the_bags(rows):
    """Beyond the votes of the training rows, which may all be 0; see `Surprise`."""
    x, _ = rows
    fitted = fit(x, np.where(np.arange(len(x)) < 440, 0, -1), members=25)
    assert [found.resolution for found in fitted.models[0].surprises] == [0, 0, 0, 0, 1 / 25]


@pytest.mark.parametrize("labelled", [0, 5])
def test_scores_of_columns_with_few_values_are_of_the_size_of_others(labelled):
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.integers(0, 3, (300, 2)), np.full((5, 2), 4)]).astype(np.float32)
    label = np.where(np.arange(305) < 305 - labelled, 0, -1)
    fitted = fit(x, label)
    rows = np.array([[1, 1], [3, 0], [9, 9]], np.float32)
    common, new, far = jaxad.score(fitted, rows)[0]
    assert common < new < far < 1e4


@pytest.mark.parametrize("verified", [0.1, 0.5, 1.0])
def test_many_verified_normal_rows_leave_far_rows_far(rows, verified):
    """A row unlike all others is above all normal rows, however many of these are verified."""
    x, truth = rows
    rng = np.random.default_rng(5)
    label = np.where(truth, -1, np.where(rng.random(len(x)) < verified, 1, 0))
    train = np.arange(len(x)) % 4 > 0
    fitted = fit(x[train], label[train], members=100)
    far = x[~train & ~truth] + 8 * rng.choice([-1, 1], size=(1, x.shape[1]))
    score = jaxad.score(fitted, np.concatenate([x[~train & ~truth], far]).astype(np.float32))[0]
    normal, far_score = score[: len(far)], score[len(far) :]
    assert far_score.min() > normal.max()
    assert np.ptp(score) < 1000


@pytest.mark.parametrize("labelled", [0, 3])
def test_it_is_saved_and_loaded(rows, tmp_path, labelled):
    x, _ = rows
    fitted = fit(x, np.where(np.arange(len(x)) < labelled, -1, 0))
    jaxad.save(fitted, tmp_path / "model")
    loaded, _ = jaxad.load(tmp_path / "model")
    np.testing.assert_array_equal(jaxad.score(loaded, x), jaxad.score(fitted, x))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reject": 1.0}, r"reject must be in \[0, 1\)"),
        ({"unlabelled_share": 2}, r"unlabelled_share must be in \[0, 1\]"),
        ({"reference": 3}, "reference must be a whole number of at least 20"),
    ],
)
def test_settings_are_checked(rows, settings, message):
    with pytest.raises(ConfigError, match=message):
        fit(rows[0], np.zeros(445), **settings)
