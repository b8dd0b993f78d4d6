"""Rows of 1e20 and more among others: their scores are the largest, and the others keep theirs."""

from dataclasses import fields

import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.detectors import REGISTRY
from jaxad.errors import DataWarning
from jaxad.evaluation.overflow import CEILINGS, rank_overflows
from jaxad.sklearn import JaxADDetector

TABULAR = [name for name, found in REGISTRY.items() if found.examples == "table"]
# Scores that are bounded, of the direction of a row alone, or linear in it: the detector judges.
JUDGED = {"anoonly_devnet", "anoonly_prenet", "classifier", "devnet", "ganomaly", "prenet"}
JUDGED |= {"iforest", "random_forest", "ss_dgm", "tabular_classifier", "xgbod"}
JUDGED |= {"copod", "ecod", "hbos", "pu_bagging", "pu_bagging_network"}


def shorten(name):
    known = {field.name for field in fields(REGISTRY[name].config)}
    return {k: 1 for k in ("epochs", "pretrain_epochs") if k in known}


@pytest.mark.parametrize("name", [n for n in TABULAR if not n.startswith("hybrid:")])
def test_rows_far_away_are_flagged_and_others_keep_their_scores(toy, quick, name):
    fit = jaxad.fit(quick(name, toy.train, **shorten(name)), toy.train, seeds=2)
    limit = np.quantile(jaxad.score(fit, toy.train.x).mean(axis=0), 0.9)
    x = toy.test.x[toy.test.label == 0][:8]
    far = x.copy()
    far[2, 1], far[3, 1], far[5, 1] = 1e20, -1e30, 3e38
    scores = jaxad.score(fit, far)
    others = np.isin(np.arange(8), (2, 3, 5), invert=True)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[:, others], jaxad.score(fit, x)[:, others])
    if name not in JUDGED:
        assert (scores.mean(axis=0)[~others] > limit).all()
        assert (scores[:, 2] <= scores[:, 3]).all() and (scores[:, 3] <= scores[:, 5]).all()


def test_overflows_are_ranked_by_the_largest_entry_above_all_finite_scores(toy, quick):
    fit = jaxad.fit(quick("autoencoder", toy.train, epochs=1), toy.train, seeds=2)
    sizes = np.array([1.0, 1e10, 1e16, 1e17, 1e25, 1.1e25, 1e38], np.float32)
    scores = jaxad.score(fit, np.full((7, 6), sizes[:, None]))
    assert scores.dtype == np.float32
    assert (np.diff(scores) > 0).all() and (scores[:, 2:] >= CEILINGS[scores.dtype]).all()
    flagged = JaxADDetector("autoencoder", settings={"epochs": 1}).fit(toy.train.x)
    assert (flagged.predict(np.full((2, 6), [[1e20], [-3e38]])) == -1).all()


def test_scores_without_a_finite_one_nearby_are_left(toy):
    """Training diverged: the row has no finite score either when it is scaled down."""
    scores = np.array([[np.nan, np.inf, 1.0]], np.float32)
    rows, valid = np.full((3, 2), 1e20, np.float32), np.ones((1, 3), bool)
    given = rank_overflows(scores, rows, 0, valid, lambda x: np.full((1, len(x)), np.nan))
    np.testing.assert_array_equal(given, scores)
    given = rank_overflows(scores, rows, 0, valid, lambda x: np.ones((1, len(x)), np.float32))
    assert given[0, 0] == given[0, 1] > 1e30 and given[0, 2] == 1


def test_the_command_line_counts_them_as_anomalous(tmp_path, capsys):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 3)) * [1, 1e-3, 1e3]
    train, new = tmp_path / "train.csv", tmp_path / "new.csv"
    np.savetxt(train, rows, delimiter=",", header="a,b,c", comments="")
    far = rows[:5].copy()
    far[1, 1], far[3, 0] = 3e38, 1e20
    np.savetxt(new, far, delimiter=",", header="a,b,c", comments="")
    out, saved = tmp_path / "scores.csv", str(tmp_path / "saved")
    assert main(["fit", str(train), "vae", "--epochs", "1", "--out", saved]) == 0
    command = ["score", saved, str(new), "--out", str(out), "--threshold", "1e20"]
    assert main(command) == 0
    assert "2 rows (40 %) are anomalous" in capsys.readouterr().out


def test_training_scores_that_are_all_equal_are_a_warning(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(50, 2)), np.full((50, 2), 7.0)])
    with pytest.warns(DataWarning, match="knn gives all 50 training rows the same score, 0"):
        JaxADDetector("knn").fit(x[50:])
    JaxADDetector("knn").fit(x)
    train = tmp_path / "train.csv"
    np.savetxt(train, x[50:], delimiter=",", header="a,b", comments="")
    assert main(["fit", str(train), "knn", "--out", str(tmp_path / "saved")]) == 0
    assert "the same score, 0" in capsys.readouterr().err
