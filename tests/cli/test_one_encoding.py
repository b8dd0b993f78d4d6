"""A table is encoded alike by `jaxad fit` of a csv or parquet file and by the estimator."""

import numpy as np
import pandas as pd
import pytest

from jaxad.cli import main
from jaxad.saving import open_detector
from jaxad.sklearn import JaxADDetector

ROWS = 200


def make_frame(n=ROWS, seed=0):
    """Columns of all kinds, with gaps."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "service": rng.choice(["web", "mail", "NA", "7"], n),
            "when": pd.date_range("2024-01-01", periods=n, freq="7h"),
            "ok": rng.random(n) < 0.8,
            "size": rng.normal(size=n).round(4),
        }
    )
    frame.loc[::9, "size"] = np.nan
    return frame


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """The same rows, trained on through three doors."""
    here = tmp_path_factory.mktemp("doors")
    frame = make_frame()
    frame.to_csv(here / "rows.csv", index=False)
    frame.to_parquet(here / "rows.parquet")
    for kind in ("csv", "parquet"):
        argv = ["fit", here / f"rows.{kind}", "iforest", "--out", here / kind, "--seeds", 1]
        assert main([str(arg) for arg in argv]) == 0
    JaxADDetector("iforest").fit(frame).save(here / "frame")
    return {kind: here / kind for kind in ("csv", "parquet", "frame")}


def test_the_encoding_and_the_scores_are_the_same(doors, tmp_path):
    saved = {kind: open_detector(folder) for kind, folder in doors.items()}
    assert saved["csv"].encoding == saved["parquet"].encoding == saved["frame"].encoding
    new = make_frame(50, seed=1)
    new.loc[3, "service"], new.loc[5, "ok"] = "never", False
    new.to_csv(tmp_path / "new.csv", index=False)
    new.to_parquet(tmp_path / "new.parquet")
    expected = JaxADDetector.load(doors["frame"]).anomaly_score(new)
    for detector in saved.values():
        for name in ("new.csv", "new.parquet"):
            (part,) = detector.score_file(tmp_path / name)
            np.testing.assert_allclose(part.mean, expected, rtol=1e-6)
            assert part.events.describe(3) == ["unseen category in `service`"]
            assert part.mean[3] >= detector.reference.score.max() * (1 - 1e-6)


@pytest.mark.parametrize("kind", ["csv", "parquet", "frame"])
def test_the_command_scores_unknown_values_and_ignores_further_columns(
    doors, kind, tmp_path, capsys
):
    frame = make_frame(5).assign(more=1)
    frame.loc[2, "service"] = None
    frame.to_csv(tmp_path / "new.csv", index=False)
    argv = ["score", doors[kind], tmp_path / "new.csv", "--out", tmp_path / "scores.csv"]
    assert main([str(arg) for arg in argv]) == 0
    assert "not in training: more" in capsys.readouterr().err
    scores = pd.read_csv(tmp_path / "scores.csv").score
    assert scores.notna().all()
    assert scores[2] >= open_detector(doors[kind]).reference.score.max() * (1 - 1e-6)
    assert main([str(arg) for arg in (*argv, "--force", "--strict")]) == 1
    assert "more; drop them (--drop)" in capsys.readouterr().err
