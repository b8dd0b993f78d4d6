"""`jaxad explain` for series: a picture of each, and metrics of ranges where there are labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jaxad.cli import main


def make_series(n, seed, anomaly=False):
    rng = np.random.default_rng(seed)
    x = np.sin(np.arange(n)[:, None] / [3, 5]) + 0.1 * rng.normal(size=(n, 2))
    label = np.zeros(n, int)
    if anomaly:
        label[n // 2 : n // 2 + 6] = 1
        x[label == 1, 0] += 4
    time = pd.date_range("2024-03-01", periods=n, freq="1min")
    return pd.DataFrame({"when": time, "a": x[:, 0], "b": x[:, 1], "label": label})


def make_lines(*parts):
    return pd.concat([part.assign(line=name) for name, part in parts])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A forecaster of one series, and a detector of groups that takes windows as rows."""
    here = tmp_path_factory.mktemp("series")
    make_series(150, 0).drop(columns="label").to_csv(here / "one.csv", index=False)
    lines = make_lines(("x/1", make_series(80, 1)), ("y", make_series(80, 2)))
    lines.drop(columns="label").to_csv(here / "lines.csv", index=False)
    how = ["--time", "when", "--window", "10", "--stride", "2"]
    fit = ["fit", here / "one.csv", "mlp_forecaster", *how, "--out", here / "m", "--epochs", "2"]
    assert main([str(a) for a in [*fit, "--set", "widths=4,"]]) == 0
    fit = ["fit", here / "lines.csv", "ecod", *how, "--group", "line", "--out", here / "g"]
    assert main([str(a) for a in fit]) == 0
    return here


def test_a_series_is_drawn_and_measured(cli, saved):
    make_series(120, 3, anomaly=True).to_csv("new.csv", index=False)
    ended = cli("explain", saved / "m", "new.csv", "--out", "e", "--threshold", "quantile(0.01)")
    assert (ended.code, ended.err) == (0, "")
    assert Path("e/series.png").stat().st_size > 10_000
    first, second = ended.out.splitlines()
    assert first.startswith("120 timestamps of 1 series scored with 1 seed(s), 6 of them without")
    for name in ("VUS-PR ", "VUS-ROC ", "AUROC of timestamps ", "affiliation precision "):
        assert name in second
    again = cli("explain", saved / "m", "new.csv", "--out", "e")
    assert again.code == 2 and "series.png already" in again.err
    plain = cli("explain", saved / "m", "new.csv", "--out", "e", "--force", "--label", "none")
    assert plain.code == 0 and "VUS" not in plain.out


def test_labels_of_no_meaning_name_the_cure(cli, saved):
    new = make_series(40, 4, anomaly=True)
    new.assign(label=new.label.map({0: "no", 1: "yes"})).to_csv("new.csv", index=False)
    ended = cli("explain", saved / "m", "new.csv", "--out", "e")
    assert ended.code == 1 and "new.csv: the labels holds no, yes" in ended.err
    assert "--label none" in ended.err and not list(Path("e").iterdir())


def test_groups_have_a_picture_each(cli, saved):
    lines = make_lines(("x/1", make_series(40, 4)), ("y", make_series(60, 5, anomaly=True)))
    lines.to_csv("new.csv", index=False)
    ended = cli("explain", saved / "g", "new.csv", "--out", "e")
    assert (ended.code, ended.err) == (0, "")
    assert sorted(path.name for path in Path("e").iterdir()) == ["series_x_1.png", "series_y.png"]
    assert "100 timestamps of 2 series" in ended.out and "mean over 1 labelled series" in ended.out
    few = cli("explain", saved / "g", "new.csv", "--out", "f", "--most", "1")
    assert few.code == 0 and [path.name for path in Path("f").iterdir()] == ["series_y.png"]
    assert "of 2 series, those with the highest scores" in few.out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--kind", "lrp"], "--kind and --sigma apply only to tables and images"),
        (["--threshold", "best"], "best"),
        (["--most", "0"], "--most 0 must be at least 1"),
    ],
)
def test_wrong_use(cli, saved, argv, message):
    make_series(40, 4).to_csv("new.csv", index=False)
    ended = cli("explain", saved / "m", "new.csv", "--out", "e", *argv)
    assert ended.code == 2 and message in ended.err


def test_series_are_no_stream(cli, saved):
    for name in ("m", "g"):
        ended = cli("explain", saved / name, "-")
        assert ended.code == 2, ended.err
