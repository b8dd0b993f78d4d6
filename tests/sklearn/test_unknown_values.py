"""Unknown values are never the most normal ones: whatever the detector, and in every door."""

from dataclasses import fields

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pyarrow import parquet

from jaxad.cli import main
from jaxad.data.tables.reading import as_table
from jaxad.detectors.registry import REGISTRY, get_entry
from jaxad.errors import DataError, DataWarning
from jaxad.sklearn import JaxADDetector

QUICK = {"epochs": 2, "pretrain_epochs": 1, "batch_size": 64, "widths": (8,)}
OWN = {"rsrae": {"subspace": 4}}  # at most the last width
TABULAR = sorted(name for name, entry in REGISTRY.items() if entry.examples == "table")
FEW = ("iforest", "autoencoder", "gaussian")
ROWS = 300


def make_frame(n=ROWS, seed=0):
    """Connections of twelve services, one of them seen once."""
    rng = np.random.default_rng(seed)
    service = rng.choice([f"svc{i}" for i in range(12)], n)
    if n == ROWS:
        service[7] = "once"
    return pd.DataFrame(
        {"service": service, "bytes": rng.normal(size=n), "dur": rng.normal(size=n)}
    )


def make_labels():
    """Some labelled anomalies and normal rows, for the detectors that need them."""
    return np.where(np.arange(ROWS) % 25 == 0, "bad", np.where(np.arange(ROWS) % 12, "", "good"))


def fit(name, frame, y=None, **parameters):
    known = {field.name for field in fields(get_entry(name).config)}
    settings = {key: value for key, value in QUICK.items() if key in known} | OWN.get(name, {})
    meaning = {} if y is None else {"positive": "bad", "normal": "good"}
    return JaxADDetector(name, settings=settings, **meaning, **parameters).fit(frame, y)


def score_one(det, **values):
    """Score a row in the middle of training but for some values."""
    row = {"service": "svc1", "bytes": 0.0, "dur": 0.0} | values
    return det.anomaly_score(pd.DataFrame({name: [value] for name, value in row.items()}))[0]


def percentile(det, score):
    return (det.reference_.of_training <= score).mean()


@pytest.mark.parametrize("name", TABULAR)
def test_unknown_values_score_high_and_known_rows_as_without_the_rule(name, monkeypatch):
    frame = make_frame()
    det = fit(name, frame, make_labels())
    unknown = pd.DataFrame(
        {
            "service": ["never", None, "svc1", "once", "svc1"],
            "bytes": pd.Series([0.0, 0.0, None, 0.0, "text"], dtype=object),
            "dur": np.zeros(5),
        }
    )
    scores = det.anomaly_score(unknown)
    least = np.quantile(det.reference_.of_training, 0.9)
    assert (scores >= least).all(), scores
    fresh = make_frame(2000, seed=1)
    alarms = det.anomaly_score(fresh) > det.threshold_
    monkeypatch.setattr("jaxad.sklearn.base.raise_scores", lambda scores, *_: scores)
    np.testing.assert_array_equal(det.anomaly_score(fresh) > det.threshold_, alarms)


# Cases of other libraries' users, each with the right value.


@pytest.mark.parametrize("name", FEW)
def test_a_category_that_training_never_had_scores_high(name):
    det = fit(name, make_frame())
    score = score_one(det, service="never_seen")
    assert percentile(det, score) == 1
    assert score > score_one(det)
    assert det.predict(make_frame(1, seed=3).assign(service="never_seen"))[0] == -1


@pytest.mark.parametrize("name", FEW)
def test_a_category_seen_once_scores_high(name):
    det = fit(name, make_frame())
    assert percentile(det, score_one(det, service="once")) > 0.99


def test_one_odd_entry_among_numbers_leaves_them_numbers():
    frame = make_frame().astype({"bytes": object})
    frame.loc[9, "bytes"] = "n.a."
    with pytest.warns(DataWarning, match=r"'bytes' holds numbers.*'n\.a\.'"):
        det = fit("gaussian", frame)
    assert percentile(det, score_one(det, bytes=1e6)) == 1
    assert percentile(det, score_one(det, bytes="n.a.")) > 0.99


def test_an_identifier_is_left_out():
    frame = make_frame()
    frame["id"] = [f"tx{i}" for i in range(ROWS)]
    with pytest.warns(DataWarning, match="'id' has 300 different values"):
        det = fit("gaussian", frame)
    np.testing.assert_allclose(
        det.anomaly_score(frame), fit("gaussian", make_frame()).anomaly_score(make_frame())
    )
    with pytest.raises(DataError, match="'id'"):
        fit("gaussian", frame, strict=True)


def test_dates_as_text_and_typed_are_elapsed_time():
    frame = make_frame()
    when = pd.date_range("2024-01-01", periods=ROWS, freq="3h")
    text, typed = frame.assign(when=when.astype(str)), frame.assign(when=when)
    det = fit("gaussian", text)
    np.testing.assert_array_equal(det.anomaly_score(typed), det.anomaly_score(text))
    later = frame.head(1).assign(when="2025-06-01 00:00:00")
    assert percentile(det, det.anomaly_score(later)[0]) == 1


def test_whole_numbers_read_as_floats_are_the_same():
    level = np.arange(ROWS) % 3 + 1
    frame = make_frame().assign(level=level, code=pd.Categorical(level))
    det = fit("gaussian", frame)
    scores = det.anomaly_score(frame)
    for kind in (float, str, object, "category"):
        other = frame.assign(level=level.astype(float)).astype({"level": kind, "code": kind})
        np.testing.assert_array_equal(det.anomaly_score(other), scores)
    floats = frame.assign(code=level.astype(float).astype(str))
    np.testing.assert_array_equal(det.anomaly_score(floats), scores)


def test_a_country_called_na_is_the_same_value_in_every_door(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = make_frame().assign(country=np.resize(["NA", "DE", "FR", None], ROWS))
    det = fit("gaussian", frame)
    assert {"country_NA", "country_missing"} <= set(det.encoded_names_)
    expected = det.anomaly_score(frame)
    np.testing.assert_array_equal(det.anomaly_score(pl.from_pandas(frame)), expected)
    det.save("saved")
    frame.to_csv("rows.csv", index=False)
    parquet.write_table(as_table(frame), "rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        assert main(["score", "saved", name, "--out", "scores.csv", "--force"]) == 0
        np.testing.assert_allclose(pd.read_csv("scores.csv").score, expected, rtol=1e-6)


@pytest.mark.parametrize("name", FEW)
def test_gaps_that_training_never_had_score_high_in_every_door(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    det = fit(name, make_frame())
    assert percentile(det, score_one(det, bytes=None)) == 1
    det.save("saved")
    with open("rows.csv", "w") as file:
        file.write("service,bytes,dur\nsvc1,0,0\n,,\nsvc1,,0\n")
    assert main(["score", "saved", "rows.csv", "--out", "scores.csv"]) == 0
    scores = pd.read_csv("scores.csv").score
    assert (scores[1:] >= det.reference_.of_training.max() * (1 - 1e-6)).all()


def test_held_out_rows_are_scored_as_new_rows_are():
    """Half of the unlabelled rows are held out; a category that only they have is an event."""
    frame = make_frame()
    det = fit("gaussian", frame, threshold="conformal(0.1)", calibration=0.5)
    assert len(det.reference_.held_out) == 150
    again = np.sort(det.anomaly_score(frame))
    assert np.isin(np.round(det.reference_.held_out, 9), np.round(again, 9)).all()
    assert det.p_values(frame.head(1).assign(service="never"))[0] <= 0.1
