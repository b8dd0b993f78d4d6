"""Compare `auto` with the other detectors of study.toml and unlabelled.toml, with intervals.

    python experiments/scarce/compare.py

Writes two files beside `results/study.csv` and `results/unlabelled.csv`, which it reads:

- `compare.csv`: for each share of hidden anomalies and number of labels the mean ranks over the
  datasets, and the mean differences between `auto` and each detector with 95 % intervals from
  10,000 bootstrap samples of the datasets.
- `leads.csv`: for the same situations the mean of `auto`, and how far the best of three detectors
  and the best of all are behind it; `pu_bagging` is left out, as `auto` consists of it.

It draws the mean ranks by AUROC of study.toml too, in `docs/assets/few_labels_ranks.png`. Each
dataset has one value, the mean over the seeds of the experiment.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from jaxad.report.committed import read_committed
from jaxad.report.plots import plot_critical_difference
from jaxad.utils.files import write_atomically

FOLDER = Path(__file__).parent / "results"
PICTURE = FOLDER.parents[2] / "docs" / "assets" / "few_labels_ranks.png"
SITUATION = ["contamination", "labelled_anomalies"]
METRICS = {"auroc": "AUROC", "auprc": "AUPRC"}
FIRST, PARTS, SAMPLES = "auto", ("auto", "pu_bagging"), 10_000
GROUPS = {"three": ("Deep SAD", "random_forest", "iforest"), "all": None}


def main() -> None:
    """Write the csv files."""
    unlabelled = read("unlabelled").assign(contamination=0.1, labelled_anomalies=0)
    cells = pd.concat([unlabelled, read("study")])
    compared, leads = [], []
    for (share, count), some in cells.groupby(SITUATION):
        situation = {"hidden": f"{100 * share:.0f} %", "labels": int(count)}
        compared += [
            situation | {"detector": name} | columns for name, columns in compare(some).items()
        ]
        leads += [situation | line for line in lead(some)]
    for name, lines in {"compare": compared, "leads": leads}.items():
        with write_atomically(FOLDER / f"{name}.csv") as partial:
            pd.DataFrame(lines).to_csv(partial, index=False)
    ranks = next(t for t in read_committed(FOLDER / "study.csv").tables if t.metric == "auroc")
    plot_critical_difference(ranks).savefig(PICTURE, dpi=150)


def read(name: str) -> pd.DataFrame:
    """Return the cells of the seeds that all detectors have."""
    seeds = json.loads((FOLDER / f"{name}.json").read_text())["seeds"]
    cells = pd.read_csv(FOLDER / f"{name}.csv")
    return cells[cells.seed < seeds]


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


def lead(cells: pd.DataFrame) -> list[dict[str, str]]:
    """Return for each group the best detector by mean AUROC and by mean AUPRC."""
    lines = []
    for group, names in GROUPS.items():
        others = cells.detector.isin(names) if names else ~cells.detector.isin(PARTS)
        line = {"group": group}
        for metric, title in METRICS.items():
            means = 100 * cells.groupby("detector")[metric].mean()
            best = means[cells.detector[others].unique()].idxmax()
            line[f"{title} of auto"] = f"{means[FIRST]:.1f}"
            line[f"{title} of the best other"] = f"{means[best]:.1f} ({best})"
            line[f"lead in {title}"] = f"{means[FIRST] - means[best]:.1f}"
        lines.append(line)
    return lines


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
