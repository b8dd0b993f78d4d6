"""The means that the page on cleaning shows are those of the stored sessions."""

from pathlib import Path

import pandas as pd
import pytest

RESULTS = Path(__file__).parents[2] / "experiments" / "audit" / "results"


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("hidden anomalies found by 20 answers, %", "found"),
        ("the most that 20 answers can find, %", "possible"),
        ("AUPRC of ranking the rest", "rest_auprc"),
        ("test AUROC of the detector of the result", "test_auroc"),
    ],
)
def test_the_means_are_those_of_the_simulated_sessions(name, column):
    means = pd.read_csv(RESULTS / "asking_means.csv", index_col=0)
    sessions = pd.read_csv(RESULTS / "asking.csv").groupby("setting", sort=False)[column].mean()
    assert list(means.columns) == list(sessions.index)
    assert means.loc[name].tolist() == pytest.approx(100 * sessions.to_numpy(), abs=0.051)
