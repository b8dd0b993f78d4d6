"""Monitoring: drift is found where there is some, and rarely where there is none."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jaxad.cli import main
from jaxad.data.tables.profile import PROFILE, dump_profile, make_profile, read_profile
from jaxad.errors import ConfigError, DataError
from jaxad.saving import monitor, open_detector
from jaxad.saving.drift.comparing import adjust_by_holm
from jaxad.sklearn import JaxADDetector
from jaxad.thresholds import parse_rule
from jaxad.utils.checksums import write_checksums

SETTINGS = {"trees": 20}


def make_frame(rows, seed=0, shift=0.0, gaps=0, services=("a", "b", "c")):
    rng = np.random.default_rng(seed)
    size = rng.normal(size=rows) + shift
    size[:gaps] = np.nan
    return pd.DataFrame(
        {
            "size": size,
            "count": rng.integers(0, 9, size=rows),
            "ok": rng.random(rows) < 0.8,
            "service": rng.choice(services, size=rows),
        }
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("monitor") / "saved"
    det = JaxADDetector("iforest", threshold="conformal(0.05)", settings=SETTINGS)
    return open_detector(det.fit(make_frame(800, gaps=2)).save(folder))


@pytest.fixture
def write(tmp_path):
    def write(frame, name="new.csv"):
        frame.to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return write


def list_drift(report):
    return {(test.of, test.column) for test in report.tests if test.drift}


def test_fresh_rows_of_the_same_kind_seldom_drift(saved, write):
    """At a level of 1 %, one of 20 files in five would be a rare event."""
    drifting = [monitor(saved, write(make_frame(400, seed, gaps=1))).drift for seed in range(1, 21)]
    assert sum(drifting) <= 1


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"shift": 1.0}, ("values", "size")),
        ({"services": ("a", "a", "b")}, ("values", "service")),
        ({"gaps": 60}, ("gaps", "size")),
        ({"shift": 6.0}, ("scores", None)),
        ({"shift": 6.0}, ("alarm rate", None)),
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_drift_is_found(saved, write, seed, changed, expected):
    report = monitor(saved, write(make_frame(400, seed, **changed)))
    assert report.drift and expected in list_drift(report)


def test_unseen_categories_and_gaps_are_counted(saved, write):
    frame = make_frame(400, 1, gaps=30)
    frame.loc[:6, "service"] = "new"
    report = monitor(saved, write(frame))
    service = next(one for one in report.columns if one.name == "service")
    size = next(one for one in report.columns if one.name == "size")
    assert (service.unseen, service.categories) == (7, ("new",))
    assert (size.gaps, size.gap_rate) == (30, 30 / 400)
    assert size.training_gap_rate == 2 / 800


def test_the_interval_of_the_alarm_rate_is_exact(saved, write):
    """For 0 alarms of n the upper end is 1 - 0.025^(1/n)."""
    report = monitor(saved, write(make_frame(50, 1)), rule=parse_rule("1e9"))
    assert (report.alarms.count, report.alarms.low) == (0, 0.0)
    assert report.alarms.high == pytest.approx(1 - 0.025 ** (1 / 50))
    assert report.alarms.promised == 0
    report = monitor(saved, write(make_frame(50, 1)))
    assert report.alarms.rule == "conformal(0.05)" and report.alarms.promised == 0.05
    assert report.alarms.low <= report.alarms.rate <= report.alarms.high


def test_order_and_further_columns_do_not_matter(saved, write):
    frame = make_frame(300, 1)
    one = monitor(saved, write(frame))
    two = monitor(saved, write(frame[frame.columns[::-1]], "other.csv"))
    assert {t[:4]: t.adjusted for t in one.tests} == {t[:4]: t.adjusted for t in two.tests}


def test_holms_correction():
    p = np.array([0.04, 0.001, 0.03, 0.8])
    np.testing.assert_allclose(adjust_by_holm(p), [0.09, 0.004, 0.09, 0.8])
    assert (adjust_by_holm(np.full(3, 0.9)) == 1).all()


def test_profiles_come_back_and_broken_ones_are_refused():
    table = pa.Table.from_pandas(make_frame(50, gaps=3), preserve_index=False)
    profile = make_profile(table)
    back = read_profile(dump_profile(profile), "here")
    for one, two in zip(profile.columns, back.columns, strict=True):
        np.testing.assert_array_equal(one.sample, two.sample)
        assert one._replace(sample=None) == two._replace(sample=None)
    assert [c.kind for c in profile.columns] == ["number", "number", "category", "category"]
    for change in (
        {"kind": "code"},
        {"rows": 2},
        {"gaps": -1},
        {"sample": [float("nan")]},
        {"sample": [[1.0]]},
        {"name": 3},
        {"counts": [1]},
        {"more": 1},
    ):
        values = json.loads(dump_profile(profile))
        values["columns"][0].update(change)
        with pytest.raises(DataError, match="not a profile"):
            read_profile(json.dumps(values).encode(), "here")
    for content in (b"", b"[]", b"{}", b'{"format": "jaxad-profile", "version": 9}'):
        with pytest.raises(DataError, match="not a profile"):
            read_profile(content, "here")


def test_numbers_of_many_rows_are_sampled():
    table = pa.table({"x": np.random.default_rng(0).normal(size=5000)})
    (column,) = make_profile(table).columns
    assert (len(column.sample), column.rows) == (2000, 5000)
    assert (np.diff(column.sample) >= 0).all()


def test_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    columns = ["size", "count"]
    make_frame(300)[columns].to_csv("train.csv", index=False)
    make_frame(300, 1)[columns].to_csv("same.csv", index=False)
    make_frame(300, 1, shift=2.0)[columns].to_csv("other.csv", index=False)
    fit = ["fit", "train.csv", "iforest", "--set", "trees=20", "--out", "model"]
    assert main(fit) == 0
    capsys.readouterr()
    assert main(["monitor", "model", "same.csv"]) == 0
    out = capsys.readouterr().out
    assert "No drift" in out and "size: values" in out and "quantile(0.1) promises 10 %" in out
    assert main(["monitor", "model", "other.csv", "--out", "page.html", "--json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["drift"] and said["rows"] == 300 and not said["held_out"]
    assert {"name", "kind", "gaps"} <= said["columns"][0].keys()
    page = (tmp_path / "page.html").read_text()
    assert "<table>" in page and "Drift: " in page and "size: values" in page
    for args, match in (
        (["--out", "page.html"], "exists already"),
        (["--out", "page.txt"], "must end in .html"),
        (["--level", "2"], "level"),
        (["--threshold", "conformal"], "--reference"),
    ):
        assert main(["monitor", "model", "same.csv", *args]) == 2
        assert match in capsys.readouterr().err
    args = ["--reference", "same.csv", "--threshold", "conformal(0.05)", "--json"]
    assert main(["monitor", "model", "same.csv", *args]) == 0
    assert json.loads(capsys.readouterr().out)["held_out"]


def test_a_detector_without_a_profile_is_a_clear_error(saved, write, tmp_path):
    import shutil

    folder = tmp_path / "old"
    shutil.copytree(saved.folder, folder)
    (folder / PROFILE).unlink()
    write_checksums(folder)
    with pytest.raises(ConfigError, match="no profile of its training rows"):
        monitor(open_detector(folder), write(make_frame(30)))


def test_estimators_of_arrays_take_files_by_place(tmp_path):
    rng = np.random.default_rng(0)
    det = JaxADDetector("iforest", settings=SETTINGS).fit(rng.normal(size=(200, 2)))
    back = JaxADDetector.load(det.save(tmp_path / "saved"))
    assert back.profile_.columns[0].rows == 200
    path = tmp_path / "new.csv"
    pd.DataFrame(rng.normal(size=(200, 2)), columns=["p", "q"]).to_csv(path, index=False)
    report = monitor(open_detector(tmp_path / "saved"), path)
    assert not report.drift and len(report.columns) == 2
