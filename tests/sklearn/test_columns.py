"""Columns of frames: labels among them, ids, further and missing ones."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import jaxad
from jaxad.errors import ConfigError, DataError, DataWarning


@pytest.fixture
def labelled(frame_of):
    frame = frame_of()
    return frame.assign(Class=(np.arange(len(frame)) % 10 == 0).astype(int))


@pytest.mark.parametrize("name", ["Class", " Label", "is_fraud", "target", "other"])
def test_a_column_of_0_and_1_that_looks_like_a_label_is_an_error(estimator, labelled, name):
    """By its name anywhere, and whatever its name as the last column."""
    frame = labelled.rename(columns={"Class": name})
    places = [frame] if name == "other" else [frame, frame[[name, *frame.columns[:-1]]]]
    for place in places:
        for x in (place, pl.from_pandas(place), place.astype({name: bool})):
            with pytest.raises(DataError, match=f"label='{name}' if it is, label='none'"):
                estimator().fit(x)
    none = estimator(label="none").fit(frame)
    assert none.n_features_in_ == 6


def test_the_label_may_be_a_column_of_x(estimator, classifier, labelled):
    x, y = labelled.drop(columns="Class"), labelled["Class"]
    for make in (estimator, classifier):
        expected = make("deep_sad").fit(x, y)
        det = make("deep_sad", label="Class").fit(labelled)
        assert det.feature_names_in_.tolist() == list(x.columns)
        np.testing.assert_array_equal(det.anomaly_score(labelled), expected.anomaly_score(x))
        np.testing.assert_array_equal(det.anomaly_score(x), expected.anomaly_score(x))
        assert det.score(labelled) == expected.score(x, y)
    of_polars = estimator("deep_sad", label="Class").fit(pl.from_pandas(labelled))
    np.testing.assert_array_equal(of_polars.anomaly_score(x), det.anomaly_score(x))
    with pytest.raises(ConfigError, match="leave one out"):
        estimator(label="Class").fit(labelled, y)
    with pytest.raises(DataError, match="no column 'klass'"):
        estimator(label="klass").fit(labelled)
    with pytest.raises(ConfigError, match="a data frame"):
        estimator(label="klass").fit(np.eye(4))


def test_labels_left_in_x_are_an_error(estimator, labelled):
    with pytest.raises(DataError, match="'Class' of X is equal to y"):
        estimator("deep_sad").fit(labelled, labelled["Class"])
    known = labelled["Class"].where(np.arange(len(labelled)) % 20 == 0, 0)
    with pytest.warns(DataWarning, match="'Class' of X holds only 0 and 1"):
        estimator("deep_sad").fit(labelled, known)
    estimator("deep_sad").fit(labelled.rename(columns={"Class": "weekend"}), known)


def test_ids_and_the_index_are_kept_in_outputs(estimator, frame_of):
    frame = frame_of()
    ids = [f"tx{i}" for i in range(len(frame))]
    det = estimator(threshold="conformal(0.2)").fit(frame)
    found = det.score_frame(frame.set_axis(ids))
    assert found.index.tolist() == ids and found.columns.tolist() == ["score", "anomaly", "p_value"]
    np.testing.assert_array_equal(found["score"], det.anomaly_score(frame))
    np.testing.assert_array_equal(found["anomaly"], det.predict(frame) == -1)
    np.testing.assert_array_equal(found["p_value"], det.p_values(frame))
    for x in (frame.assign(tx=ids), pl.from_pandas(frame.assign(tx=ids))):
        other = estimator(threshold="conformal(0.2)", id="tx").fit(x)
        assert "tx" not in other.feature_names_in_
        assert other.score_frame(x).index.tolist() == ids
        np.testing.assert_array_equal(other.score_frame(x)["score"], found["score"])
    x = np.random.default_rng(0).normal(size=(20, 3))
    found = estimator().fit(x).score_frame(x)
    assert found.index.tolist() == list(range(20)) and found.columns.tolist() == [
        "score",
        "anomaly",
    ]


def test_a_saved_estimator_scores_files_by_its_columns(estimator, labelled, tmp_path):
    frame = labelled.assign(tx=[f"tx{i}" for i in range(len(labelled))])
    det = estimator("deep_sad", label="Class", id="tx").fit(frame)
    saved = jaxad.saving.open_detector(det.save(tmp_path / "m"))
    frame.drop(columns="Class").to_csv(tmp_path / "rows.csv", index=False)
    (part,) = saved.score_file(tmp_path / "rows.csv")
    assert part.ids.to_pylist() == frame["tx"].tolist()
    np.testing.assert_allclose(part.mean, det.anomaly_score(frame), rtol=1e-6)


def test_further_columns_are_ignored_with_a_warning_and_missing_ones_an_error(estimator, frame_of):
    frame = frame_of()
    det = estimator().fit(frame)
    more = frame.assign(extra=1.0, note="x")
    for x in (more, pl.from_pandas(more)):
        with pytest.warns(DataWarning, match="'extra', 'note'"):
            np.testing.assert_array_equal(det.anomaly_score(x), det.anomaly_score(frame))
    with pytest.raises(DataError, match="'extra', 'note'"):
        det.set_params(strict=True).predict(more)
    with pytest.raises(ValueError, match=r"(?s)missing:\n- ok"):
        det.predict(frame.drop(columns="ok"))
    both = frame.rename(columns={"ok": "fine"})
    with pytest.raises(ValueError, match=r"(?s)- fine.*missing:\n- ok"):
        det.predict(both)
    assert isinstance(frame, pd.DataFrame)


def test_tables_that_are_no_frames_are_refused_with_the_cure(estimator, frame_of):
    det = estimator().fit(frame_of())
    for table, cure in ((pa.table({"a": [1.0]}), "to_pandas"), (pl.LazyFrame({"a": [1]}), "coll")):
        for act in (estimator().fit, det.anomaly_score):
            with pytest.raises(DataError, match=cure):
                act(table)
