"""`jaxad fit --calibration`: rows are held out, and the threshold is that of an estimator."""

import numpy as np
import pandas as pd
import pytest

from jaxad import thresholds
from jaxad.saving import open_detector
from jaxad.sklearn import JaxADDetector

SETTINGS = {"epochs": 2, "batch_size": 16, "widths": (4,)}


def make_frame(n=120, seed=0):
    """Rows with gaps and a category that few rows have."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"]).round(6)
    frame["colour"] = rng.choice(["red", "green", "blue"], n, p=[0.6, 0.39, 0.01])
    frame.loc[rng.random(n) < 0.01, "b"] = np.nan
    return frame


def label_rows(frame):
    y = (np.arange(len(frame)) % 15 == 0).astype(int)
    return frame.assign(a=frame.a + 5 * y), y


@pytest.mark.parametrize(
    ("detector", "settings", "values", "given"),
    [
        ("autoencoder", SETTINGS, {}, ["--label", "none"]),
        ("hbos", None, {"normal": 0}, ["--label", "y", "--normal", "0"]),
    ],
)
def test_the_threshold_is_that_of_an_estimator(cli, detector, settings, values, given):
    frame, y = label_rows(make_frame())
    given_y = y if values else None
    (frame.assign(y=y) if values else frame).to_csv("rows.csv", index=False)
    make_frame(200, seed=1).to_csv("new.csv", index=False)
    own = [f"--set={name}={value}" for name, value in (settings or {}).items()]
    own = [text.replace("(4,)", "4,") for text in own]
    argv = ("fit", "rows.csv", detector, "--out", "m", "--calibration", "0.3", "--seed-root", "5")
    ended = cli(*argv, *given, *own)
    assert ended.code == 0, ended.err
    det = JaxADDetector(
        *(detector,),
        **values,
        threshold="conformal(0.1)",
        calibration=0.3,
        seed=5,
        settings=settings,
    ).fit(pd.read_csv("rows.csv").drop(columns="y", errors="ignore"), given_y)
    known = open_detector("m").reference
    held = det.reference_.held_out
    assert f"{len(held)} rows held out" in ended.out and len(held) > 30
    np.testing.assert_array_equal(known.held_out, held)
    np.testing.assert_array_equal(known.score, det.reference_.score)
    assert thresholds.conformal(known.held_out, 0.1) == det.threshold_
    assert (
        cli(*["score", "m", "new.csv", "--out", "s.csv", "--threshold", "conformal(0.1)"]).code == 0
    )
    found = pd.read_csv("s.csv")
    alarms = det.predict(pd.read_csv("new.csv")) == -1
    np.testing.assert_array_equal(found.anomaly == 1, alarms)
    np.testing.assert_array_equal(found.p_value <= 0.1, alarms)


def test_false_alarms_among_fresh_normal_rows_are_as_rare_as_stated(cli):
    rates = []
    make_frame(2000, seed=99).to_csv("new.csv", index=False)
    for seed in range(6):
        make_frame(seed=seed).to_csv("rows.csv", index=False)
        argv = ("fit", "rows.csv", "hbos", "--out", f"m{seed}", "--calibration", "0.5")
        assert cli(*argv, "--seed-root", seed).code == 0
        argv = ("score", f"m{seed}", "new.csv", "--out", "s.csv", "--force")
        assert cli(*argv, "--threshold", "conformal(0.1)").code == 0
        rates.append((pd.read_csv("s.csv").anomaly == 1).mean())
    assert np.mean(rates) <= 0.1 + 3 * np.std(rates) / np.sqrt(len(rates))


def test_sequences_and_images_are_held_out_too(cli):
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(size=(60, 8))).to_csv("series.csv", index=False)
    argv = ("fit", "sequence:series.csv", "mlp_forecaster", "--out", "m")
    assert cli(*argv, "--calibration", "0.4", "--epochs", "1").code == 0
    assert len(open_detector("m").reference.held_out) == 24
    np.savez("images.npz", X=rng.random((40, 8, 8, 1)), mask=np.zeros((40, 8, 8), bool))
    argv = ("fit", "images.npz", "pca", "--out", "n", "--calibration", "0.25")
    ended = cli(*argv)
    assert ended.code == 0, ended.err
    assert len(open_detector("n").reference.held_out) == 10


def test_what_cannot_be_held_out_is_a_clear_error(cli):
    make_frame(3).drop(columns="b").to_csv("few.csv", index=False)
    for share in ("0", "1", "-0.5", "nan"):
        ended = cli("fit", "few.csv", "hbos", "--out", "m", "--calibration", share)
        assert ended.code == 2 and "(--calibration) must be in (0, 1)" in ended.err
    ended = cli("fit", "few.csv", "hbos", "--out", "m", "--calibration", "0.9")
    assert ended.code == 1 and "--calibration) 0.9 holds out 3 of 3 rows" in ended.err
    make_frame(30).to_csv("rows.csv", index=False)
    ended = cli("fit", "rows.csv", "hbos", "--out", "m", "--calibration", "0.3")
    assert "9 rows held out" in ended.out and "A from 0.1" in ended.out
    ended = cli(*["score", "m", "rows.csv", "--out", "s.csv", "--threshold", "conformal(0.05)"])
    assert ended.code != 0 and "conformal(0.05) needs at least 19" in ended.err
    assert "given 9" in ended.err
    make_frame(30).to_csv("rows.csv", index=False)
    cli("fit", "rows.csv", "hbos", "--out", "plain")
    ended = cli(*["score", "plain", "rows.csv", "--out", "s.csv", "--threshold", "conformal"])
    assert ended.code == 2 and "fit --calibration" in ended.err
