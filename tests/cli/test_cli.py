"""The command line: what it prints, what it records, and how it refuses."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from rich.text import Text

import jaxad
from jaxad.cli.app import COMMANDS
from jaxad.cli.progress import Reporter
from jaxad.cli.run import json_line
from jaxad.cli.settings import parse_configurations
from jaxad.cli.table import print_tables
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.metrics import summarise
from jaxad.evaluation.scoring import Evaluation
from jaxad.results import Cell, read_results
from jaxad.utils.compilation_cache import enable_compilation_cache
from jaxad.utils.timing import Seconds

# One size of batch and two seeds throughout: the tests then share compiled programs.
SMALL = ("--epochs", "2", "--seeds", "2", "--batch-size", "16")
ONE = ("--epochs", "1", "--batch-size", "16")
CLASS = (*SMALL, "--normal-class", "0")
QUICK = (*CLASS, "--set", "pretrain_epochs=1")


@pytest.fixture
def table(tmp_path):
    """40 rows around 0 and 8 around 4, as a frame with their truth."""
    rng = np.random.default_rng(0)
    truth = (np.arange(48) % 6 == 0).astype(int)
    frame = pd.DataFrame(rng.normal(size=(48, 3)) + 4 * truth[:, None], columns=["a", "b", "c"])
    return frame.assign(label=truth)


def cell(normal_class, detector, summary):
    return Cell(
        dataset="digits",
        normal_class=normal_class,
        detector=detector,
        setting={"contamination": 0.1, "labelled_anomalies": 20, "labelled_normals": 0},
        config={},
        evaluation=Evaluation(*[summary] * 5),
        seconds=Seconds(1.25, 0.5),
    )


def one_line(err):
    """The error, if it is one line and no traceback."""
    lines = err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("jaxad: ")
    return lines[0]


# run


def test_run_prints_one_json_object_a_cell_and_records_the_same(cli):
    ended = cli("run", "digits", "autoencoder", "deep_sad", *QUICK, "--json")
    assert ended.code == 0
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [(line["normal_class"], line["detector"]) for line in lines] == [
        (0, "autoencoder"),
        (0, "deep_sad"),
    ]
    rows = read_results("results")
    assert rows.groupby("detector").seed.apply(list).to_dict() == {
        "autoencoder": [0, 1],
        "deep_sad": [0, 1],
    }
    for line in lines:
        assert line["dataset"] == "digits"
        assert line["setting"]["contamination"] == 0.1
        assert line["setting"]["labelled_anomalies"] == 20
        assert line["seconds"].keys() == {"compile", "run"}
        mine = rows[rows.detector == line["detector"]]
        for metric in ("auroc", "auprc"):
            values = line[metric]["per_seed"]
            assert mine[metric].tolist() == values
            assert line[metric]["mean"] == pytest.approx(np.mean(values))
            assert line[metric]["std"] == pytest.approx(np.std(values, ddof=1))
        assert mine.seconds_run.sum() == pytest.approx(line["seconds"]["run"])
    assert lines[0]["config"]["epochs"] == 2
    assert lines[1]["config"]["pretrain_epochs"] == 1  # --set is stronger than --epochs
    assert "AUROC in %" in ended.err
    assert "4 rows appended to results/" in ended.err


def test_a_cell_is_what_the_library_gives_whatever_runs_beside_it(cli):
    ended = cli("run", "digits", "deep_sad", *QUICK, "--normal-class", 3, "--json")
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert [line["normal_class"] for line in lines] == [0, 3]
    split = jaxad.contaminate(
        "digits", 0, normal_class=3, contamination=0.1, labelled_anomalies=20, seeds=2
    )
    detector = jaxad.make("deep_sad", split.train, epochs=2, pretrain_epochs=1, batch_size=16)
    expected = jaxad.evaluate(jaxad.fit(detector, split.train, key=0), split.test)
    assert lines[1]["auroc"] == expected.as_dict()["auroc"]


def test_each_class_in_turn_side_by_side(cli):
    ended = cli("run", "digits", "autoencoder", "deep_sad", *SMALL)
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert max(map(len, lines)) <= 120
    rows = read_results("results")
    assert sorted(set(rows.normal_class)) == list("0123456789")
    mean = rows.groupby(["normal_class", "detector"]).auroc.mean() * 100
    shown = next(line.split() for line in lines if line.split()[:1] == ["7"])
    assert shown[1] == f"{mean['7', 'autoencoder']:.1f}"
    over = rows.groupby(["detector", "seed"]).auroc.mean() * 100
    shown = next(line for line in lines if line.split()[:1] == ["mean"])
    assert f"{over['autoencoder'].mean():.1f} ±{over['autoencoder'].std():4.1f}" in shown
    assert "compile" in ended.out
    assert len(ended.err.splitlines()) == 20  # a line each finished cell where there is no terminal


def test_the_bar_keeps_off_standard_output(cli, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # for rich this makes standard error a terminal
    monkeypatch.setenv("TERM", "xterm")
    ended = cli("run", "digits", "autoencoder", *CLASS, "--json")
    (line,) = map(json.loads, ended.out.splitlines())
    assert line["detector"] == "autoencoder"
    assert "━" in ended.err
    assert "1/1" in ended.err


def test_data_that_is_labelled_normal_and_anomalous_has_one_normal_class(cli):
    own = ("--labelled-normals", "3", "--contamination", "none")
    ended = cli("run", "blobs", "deep_sad", *SMALL, *own, "--json")
    (line,) = map(json.loads, ended.out.splitlines())
    assert line["normal_class"] == "normal"
    assert line["setting"]["contamination"] is None
    assert line["setting"]["labelled_normals"] == 3


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["runn"], 2, "Did you mean 'run'?"),
        (["run", "digitz", "autoencoder"], 2, "Did you mean 'digits'?"),
        (["run", "digits", "deep_sadd"], 2, "Did you mean 'deep_sad'?"),
        (["run", "digits"], 2, "at least one detector"),
        (["run", "digits", "autoencoder", "--normal-class", "12"], 2, "class of 'digits'"),
        (["run", "digits", "autoencoder", "--contamination", "1.5"], 2, "contamination=1.5"),
        (["run", "digits", "autoencoder", "--contamination", "0.9"], 1, "hidden anomalies"),
        (["run", "digits", "autoencoder", "--labelled-anomalies", "5000"], 1, "5000"),
        (["run", "digits", "autoencoder", "--labelled-anomalies", "1.5"], 2, "1.5"),
        (["run", "digits", "autoencoder", "--labelled-normals", "-1"], 2, "-1"),
        (["run", "digits", "autoencoder", "--n-train", "0"], 2, "n_train=0"),
        (["run", "digits", "autoencoder", "--seeds", "0"], 2, "--seeds"),
        (["run", "digits", "autoencoder", "--seed-root", "-1"], 2, "--seed-root"),
        (["run", "digits", "autoencoder", "--epochs", "0"], 2, "epochs must be"),
        (["run", "digits", "autoencoder", "--batch-size", "0"], 2, "batch_size must be"),
        (["run", "digits", "autoencoder", "--set", "epoch=3"], 2, "Did you mean 'epochs'?"),
        (["run", "digits", "autoencoder", "--set", "epochs"], 2, "field=value"),
        (["run", "digits", "deep_sad", "--set", "weighing=x"], 2, "is now called weighting"),
        (["run", "digits", "deep_svdd", "--set", "bias=true"], 2, "allow_collapse"),
        (["run", "cardio", "autoencoder", "--data-dir", "nowhere"], 2, "nowhere"),
        (["fit", "nowhere.csv", "deep_sad", "--out", "m"], 1, "nowhere.csv"),
        (["fit", "rows.txt", "deep_sad", "--out", "m"], 2, "rows.txt"),
        (["score", "nowhere", "rows.csv", "--out", "s.csv"], 1, "not a saved detector"),
        (["score", "nowhere", "rows.csv", "--out", "s.txt"], 2, "s.txt"),
        (["list", "deep_sadd"], 2, "Did you mean 'deep_sad'?"),
    ],
)
def test_wrong_use_is_one_line_and_nothing_is_trained_or_written(
    cli, argv, code, says, tmp_path, monkeypatch
):
    monkeypatch.setattr("jaxad.sweep.cells.fit", lambda *a, **k: pytest.fail("trained"))
    ended = cli(*argv)
    assert says in one_line(ended.err)
    assert ended.code == code
    assert ended.out == ""
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["run", "digits", "autoencoder", "--nonsense", "1"], "--nonsense"),
        (["run", "digits", "autoencoder", "--contamination", "much"], "--contamination"),
        (["run", "digits", "autoencoder", "--epochs", "1.5"], "--epochs"),
        (["run"], "DATASET"),
        (["fit", "rows.csv", "deep_sad"], "--out"),
    ],
)
def test_wrong_options_end_with_code_2(cli, argv, says):
    ended = cli(*argv)
    assert ended.code == 2
    assert ended.out == ""
    assert says in ended.err


def test_a_folder_that_cannot_be_written_is_found_before_training(cli, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxad.sweep.cells.fit", lambda *a, **k: pytest.fail("trained"))
    (tmp_path / "file").write_text("kept")
    ended = cli("run", "digits", "autoencoder", *CLASS, "--out", "file")
    assert ended.code == 1
    assert "cannot write to the folder 'file'" in one_line(ended.err)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_truncated_npz_is_named(cli, tmp_path):
    np.savez(tmp_path / "cut.npz", X=np.ones((50, 4)), y=np.arange(50) % 2)
    whole = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    ended = cli("run", "cut", "autoencoder", "--data-dir", tmp_path)
    assert ended.code == 1
    assert "cut.npz" in one_line(ended.err)
    assert not (tmp_path / "results").exists()


def test_a_batch_may_be_larger_than_the_data(cli):
    ended = cli("run", "digits", "autoencoder", *CLASS, "--batch-size", 4096)
    assert ended.code == 0
    assert len(read_results("results")) == 2


def test_ctrl_c_keeps_what_is_complete_and_records_nothing_else(cli, monkeypatch):
    real = Reporter.step

    def step(self, step):
        real(self, step)
        if "deep_sad" in self._name:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Reporter, "step", step)
    ended = cli("run", "digits", "autoencoder", "deep_sad", "deep_svdd", *QUICK)
    assert ended.code == 130
    assert ended.err.splitlines()[-1] == "jaxad: stopped by Ctrl-C"
    assert read_results("results").detector.unique().tolist() == ["autoencoder"]
    assert "autoencoder" in ended.out
    assert "deep_s" not in ended.out
    assert len(list(Path("results").glob("*.parquet"))) == 1


@pytest.mark.parametrize(
    ("raised", "code"), [(KeyboardInterrupt(), 130), (DataError("score has nan"), 1)]
)
def test_what_fails_after_training_leaves_earlier_cells(cli, monkeypatch, raised, code):
    def failing(fitted, test):
        if fitted.detector.name == "deep_sad":
            raise raised
        return jaxad.score(fitted, test)

    monkeypatch.setattr("jaxad.sweep.cells.score", failing)
    ended = cli("run", "digits", "autoencoder", "deep_sad", *QUICK)
    assert ended.code == code
    assert read_results("results").detector.unique().tolist() == ["autoencoder"]
    if code == 1:
        last = ended.err.splitlines()[-1]
        assert last == "jaxad: deep_sad with normal class 0: score has nan"


def test_debug_shows_where(cli):
    ended = cli("run", "digitz", "autoencoder", "--debug")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1].startswith("jaxad: unknown data set 'digitz'")


def test_an_unexpected_error_is_one_line_too(cli, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr("jaxad.sweep.cells.fit", broken)
    ended = cli("run", "digits", "autoencoder", *CLASS)
    assert ended.code == 1
    line = one_line(ended.err)
    assert line == "jaxad: RuntimeError: out of memory (--debug prints the traceback)"


# --set


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("learning_rate=1e-4", "learning_rate", 1e-4),
        ("learning_rate=1", "learning_rate", 1),
        ("widths=32,16", "widths", (32, 16)),
        ("widths=none", "widths", None),
        ("norm=none", "norm", "none"),  # here none is a name
        ("bias=True", "bias", True),
        ("allow-collapse=false", "allow_collapse", False),
        ("objective='soft_boundary'", "objective", "soft_boundary"),
    ],
)
def test_values_are_read_by_the_kind_of_the_field(text, field, value):
    assert parse_configurations(["deep_svdd"], [text], None, None) == {"deep_svdd": {field: value}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("epochs=2.5", "a whole number"),
        ("nu=abc", "a number"),
        ("nu=true", "a number"),
        ("bias=1", "true or false"),
        ("widths=3", "numbers separated by commas"),
        ("objective=3", "a name"),
    ],
)
def test_values_of_another_kind_are_refused(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_configurations(["deep_svdd"], [text], None, None)


def test_a_setting_goes_to_every_detector_that_has_it():
    found = parse_configurations(["autoencoder", "deep_sad"], ["eta=2", "slope=0.2"], 7, 16)
    assert found == {
        "autoencoder": {"epochs": 7, "batch_size": 16, "slope": 0.2},
        "deep_sad": {
            "epochs": 7, "pretrain_epochs": 7, "batch_size": 16, "eta": 2, "slope": 0.2,
        },
    }  # fmt: skip


# The tables


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_tables_fit_the_terminal(width, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    summary = summarise([0.5, 0.75, 1.0])
    cells = [cell(c, d, summary) for c in (0, 1) for d in ("autoencoder", "deep_sad")]
    print_tables(cells)
    out = Text.from_ansi(capsys.readouterr().out).plain
    assert max(len(line) for line in out.splitlines() if "deviation" not in line) <= width
    assert out.count("75.0 ±25.0") == 2 * 2 * 3  # metrics, detectors, two classes and their mean
    low, high = (f"{100 * bound:4.1f}" for bound in summary.interval)
    assert out.count(f"[{low}, {high}]") == 2 * 2 * 3
    assert "10 % hidden contamination, 20 labelled anomalies" in " ".join(out.split())


def test_one_seed_has_no_deviation(capsys):
    one = cell(0, "deep_sad", summarise([0.75]))
    print_tables([one])
    assert "±" not in capsys.readouterr().out
    auroc = json.loads(json_line(one))["auroc"]
    assert auroc == {"mean": 0.75, "std": None, "interval": [None, None], "per_seed": [0.75]}


def test_run_takes_any_table(cli, table):
    frame = table.assign(Class=table.label.map({0: "ok", 1: "bad"}), tx=range(48), kind="x")
    frame = frame.drop(columns="label")
    frame.to_csv("my rows.csv", index=False, sep=";", decimal=",")
    own = ("--label", "Class", "--drop", "kind", "--id", "tx", "--decimal", ",")
    argv = ("run", "my rows.csv", "iforest", "--seeds", 1, "--normal-class", "ok", "--json")
    ended = cli(*argv, *own, "--contamination", "none", "--labelled-anomalies", 0)
    assert ended.code == 0, ended.err
    line = json.loads(ended.out)
    assert (line["dataset"], line["normal_class"]) == ("my_rows", "ok")
    assert cli(*argv, "--label", "Clas").code == 2


# fit and score


@pytest.mark.parametrize(("name", "seeds"), [("deep_sad", 1), ("autoencoder", 2)])
def test_a_saved_detector_scores_as_the_fitted_one(cli, table, name, seeds):
    training = table.iloc[:40]
    training.to_csv("train.csv", index=False)
    how = ("--seeds", seeds, "--epochs", 3, "--batch-size", 16, "--scaling", "minmax")
    ended = cli("fit", "train.csv", name, "--out", "saved", *how)
    assert ended.code == 0
    assert "33 unlabelled rows, 7 labelled anomalies and 0 verified normal rows" in ended.out

    x = training.drop(columns="label").to_numpy()
    scaling = jaxad.data.fit_scaling(x, "minmax")
    train = jaxad.as_train_data(scaling.apply(x), -training.label)
    config = parse_configurations([name], [], 3, 16)[name]
    detector = jaxad.make(name, train, **config)
    fit = jaxad.fit(detector, train, seeds, key=0)
    expected = jaxad.score(fit, scaling.apply(table[["a", "b", "c"]].to_numpy()))

    table.to_csv("rows.csv", index=False)  # with labels, which are not read
    table[["c", "a", "b"]].to_parquet("rows.parquet", index=False)  # in another order
    assert cli("score", "saved", "rows.csv", "--out", "scores.parquet").code == 0
    assert cli("score", "saved", "rows.parquet", "--out", "scores.csv").code == 0
    each = [] if seeds == 1 else [f"score_seed_{i}" for i in range(seeds)]
    for found in (pd.read_parquet("scores.parquet"), pd.read_csv("scores.csv")):
        assert found.columns.tolist() == ["row", "score", *each]
        assert found.row.tolist() == list(range(48))
        np.testing.assert_allclose(found.score, expected.mean(axis=0), rtol=1e-5)
        for i, name in enumerate(each):
            np.testing.assert_allclose(found[name], expected[i], rtol=1e-5)


@pytest.mark.parametrize(
    ("labels", "options", "code", "says"),
    [
        ("truth", [], 0, "40 unlabelled rows, 8 labelled anomalies and 0"),
        ("truth", ["--normal", "0"], 0, "0 unlabelled rows, 8 labelled anomalies and 40"),
        ("truth", ["--label", "none"], 0, "48 unlabelled rows"),
        ("truth", ["--label-kind", "truth"], 2, "--positive and --normal"),
        ("unlabelled", [], 0, "40 unlabelled rows, 8 labelled anomalies"),
        ("gaps", [], 0, "40 unlabelled rows, 8 labelled anomalies"),
        ("classes", [], 1, "holds 5; allowed are 1 (labelled anomaly)"),
        ("classes", ["--positive", "5"], 0, "40 unlabelled rows, 8 labelled anomalies"),
        ("words", [], 1, "holds bad, good; allowed are"),
        ("words", ["--positive", "bad"], 0, "40 unlabelled rows, 8 labelled anomalies and 0"),
        (
            "words",
            ["--positive", "bad", "--normal", "good"],
            0,
            "0 unlabelled rows, 8 labelled anomalies and 40",
        ),
        ("words", ["--positive", "worse"], 1, "positive worse is not a value of"),
        ("words", ["--positive", "bad", "--missing", "good"], 0, "40 unlabelled rows, 8 labelled"),
        ("none", [], 0, "48 unlabelled rows"),
        ("none", ["--positive", "1"], 2, "has no labels"),
        ("none", ["--label", "wrong"], 2, "'wrong' is not a column"),
        ("truth", ["--seeds", "0"], 2, "seeds"),
    ],
)
def test_labels_of_each_kind_and_none(cli, table, labels, options, code, says):
    truth = table.label
    table["label"] = {
        "unlabelled": 2 * truth - 1,
        "gaps": truth.where(truth == 1),
        "classes": 5 * truth,
        "words": truth.map({0: "good", 1: "bad"}),
    }.get(labels, truth)
    if labels == "none":
        table = table.drop(columns="label")
    table.to_csv("rows.csv", index=False)
    ended = cli("fit", "rows.csv", "autoencoder", "--out", "m", *ONE, *options)
    assert ended.code == code
    assert says in (ended.out if code == 0 else one_line(ended.err))
    assert os.path.isdir("m") == (code == 0)


def test_fit_reads_npz_and_refuses_an_existing_folder(cli, table):
    np.savez("rows.npz", X=table[["a", "b", "c"]], y=-table.label)
    argv = ("fit", "rows.npz", "autoencoder", "--out", "new/m", *ONE)
    assert cli(*argv).code == 0
    assert cli("score", "new/m", "rows.npz", "--out", "s.csv").code == 0
    ended = cli(*argv)
    assert ended.code == 2
    assert "exists already" in one_line(ended.err)
    ended = cli(*argv[:4], "m2", "--label", "y")
    assert ended.code == 2
    assert "--label" in one_line(ended.err)


def test_ctrl_c_in_fit_saves_nothing_and_its_checkpoint_goes_on(cli, table, monkeypatch):
    table.to_csv("rows.csv", index=False)
    argv = ("fit", "rows.csv", "autoencoder", "--epochs", 80, "--batch-size", 16)
    with monkeypatch.context() as patch:
        patch.setattr(Reporter, "step", lambda *_: signal.raise_signal(signal.SIGINT))
        ended = cli(*argv, "--out", "m", "--checkpoint", "places")
        assert ended.code == 130
        assert one_line(ended.err) == "jaxad: stopped by Ctrl-C"
        assert [name for name in os.listdir() if name.lstrip(".").startswith("m")] == []
    done = []
    monkeypatch.setattr(Reporter, "step", lambda _, step: done.append(step.done))
    assert cli(*argv, "--out", "m", "--checkpoint", "places").code == 0
    assert done[0] > 64  # it did not begin anew
    assert cli(*argv, "--out", "whole").code == 0
    for name in ("m", "whole"):
        assert cli("score", name, "rows.csv", "--out", f"{name}.csv").code == 0
    assert Path("m.csv").read_text() == Path("whole.csv").read_text()


def test_a_named_column_or_the_last_one_that_looks_like_a_label_is_never_a_feature(cli, table):
    table.rename(columns={"label": " Class"}).to_csv("rows.csv", index=False)
    for argv in (
        ("fit", "rows.csv", "autoencoder", "--out", "m", *ONE),
        ("audit", "rows.csv", "autoencoder", "--out", "s.csv", *ONE),
        ("recommend", "rows.csv"),
    ):
        ended = cli(*argv)
        assert ended.code == 2 and "--label Class" in one_line(ended.err)
    argv = ("fit", "rows.csv", "autoencoder", *ONE)
    assert "8 labelled" in cli(*argv, "--out", "m", "--label", "Class").out
    assert "48 unlabelled" in cli(*argv, "--out", "all", "--label", "none").out
    # The label column is known when further files are scored.
    ended = cli("score", "m", "rows.csv", "--out", "s.csv")
    assert (ended.code, ended.err) == (0, "")
    ended = cli("score", "all", "rows.csv", "--out", "t.csv")
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("y", "options", "says"),
    [
        ([1, 0], [], "label 1 may mean two things"),
        ([1, 0], ["--positive", "1"], "24 unlabelled rows, 24 labelled anomalies and 0"),
        ([1, 0], ["--normal", "1"], "24 unlabelled rows, 0 labelled anomalies and 24"),
        ([1, 0], ["--label", "none"], "48 unlabelled rows, 0"),
        ([-1, 1], [], "0 unlabelled rows, 24 labelled anomalies and 24"),
        ([2, 0], [], "label 2 is not one of -1"),
        (["bad", "ok"], ["--positive", "bad"], "24 unlabelled rows, 24 labelled anomalies"),
        (["bad", "ok"], [], "holds bad, ok; allowed are"),
    ],
)
def test_the_labels_of_an_npz_file_are_training_labels(cli, table, y, options, says):
    np.savez("rows.npz", X=table[["a", "b", "c"]], y=np.resize(y, 48))
    ended = cli("fit", "rows.npz", "autoencoder", "--out", "m", *ONE, *options)
    assert says in ended.out + " ".join(ended.err.split())


def test_feedback_replaces_labels(cli, table):
    table.assign(tx=[f"t{i}" for i in range(48)]).to_csv("rows.csv", index=False)
    Path("by_row.csv").write_text("row,label\n0,1\n47,1\n")
    Path("by_id.csv").write_text("tx,label\nt1,1\nt2,0\n")
    argv = ("fit", "rows.csv", "autoencoder", *ONE, "--id", "tx")
    known = set(np.flatnonzero(table.label))
    for name, anomalies in (("by_row", known | {0, 47}), ("by_id", (known | {1}) - {2})):
        ended = cli(*argv, "--out", name, "--feedback", f"{name}.csv")
        n = len(anomalies)
        assert f"{48 - n} unlabelled rows, {n} labelled anomalies" in ended.out
    Path("by_id.csv").write_text("tx,label\nt99,1\n")
    ended = cli(*argv, "--out", "m", "--feedback", "by_id.csv")
    assert ended.code == 1 and "the table has no tx 't99'" in one_line(ended.err)


def test_score_refuses_other_columns_and_an_existing_output(cli, table):
    rows = table.drop(columns="label")
    rows.to_csv("rows.csv", index=False)
    assert cli("fit", "rows.csv", "autoencoder", "--out", "m", *ONE).code == 0
    rows.rename(columns={"c": "z"}).to_csv("renamed.csv", index=False)
    rows.assign(d=0.0).to_csv("more.csv", index=False)
    np.savez("fewer.npz", X=rows[["a", "b"]])
    ended = cli("score", "m", "more.csv", "--out", "d.csv")
    assert ended.code == 0 and "not in training: d; they are ignored" in one_line(ended.err)
    for file, says in (
        ("renamed.csv", "missing: c; not in training: z"),
        ("more.csv", "not in training: d; drop"),
        ("fewer.npz", "(2,)"),
    ):
        ended = cli("score", "m", file, "--out", "s.csv", "--strict")
        assert ended.code == 1
        assert says in one_line(ended.err)
        assert not os.path.exists("s.csv")
    Path("s.csv").write_text("precious")
    ended = cli("score", "m", "rows.csv", "--out", "s.csv")
    assert ended.code == 2
    assert "--force" in one_line(ended.err)
    assert Path("s.csv").read_text() == "precious"
    assert cli("score", "m", "rows.csv", "--out", "s.csv", "--force").code == 0
    assert len(pd.read_csv("s.csv")) == 48


def test_score_takes_what_the_library_saved(cli, table, fitted):
    jaxad.save(fitted("autoencoder"), "m")
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    np.savez("rows.npz", X=x)
    assert cli("score", "m", "rows.npz", "--out", "s.csv").code == 0
    expected = jaxad.score(fitted("autoencoder"), x).mean(axis=0)
    np.testing.assert_allclose(pd.read_csv("s.csv").score, expected, rtol=1e-5)


# list and help


def test_list_shows_every_detector_and_data_set(cli, tmp_path):
    np.savez(tmp_path / "6_cardio.npz", X=np.ones((4, 2)), y=[0, 1, 0, 1])
    ended = cli("list", "--data-dir", tmp_path)
    assert ended.code == 0
    for name in (*jaxad.REGISTRY, *jaxad.weighting.WEIGHTINGS, "digits", "6_cardio"):
        assert name in ended.out


@pytest.mark.parametrize("name", sorted(jaxad.REGISTRY))
def test_list_explains_every_setting_of_a_detector(cli, name):
    ended = cli("list", name)
    assert ended.code == 0
    for field in fields(jaxad.REGISTRY[name].config):
        (line,) = (x for x in ended.out.splitlines() if x.startswith(f"  {field.name} "))
        assert len(line.split()) > 3, f"{field.name} is not explained"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_is_complete(cli, command):
    ended = cli(command, "--help")
    assert ended.code == 0
    words = ended.out.replace("\n", " ")
    for field in fields(COMMANDS[command]):
        option = {"settings": "set", "imports": "import"}.get(field.name, field.name)
        option = option.replace("_", "-")
        positional = field.name.removesuffix("s").upper()
        assert f"--{option}" in words or positional in words


def test_the_version(cli):
    assert cli("--version") == (0, f"jaxad {jaxad.__version__}\n", "")


def test_the_program_as_a_process():
    program = [sys.executable, "-c", "import sys; from jaxad.cli import main; sys.exit(main())"]
    run = subprocess.run([*program, "--help"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert all(command in run.stdout for command in COMMANDS)
    # A reader that has gone, as `head` does.
    for argv in (["list"], ["fit", "--help"]):
        run = subprocess.Popen([*program, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert run.stdout is not None and run.stderr is not None
        run.stdout.close()
        with run.stderr:
            assert run.stderr.read() == b""
        assert run.wait() == 1


# The cache of compiled programs


@pytest.fixture
def no_cache(monkeypatch):
    """JAX as it is without a cache; afterwards as before."""
    names = (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    )
    before = {name: getattr(jax.config, name) for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.delenv("JAXAD_CACHE_DIR", raising=False)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_the_cache_is_where_the_environment_says(no_cache, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert enable_compilation_cache() == tmp_path / "jaxad" / "xla"
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "jaxad" / "xla")
    # What is set already stays.
    monkeypatch.setenv("JAXAD_CACHE_DIR", str(tmp_path / "other"))
    assert enable_compilation_cache() == tmp_path / "jaxad" / "xla"
    jax.config.update("jax_compilation_cache_dir", None)
    assert enable_compilation_cache() == tmp_path / "other"


@pytest.mark.parametrize("off", ["", "off", "file/below"])
def test_without_a_cache_nothing_is_set(no_cache, off, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JAXAD_CACHE_DIR", off)
    assert enable_compilation_cache() is None
    assert jax.config.jax_compilation_cache_dir is None
