"""`jaxad audit`: what it writes and prints, and how it refuses."""

import os
import signal

import numpy as np
import pandas as pd
import pytest

import jaxad
from jaxad.cli.progress import Reporter

SMALL = ("--epochs", "5", "--seeds", "2", "--batch-size", "16")


@pytest.fixture
def table(tmp_path):
    """60 rows around 0 and 8 far from them, each in its own direction."""
    rng = np.random.default_rng(0)
    truth = (np.arange(68) % 9 == 0).astype(int)
    far = 8 * rng.choice([-1, 1], (68, 4)) * truth[:, None]
    frame = pd.DataFrame(rng.normal(size=(68, 4)) + far, columns=list("abcd"))
    return frame.assign(label=truth)


def test_the_files_are_what_the_library_gives(cli, table):
    table.to_csv("rows.csv", index=False)
    argv = ("audit", "rows.csv", "autoencoder", "--out", "a.csv", "--truth", "label", *SMALL)
    ended = cli(*argv, "--plot", "a.png")
    assert ended.code == 0
    x = table[list("abcd")].to_numpy()
    train = jaxad.as_train_data(jaxad.data.fit_scaling(x, "standard").apply(x))
    detector = jaxad.make("autoencoder", train, epochs=5, batch_size=16)
    expected = jaxad.audit(jaxad.fit(detector, train, 2), train, hidden=table.label.to_numpy())
    found = pd.read_csv("a.csv")
    assert found.row.tolist() == expected.ranking.tolist()
    assert found.hidden.tolist() == table.label[expected.ranking].tolist()
    np.testing.assert_allclose(found.suspicion, expected.frame().suspicion, rtol=1e-6)
    assert f"AUROC {100 * expected.together['auroc']:.1f}" in ended.out
    assert "68 unlabelled rows ranked by score of autoencoder, 2 seed(s)" in ended.out
    assert sorted(os.listdir()) == ["a.csv", "a.png", "rows.csv"]


@pytest.mark.parametrize(
    ("options", "rows", "says"),
    [
        (["--positive", "1"], 60, "60 unlabelled rows ranked by out_of_bag of auto"),
        (["--truth", "y"], 68, "8 hidden anomalies: AUROC"),
        (["--label", "none"], 68, "68 unlabelled rows ranked by exposure of deep_svdd"),
    ],
)
def test_the_labels_choose_the_detector(cli, table, options, rows, says):
    np.savez("rows.npz", X=table[list("abcd")], y=table.label)
    small = ("--seeds", "2", *(("--set", "members=5") if "--positive" in options else SMALL))
    ended = cli("audit", "rows.npz", "--out", "a.csv", *options, *small)
    assert ended.code == 0
    assert says in ended.out
    found = pd.read_csv("a.csv")
    assert len(found) == rows
    assert ("hidden" in found) == ("--truth" in options)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--label-kind", "hidden"], 2, "--truth COLUMN"),
        (["--truth", "lable"], 2, "Did you mean 'label'"),
        (["--out", "rows.csv", "--force"], 2, "is also the input DATA"),
        (["--truth", "label", "--out", "a.txt"], 2, "must end in .csv"),
        (["--truth", "label", "--out", "old.csv"], 2, "exists already"),
        (["--truth", "label", "--plot", "a.bmp"], 2, ".png, .pdf, .svg"),
        (["--label", "e"], 2, "'e' is not a column"),
        (["--truth", "label", "--set", "eta=1"], 2, "eta"),
        (["--truth", "label", "--method", "meta_weight"], 2, "weighting elite"),
        (["--label", "a"], 1, "column 'a'"),
        (["--truth", "label", "--seeds", "0"], 2, "seeds"),
        (["--truth", "label", "--seed-root", "-1"], 2, "--seed-root"),
    ],
)
def test_wrong_use_is_one_line_and_nothing_is_written(cli, table, options, code, says):
    table.to_csv("rows.csv", index=False)
    table.to_csv("old.csv", index=False)
    ended = cli("audit", "rows.csv", "--out", "a.csv", *SMALL, *options)
    assert ended.code == code
    line = ended.err.splitlines()[-1]
    assert line.startswith("jaxad: ") and says in line
    assert sorted(os.listdir()) == ["old.csv", "rows.csv"]


def test_what_is_stopped_or_fails_to_draw_leaves_nothing(cli, table, monkeypatch):
    table.drop(columns="label").to_csv("rows.csv", index=False)
    argv = ("audit", "rows.csv", "autoencoder", "--out", "a.csv", "--plot", "a.png", *SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(Reporter, "step", lambda *_: signal.raise_signal(signal.SIGINT))
        assert cli(*argv).code == 130
    with monkeypatch.context() as patch:
        patch.setattr("jaxad.explain.auditing.result.draw_audit", lambda *a, **k: 1 / 0)
        assert cli(*argv).code == 1
    assert os.listdir() == ["rows.csv"]
    assert cli(*argv).code == 0
    assert cli(*argv, "--force").code == 0


def test_labels_are_needed_where_they_are_named(cli, table):
    table.drop(columns="label").to_csv("rows.csv", index=False)
    ended = cli("audit", "rows.csv", "--out", "a.csv", "--truth", "label")
    assert ended.code == 2
    assert "'label' is not a column" in ended.err
    np.savez("rows.npz", X=table[list("abcd")])
    ended = cli("audit", "rows.npz", "--out", "a.csv", "--truth", "y")
    assert ended.code == 2 and "has no labels" in ended.err


def test_ids_and_labels_in_words_are_carried_through(cli, table):
    names = table.label.map({0: "fine", 1: "fraud"})
    table = table.assign(label=names, tx=[f"t{i}" for i in range(68)], kind=["x", "y"] * 34)
    table.to_csv("rows.csv", index=False, sep=";")
    argv = ("audit", "rows.csv", "autoencoder", "--out", "a.csv", "--id", "tx", *SMALL)
    ended = cli(*argv, "--truth", "label", "--positive", "fraud", "--plot", "a.png")
    assert ended.code == 0, ended.err
    found = pd.read_csv("a.csv")
    assert found.tx.tolist() == [f"t{i}" for i in found.row]
    assert found.hidden.tolist() == (names[found.row] == "fraud").astype(int).tolist()
    assert f"Most suspicious rows: {', '.join(found.tx[:3])}" in ended.out


def test_every_method_of_the_library_is_an_option(cli, table):
    """Also the rank by which mining chooses rows."""
    table.to_csv("rows.csv", index=False)
    argv = ("audit", "rows.csv", "ncae", "--out", "a.csv", "--truth", "label", *SMALL)
    ended = cli(*argv, "--method", "mining")
    assert ended.code == 0, ended.err
    assert "68 unlabelled rows ranked by mining of ncae" in ended.out


def test_a_method_whose_record_is_not_kept_is_refused_before_training(cli, table, monkeypatch):
    monkeypatch.setattr("jaxad.cli.audit.fit", lambda *_, **__: pytest.fail("it trained"))
    table.to_csv("rows.csv", index=False)
    argv = ("audit", "rows.csv", "deep_sad", "--out", "a.csv", "--label", "none")
    ended = cli(*argv, "--method", "exposure")
    assert ended.code == 2 and "weighting latent_outlier_exposure" in ended.err
