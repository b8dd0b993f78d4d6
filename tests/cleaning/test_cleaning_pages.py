"""The pages on audits and cleaning show the stored results."""

from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "experiments" / "audit" / "results"


@pytest.mark.parametrize("labels", [0, 10])
def test_the_page_on_audits_has_the_means_of_the_benchmark(labels):
    results = pd.read_csv(RESULTS / "benchmark.csv").query("labels == @labels")
    page = (ROOT / "docs" / "howto" / "audit.md").read_text()
    tables = results[results.dataset != "mnist 3"]
    cells = [(0.01, "random"), (0.05, "random"), (0.1, "random"), (0.2, "random")]
    cells.append((0.1, "clustered"))
    shown = 0
    for method, some in tables.groupby("method"):
        if some.dataset.nunique() < 5 or len(some) < 25:
            continue
        means = 100 * some.groupby(["share", "placement"])[["auroc", "auprc"]].mean()
        line = [f"{means.loc[cell].auroc:.1f}, {means.loc[cell].auprc:.1f}" for cell in cells]
        assert f"| {method} | {' | '.join(line)} |" in page
        shown += 1
    assert shown >= 4
    deep = results[(results.share == 0.1) & (results.placement == "random")]
    for method, some in deep.groupby("method"):
        values = some.set_index("dataset")[["auroc", "auprc"]] * 100
        names = ["cardio", "satellite", "mnist 3"]
        if set(names) <= set(values.index):
            line = [f"{values.loc[n].auroc:.1f}, {values.loc[n].auprc:.1f}" for n in names]
            assert f"| {method} | {' | '.join(line)} |" in page


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
