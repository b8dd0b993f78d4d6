"""Long series by the command line: fit, score and audit."""

import numpy as np
import pandas as pd
import pytest

import jaxad

CUT = ("--time", "timestamp", "--group", "unit", "--window", "8", "--stride", "4")
SMALL = ("--epochs", "2", "--batch-size", "16")


@pytest.fixture(scope="module")
def frame():
    """Two series of two channels; the second has a gap, and rows of both take turns."""
    place, rng = np.arange(60), np.random.default_rng(0)
    time = pd.date_range("2024-01-01", periods=60, freq="min").map(str)
    parts = []
    for group in ("x", "y"):
        values = {"a": np.sin(place / 2), "b": rng.normal(size=60)}
        parts.append(pd.DataFrame({"timestamp": time, "unit": group, **values, "Label": 0}))
    parts[0].loc[30:33, ["a", "Label"]] = [5.0, 1]
    parts[1] = parts[1].drop(index=range(20, 55))
    return pd.concat(parts).sort_values("timestamp", kind="stable").reset_index(drop=True)


@pytest.fixture
def files(frame, tmp_path):
    frame.to_csv(tmp_path / "ts.csv", index=False)


def test_a_forecaster_scores_every_timestamp_and_channel(cli, files, frame):
    done = cli("fit", "ts.csv", "mlp_forecaster", *CUT, "--set", "given=2", *SMALL, "--out", "m")
    assert done.code == 0, done.err
    assert "windows of 8 timestamps (--window) every 4, from 85 timestamps of 2" in done.out
    done = cli("score", "m", "ts.csv", "--out", "s.csv", "--threshold", "quantile(0.1)")
    assert done.code == 0, done.err
    found = pd.read_csv("s.csv")
    assert list(found) == ["time", "group", "score", "score_a", "score_b", "anomaly"]
    assert found["time"].tolist() == frame["timestamp"].tolist()
    assert found["group"].tolist() == frame["unit"].tolist()
    # The last five timestamps of y lie behind a gap; the first two of a piece are only given.
    rim = ((frame["unit"] == "y") & (frame["timestamp"] >= "2024-01-01 00:55")) | (
        frame["timestamp"] < "2024-01-01 00:02"
    )
    assert (found["score"].isna() == rim).all()
    np.testing.assert_allclose(found["score"], (found["score_a"] + found["score_b"]) / 2)
    assert frame.loc[found["score_a"].idxmax(), "Label"] == 1
    alarm = found["anomaly"] == 1
    assert alarm[frame["Label"] == 1].all() and alarm[frame["Label"] == 0].sum() == 8  # of 72
    alone = frame[frame["unit"] == "x"]
    alone.to_parquet("x.parquet", index=False)
    assert cli("score", "m", "x.parquet", "--out", "x.csv").code == 0
    expected = found.loc[found["group"] == "x", "score"]
    np.testing.assert_allclose(pd.read_csv("x.csv")["score"], expected, rtol=1e-4)


def test_a_detector_of_tables_takes_flat_windows(cli, files, frame):
    done = cli("fit", "ts.csv", "knn", *CUT, "--out", "m")
    assert done.code == 0, done.err
    assert "knn takes rows of a table: a window is a row of 16 numbers" in done.out
    broken = frame.copy()
    broken.loc[0, "a"] = np.nan
    broken.to_csv("gap.csv", index=False)
    for file in ("ts.csv", "gap.csv"):
        assert cli("score", "m", file, "--out", "s.csv", "--force", "--top", 3).code == 0
    found = pd.read_csv("s.csv")
    assert list(found) == ["time", "group", "score", "anomaly"]
    assert found["score"].idxmax() == 0  # a gap that training did not have
    fitted, scaling = jaxad.load("m")
    assert fitted.detector.input_shape == (16,) and scaling is not None
    frame = frame.sort_values(["unit", "timestamp"])
    windows = frame.loc[frame["unit"] == "x", ["a", "b"]].to_numpy()[:8].reshape(1, 16)
    assert np.isfinite(jaxad.score(fitted, scaling.apply(windows))).all()


def test_an_audit_names_windows_by_their_first_timestamp(cli, files):
    done = cli("audit", "ts.csv", "knn", *CUT, "--truth", "Label", "--out", "a.csv")
    assert done.code == 0, done.err
    assert "unlabelled windows ranked" in done.out and "hidden anomalies: AUROC" in done.out
    found = pd.read_csv("a.csv")
    assert found["time"][0].startswith("x/2024-01-01 00:")


def test_bad_series_end_with_one_message(cli, files, frame):
    def fit(file="ts.csv", *options):
        done = cli("fit", file, "knn", *options, "--out", "m")
        assert not done.out
        return done.code, done.err

    assert fit("ts.csv", "--time", "timestamp") == (1, fit("ts.csv", "--time", "timestamp")[1])
    assert "--group" in fit("ts.csv", "--time", "timestamp")[1]
    assert fit("ts.csv", "--time", "time")[0] == 2
    code, error = fit("ts.csv", *CUT[:4], "--window", "61")
    assert code == 1 and "series 'x' has 60 timestamp(s)" in error
    assert fit("ts.csv", *CUT[:4], "--stride", "0")[0] == 2
    assert fit("ts.csv", *CUT, "--calibration", "0.2")[0] == 2
    assert fit("ts.csv", *CUT, "--exposure", "wine")[0] == 2
    assert cli("fit", "ts.csv", "knn", *CUT, "--out", "m").code == 0
    frame.drop(columns="b").to_csv("less.csv", index=False)
    done = cli("score", "m", "less.csv", "--out", "s.csv")
    assert done.code == 1 and "b" in done.err
    frame[:9].to_csv("short.csv", index=False)
    done = cli("score", "m", "short.csv", "--out", "s.csv")
    assert done.code == 1 and "does not fit into 2 of 2 series" in done.err
    done = cli("score", "m", "series:window=9:ts.csv", "--out", "s.csv")
    assert done.code == 2 and "saved with the detector" in done.err


def test_the_layout_of_tsb_ad_needs_no_options(cli, tmp_path):
    wave = np.sin(2 * np.pi * np.arange(200) / 12)
    frame = pd.DataFrame({"Data": wave, "Label": (np.arange(200) == 150).astype(int)})
    frame.to_csv(tmp_path / "001_wave_tr_100_x.csv", index=False)
    done = cli("fit", "001_wave_tr_100_x.csv", "knn", "--out", "m")
    assert done.code == 0, done.err
    assert "windows of 12 timestamps (the period by the autocorrelation) every 1" in done.out
    assert cli("score", "m", "001_wave_tr_100_x.csv", "--out", "s.csv").code == 0
    found = pd.read_csv("s.csv")
    assert found["time"].tolist() == list(range(200)) and found["score"].notna().all()
