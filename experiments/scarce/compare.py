"""Compare `auto` with the other detectors of study.toml in each situation, with intervals.

    python experiments/scarce/compare.py

Reads seed 0 of `results/study.csv`, which all cells have, and writes `results/compare.csv`: for
each share of hidden anomalies and number of labels the mean ranks over the datasets, and the mean
differences between `auto` and each detector with 95 % intervals from 10,000 bootstrap samples of
the datasets.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from jaxad.utils.files import write_atomically

FOLDER = Path(__file__).parent / "results"
SITUATION = ["contamination", "labelled_anomalies"]
METRICS = {"auroc": "AUROC", "auprc": "AUPRC"}
FIRST, SAMPLES = "auto", 10_000


def main() -> None:
    """Write the csv file."""
    cells = pd.read_csv(FOLDER / "study.csv").query("seed == 0")
    lines = [
        {"hidden": f"{100 * share:.0f} %", "labels": int(count), "detector": name} | columns
        for (share, count), some in cells.groupby(SITUATION)
        for name, columns in compare(some).items()
    ]
    with write_atomically(FOLDER / "compare.csv") as partial:
        pd.DataFrame(lines).to_csv(partial, index=False)


def compare(cells: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return the ranks and differences of each detector in one situation."""
    found: dict[str, dict[str, str]] = {}
    for metric, title in METRICS.items():
        values = 100 * cells.pivot_table(index="dataset", columns="detector", values=metric)
        ranks = values.rank(axis=1, ascending=False).mean()
        for name in cells.detector.unique():
            columns = found.setdefault(name, {})
            columns[f"rank by {title}"] = f"{ranks[name]:.2f}"
            columns[f"{title} of auto minus this"] = bound((values[FIRST] - values[name]).values)
    return found


def bound(differences: np.ndarray) -> str:
    """Return a mean with its 95 % bootstrap interval; "" where all differences are 0."""
    if not differences.any():
        return ""
    rng = np.random.default_rng(0)
    drawn = rng.choice(differences, (SAMPLES, len(differences))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{differences.mean():.1f} ({low:.1f} to {high:.1f})"


if __name__ == "__main__":
    main()
