"""The page on cleaning shows the stored results."""

from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "experiments" / "audit" / "results"


def test_the_page_on_cleaning_has_the_means_of_the_simulated_sessions():
    results = pd.read_csv(RESULTS / "asking.csv")
    page = (ROOT / "docs" / "howto" / "clean.md").read_text()
    groups = [some for _, some in results.groupby("setting", sort=False)]
    for name, column in (
        ("hidden anomalies found by 20 answers, %", "found"),
        ("the most that 20 answers can find, %", "possible"),
        ("AUPRC of ranking the rest", "rest_auprc"),
        ("test AUROC of the detector of the result", "test_auroc"),
    ):
        line = " | ".join(f"{100 * some[column].mean():.1f}" for some in groups)
        assert f"| {name} | {line} |" in page
