"""Labels at their limits through commands and estimators: none, one, all, at odds, and copies."""

import numpy as np
import pandas as pd
import pytest

from jaxad.errors import DataError
from jaxad.sklearn import JaxADClassifier, JaxADDetector

SETTINGS = {
    "auto": {"members": 10, "trees": 10},
    "pu_bagging": {"members": 10},
    "pu_bagging_network": {"members": 2, "epochs": 2},
}
HOST = ("auto", pytest.param("pu_bagging", marks=pytest.mark.slow))
X = np.random.default_rng(0).normal(size=(40, 2))
X[:4] += 8


def label(anomalies, normals=(), n=40):
    y = np.zeros(n, int)
    y[list(anomalies)] = 1
    y[list(normals)] = 2
    return y


def train(cli, detector, y, x=X, command="fit"):
    """Run `jaxad fit` or `jaxad audit` on a file."""
    pd.DataFrame(x, columns=["a", "b"]).assign(label=y).to_csv("mine.csv", index=False)
    argv = [f"--set={name}={value}" for name, value in SETTINGS[detector].items()]
    argv += ["--normal", "2"] if 2 in y else []
    out = ("--out", "model" if command == "fit" else "rank.csv")
    return cli(command, "mine.csv", detector, *out, *argv)


def estimate(detector, y, x=X, estimator=JaxADDetector):
    """Return the scores of the training rows by an estimator."""
    normal = 2 if 2 in y else None
    fitted = estimator(detector, normal=normal, settings=SETTINGS[detector]).fit(x, y)
    return fitted.anomaly_score(x)


@pytest.mark.parametrize("detector", ["pu_bagging", "pu_bagging_network"])
def test_without_labels_the_cure_is_named_as_it_is_in_files_and_in_y(cli, detector):
    for command in ("fit", "audit"):
        ended = train(cli, detector, label([]), command=command)
        assert ended.code == 1 and f"must be given for {detector}" in ended.err
        assert "1 in the label column or in y" in ended.err
    for estimator in (JaxADDetector, JaxADClassifier):
        with pytest.raises(DataError, match=f"must be given for {detector}"):
            estimate(detector, label([]), estimator=estimator)


@pytest.mark.parametrize("detector", SETTINGS)
def test_anomalies_alone_are_an_error_that_names_the_file(cli, detector):
    for command in ("fit", "audit"):
        ended = train(cli, detector, label(range(40)), command=command)
        assert ended.code == 1 and "mine.csv: 0 rows are not labelled anomalies" in ended.err
    assert "mine.csv: 1 rows are not" in train(cli, detector, label(range(1, 40))).err
    with pytest.raises(DataError, match="y has one class only"):
        estimate(detector, label(range(40)))


@pytest.mark.parametrize("detector", HOST)
def test_rows_that_are_all_labelled_train_and_cannot_be_ranked(cli, detector):
    y = label(range(4), range(4, 40))
    assert train(cli, detector, y).code == 0
    scores = estimate(detector, y)
    assert scores[:4].min() > scores[4:].max()
    ended = train(cli, detector, y, command="audit")
    assert ended.code == 1 and "mine.csv: all rows are labelled" in ended.err


@pytest.mark.parametrize("detector", HOST)
def test_copies_of_a_row_count_with_the_labels_they_have(cli, detector):
    """One copy is labelled normal, one is unlabelled."""
    x, y = np.concatenate([X, X[[0, 0]]]), label([0], [40], n=42)
    assert train(cli, detector, y, x).code == 0
    assert train(cli, detector, y, x, command="audit").code == 0
    ranked = pd.read_csv("rank.csv").row.tolist()
    assert set(ranked) == set(range(1, 42)) - {40} and ranked.index(41) < 10
    scores = estimate(detector, y, x)
    assert scores[0] == scores[40] == scores[41]


@pytest.mark.slow
def test_bags_of_networks_take_few_rows_copies_and_labels_at_odds(cli):
    x, y = np.concatenate([X[:8], X[[0, 0]]]), label([0, 1], [8], n=10)
    assert train(cli, "pu_bagging_network", y, x).code == 0
    scores = estimate("pu_bagging_network", y, x)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores[[8, 9]], scores[0], rtol=1e-5)


def test_cleaning_needs_rows_without_a_label_and_names_the_file(cli):
    pd.DataFrame(X, columns=["a", "b"]).assign(label=label(range(33))).to_csv("t.csv", index=False)
    ended = cli("clean", "t.csv", "--session", "s")
    assert ended.code == 1 and "t.csv has 7 rows without a label" in ended.err
    pd.DataFrame(X, columns=["a", "b"]).assign(label=label([0])).to_csv("t.csv", index=False)
    ended = cli("clean", "t.csv", "--session", "t", "--budget", "40")
    assert ended.code == 2 and "without a label, 39; given 40" in ended.err
    assert cli("clean", "t.csv", "--session", "u", "--budget", "9", "--batch", "2").code == 0
    asked = pd.read_csv("u/ask.csv").assign(label=1)
    pd.concat([asked, pd.DataFrame({"row": [0], "label": [0]})]).to_csv("u/ask.csv", index=False)
    ended = cli("clean", "--session", "u")
    assert ended.code == 1 and "ask.csv: row 0 has a label in " in ended.err


def test_a_run_names_what_is_too_few(cli):
    np.savez("few.npz", X=X, y=label(range(6)))
    for argv, message in (
        (("--labelled-anomalies", "50"), "labelled_anomalies: 50 rows are needed"),
        (("--labelled-anomalies", "0"), "labelled anomalies must be given for pu_bagging"),
    ):
        ended = cli("run", "few.npz", "pu_bagging", "--contamination", "0.05", *argv)
        assert ended.code == 1 and message in ended.err
