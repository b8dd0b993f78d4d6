"""Sequences by the command line: `sequence:` in front of a name or a path."""

import json

import numpy as np
import pandas as pd
import pytest

import jaxad
from jaxad.cli import main

SMALL = ("--epochs", "2", "--batch-size", "16")


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """The program, run in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = main([str(arg) for arg in argv])
        return code, capsys.readouterr()

    return run


def test_run_takes_a_bundled_table_as_sequences(cli):
    argv = ("--n-train", 60, "--seeds", 2, "--contamination", 0.0, "--json", *SMALL)
    code, printed = cli("run", "sequence:monotone", "contradicting_mlp_forecaster", *argv)
    assert code == 0
    line = json.loads(printed.out)
    assert line["dataset"] == "monotone" and line["config"]["lam"] == 20.0
    assert len(line["auroc"]["per_seed"]) == 2


def test_run_says_what_is_missing(cli):
    code, printed = cli("run", "monotone", "lstm_forecaster", *SMALL)
    assert code == 2
    assert "shape (10,). Load the rows of a table as sequences with 'sequence:NAME'" in printed.err


@pytest.mark.parametrize("suffix", ["csv", "npz"])
def test_a_saved_forecaster_scores_a_file_as_the_fitted_one(cli, tmp_path, suffix):
    x = np.random.default_rng(0).normal(3, 2, size=(40, 8)).round(4)
    if suffix == "npz":
        np.savez(tmp_path / "waves.npz", X=x)
    else:
        frame = pd.DataFrame(x, columns=[f"t{i}" for i in range(8)])
        frame.to_csv(tmp_path / "waves.csv", index=False)
    source = f"sequence:waves.{suffix}"
    code, printed = cli("fit", source, "mlp_forecaster", "--out", "saved", *SMALL)
    assert code == 0, printed.err
    assert cli("score", "saved", source, "--out", "scores.csv")[0] == 0
    fit, scaling = jaxad.load("saved")
    expected = jaxad.score(fit, scaling.apply(x[..., None]))[0]
    np.testing.assert_allclose(pd.read_csv("scores.csv")["score"], expected, rtol=1e-5)
    code, printed = cli("score", "saved", f"waves.{suffix}", "--out", "again.csv")
    assert code in (1, 2) and "rows have shape (8,)" in printed.err
