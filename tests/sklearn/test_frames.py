"""Data frames: the estimators encode each kind of column, and unknown values raise scores."""

import datetime
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jaxad.data.tables.encoding import fit_encoding
from jaxad.data.tables.reading import as_table
from jaxad.errors import DataError, DataWarning
from jaxad.sklearn import JaxADDetector


@pytest.fixture
def services():
    """300 rows of a category with twelve values and two numbers, and one of an unseen category."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "service": rng.choice([f"svc{i}" for i in range(12)], 300),
            "bytes": rng.normal(size=300),
            "dur": rng.normal(size=300),
        }
    )
    return frame, pd.DataFrame({"service": ["never_seen"], "bytes": [0.0], "dur": [0.0]})


def test_pandas_and_polars_score_the_same_and_names_are_kept(estimator, frame_of):
    frame = frame_of()
    det = estimator().fit(frame)
    assert det.encoded_names_ == fit_encoding(as_table(frame)).names
    assert det.feature_names_in_.tolist() == list(frame.columns)
    assert det.n_features_in_ == 5
    polars = pl.from_pandas(frame)
    expected = det.anomaly_score(frame)
    np.testing.assert_array_equal(det.anomaly_score(polars), expected)
    np.testing.assert_array_equal(estimator().fit(polars).anomaly_score(frame), expected)
    with_categories = polars.with_columns(pl.col("level").cast(pl.Categorical))
    np.testing.assert_array_equal(det.anomaly_score(with_categories), expected)
    written = frame.astype(object).map(lambda v: v if v is None or v != v else str(v))  # as in csv
    np.testing.assert_array_equal(det.anomaly_score(written), expected)


def test_an_empty_column_and_one_of_one_value_are_allowed(estimator, frame_of):
    frame = frame_of().assign(none=np.nan, nothing=None, same="x")
    det = estimator().fit(frame)
    assert np.isfinite(det.anomaly_score(frame)).all()


@pytest.mark.parametrize("name", ["iforest", "autoencoder", "gaussian"])
def test_an_unknown_value_is_never_normal(services, name):
    frame, new = services
    settings = {"epochs": 4, "widths": (4,)} if name == "autoencoder" else {}
    det = JaxADDetector(name, settings=settings).fit(frame)
    scores = det.anomaly_score(frame)
    gap = new.assign(service="svc1", dur=np.nan)
    text = new.assign(service="svc1", dur="n.a.")
    for row, says in (
        (new, "unseen category in `service`"),
        (gap, "gap in `dur`"),
        (text, "text in place of a number in `dur`"),
    ):
        assert (scores <= det.anomaly_score(row)).mean() >= 0.9
        assert det.events(row).tolist() == [says]
    assert set(det.events(frame)) == {""}
    twin = pickle.loads(pickle.dumps(det))
    np.testing.assert_array_equal(twin.anomaly_score(new), det.anomaly_score(new))


def test_scores_held_out_and_of_a_calibration_are_raised_alike(estimator, services):
    """The bound of conformal thresholds holds for rows with unknown values, too."""
    frame, new = services
    det = estimator(threshold="conformal(0.1)", calibration=0.5).fit(frame)
    both = pd.concat([frame, new], ignore_index=True)
    before = det.anomaly_score(both)
    det.calibrate(both)
    np.testing.assert_array_equal(det.reference_.held_out, before)
    np.testing.assert_array_equal(det.anomaly_score(both), before)


def test_other_columns_are_refused(estimator, frame_of):
    frame = frame_of()
    det = estimator().fit(frame)
    for other in (
        frame.drop(columns="ok"),
        frame.rename(columns={"ok": "fine"}),
        frame.iloc[:, ::-1],
    ):
        with pytest.raises(ValueError, match="feature names"):
            det.predict(other)


def test_an_array_in_place_of_a_frame_has_its_columns_in_order(estimator, frame_of):
    frame = frame_of()
    det = estimator().fit(frame)
    with pytest.warns(UserWarning, match="feature names"):
        scores = det.anomaly_score(frame.to_numpy(object))
    np.testing.assert_array_equal(scores, det.anomaly_score(frame))


def test_dates_are_encoded_and_identifiers_left_out(estimator, frame_of):
    frame = frame_of()
    days = pd.date_range("2024", periods=60)
    det = estimator().fit(frame.assign(day=days))
    as_text = frame.assign(day=days.strftime("%Y-%m-%d"))
    np.testing.assert_allclose(
        estimator().fit(as_text).anomaly_score(as_text), det.anomaly_score(frame.assign(day=days))
    )
    ids = frame.assign(tx=[f"tx{i}" for i in range(60)])
    with pytest.warns(DataWarning, match="'?tx'?"):
        left_out = estimator().fit(ids)
    np.testing.assert_array_equal(
        left_out.anomaly_score(ids), estimator().fit(frame).anomaly_score(frame)
    )
    with pytest.raises(DataError, match="tx"):
        estimator(strict=True).fit(ids)


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ([[1, 2]] * 60, "list"),
        ([1j] * 60, "complex"),
        ([np.inf] * 60, "float32"),
        ([1.0] * 59 + [1e39], "float32"),
    ],
    ids=["lists", "complex", "infinite", "large"],
)
def test_columns_of_other_kinds_are_refused(estimator, column, says, frame_of):
    with pytest.raises(DataError, match=rf"'x'.*{says}"):
        estimator().fit(frame_of().assign(x=column))


def test_frames_without_rows_columns_or_with_two_of_a_name_are_refused(estimator, frame_of):
    frame = frame_of()
    for wrong in (frame.iloc[:0], frame.iloc[:, :0], pd.concat([frame, frame], axis=1)):
        with pytest.raises(DataError):
            estimator().fit(wrong)


def test_explanations_have_the_columns_of_x(estimator, frame_of):
    """Attributions of the encoded columns add up to those of their column."""
    frame = frame_of().assign(day=pd.date_range("2024", periods=60)).set_index(np.arange(60) + 100)
    det = estimator().fit(frame)
    found = det.explain(frame)
    assert found.columns.tolist() == list(frame.columns) and found.index.equals(frame.index)
    score = det.anomaly_score(frame)
    few = (det.events(frame) == "").to_numpy()
    base = (score - found.sum(axis=1))[few]
    np.testing.assert_allclose(base, base.iloc[0], atol=1e-3)  # the score at the baseline
    new = frame.iloc[:2].assign(colour=["red", "violet"])
    explained = det.explain(new)
    assert det.events(new).tolist()[1] == "unseen category in `colour`"
    plain = det.explain(new, "integrated_gradients").iloc[1]
    np.testing.assert_array_equal(explained.iloc[1], plain)
    assert explained.iloc[1]["colour"] == explained.iloc[1].max()


def test_every_detector_is_explained_by_occlusion(services):
    frame, new = services
    det = JaxADDetector("iforest").fit(frame)
    far = pd.DataFrame({"service": ["svc1"], "bytes": [9.0], "dur": [0.0]}, index=["a"])
    assert det.explain(far).loc["a"].idxmax() == "bytes"
    assert det.explain(new).iloc[0].idxmax() == "service"
    x = frame[["bytes", "dur"]].to_numpy()
    found = JaxADDetector("gaussian").fit(x).explain(np.array([[0.0, 9.0]]), "occlusion")
    assert found.columns.tolist() == ["x0", "x1"] and found.loc[0].idxmax() == "x1"
    with pytest.raises(ValueError, match="occlusion"):
        det.explain(far, "lrp")


def test_audits_rank_the_training_rows(estimator, classifier, rows):
    x, y = rows()
    known = np.where(np.arange(len(y)) < 60, y, 0)
    frame = pd.DataFrame(x, columns=list("abc"), index=[f"row{i}" for i in range(len(x))])
    for make in (estimator, classifier):
        det = make("deep_sad")
        found = det.audit(frame, known)  # fits first
        assert found.index.equals(frame.index)
        assert found["suspicion"].isna().to_numpy().tolist() == (known == 1).tolist()
        np.testing.assert_array_equal(found["score"], det.anomaly_score(frame))
        hidden = (y == 1) & (known == 0)
        worst = found["suspicion"].nlargest(int(hidden.sum())).index
        assert set(worst) == set(frame.index[hidden])
        pd.testing.assert_frame_equal(det.audit(frame, known), found)
        with pytest.raises(DataError, match="fitted to"):
            det.audit(frame.iloc[:50], known[:50])
        with pytest.raises(DataError, match="fitted to"):
            det.audit(frame.iloc[::-1], known)
    held = estimator("deep_sad", threshold="conformal(0.1)").audit(frame, known)
    assert held["suspicion"].isna().sum() == round(0.25 * 114) + (known == 1).sum()


def test_dates_of_datetime_are_taken(estimator, frame_of):
    det = estimator().fit(
        frame_of().assign(x=[datetime.date(2024, 1, 1 + i % 28) for i in range(60)])
    )
    assert det.encoded_names_[-1].startswith("x")
