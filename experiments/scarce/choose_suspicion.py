"""Choose the weight of the scores without labels in cleaning by leaving tables out.

    python experiments/scarce/choose_suspicion.py compute --data-dir DATA --out CSV
    python experiments/scarce/choose_suspicion.py choose --out CSV

The first command simulates a session with 20 right answers for each table, seed and candidate
weight a / n^p beside n known anomalies, and adds a line to the file for each; lines that are there
are not computed again. The second chooses a weight for each table on the tables that do not come
from the same source, by the mean of the share of hidden anomalies found and the AUPRC of ranking
the rest, and prints what it reaches on that table. The means of each weight go to a second file,
`suspicion_means.csv` for the default.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from choose import SOURCES, TABLES, draw
from sklearn.metrics import average_precision_score

import jaxad
from jaxad.cleaning.suspicion import compute_suspicion, fit_ground
from jaxad.utils.files import write_atomically

OUT = Path(__file__).parent / "results" / "suspicion.csv"
RULES = [(0.0, 0.5), *((share, power) for share in (0.15, 0.3, 0.6) for power in (0.5, 1.0))]
ANSWERS, MEMBERS, ROWS, SEEDS = 20, 40, 1000, 1
METRICS = ["found", "rest_auprc"]
TITLES = {"found": "hidden anomalies found, %", "rest_auprc": "AUPRC of ranking the rest"}


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("compute", "choose"))
    parser.add_argument("--data-dir", type=Path, help="folder of datasets")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    if options.command == "choose":
        means = choose(pd.read_csv(options.out))
        path = options.out.with_name(f"{options.out.stem}_means.csv")
        means.to_csv(path, index=False, float_format="%.1f")
        return
    lines = pd.read_csv(options.out).to_dict("records") if options.out.exists() else []
    done = {(line["table"], line["seed"]) for line in lines}
    for seed in range(SEEDS):
        for table in TABLES:
            if (table, seed) in done:
                continue
            split = draw(table, 0, seed, options.data_dir, ROWS)
            if split is not None and np.asarray(split.hidden).any():
                lines += [{"table": table, "seed": seed} | one for one in simulate(split, seed)]
            with write_atomically(options.out) as partial:
                pd.DataFrame(lines).to_csv(partial, index=False, float_format="%.5g")


def simulate(split: jaxad.Split, seed: int) -> list[dict]:
    """Return what a session with each of the weights finds in the training rows of a split."""
    n = int(split.train.count)
    x, hidden = np.asarray(split.train.x, float)[:n], np.asarray(split.hidden)[:n].astype(bool)
    trained = np.ones(n, bool)
    ground = fit_ground(x, trained, seed)
    lines = []
    for share, power in RULES:

        def weigh(anomalies: int, share: float = share, power: float = power) -> float:
            return share / anomalies**power

        label = np.zeros(n, np.int8)
        for turn in range(ANSWERS + 1):
            suspicion = compute_suspicion(ground, label, trained, MEMBERS, turn, weigh)
            unknown = np.flatnonzero(label == 0)
            if turn < ANSWERS:
                row = unknown[np.argmax(suspicion[unknown])]
                label[row] = -1 if hidden[row] else 1
        rest = hidden[unknown]
        lines.append(
            {
                "share": share,
                "power": power,
                "rows": n,
                "hidden": int(hidden.sum()),
                "found": (label < 0).sum() / hidden.sum(),
                "rest_auprc": average_precision_score(rest, suspicion[unknown])
                if rest.any()
                else np.nan,
            }
        )
    return lines


def choose(results: pd.DataFrame) -> pd.DataFrame:
    """Print what the choice for each table reaches on it, and return the means of each weight."""
    means = results.groupby(["share", "power", "table"])[METRICS].mean()
    summary = (100 * means.groupby(["share", "power"]).mean()).reset_index()
    print(summary.round(1), "\n")
    source = {table: SOURCES.get(table, table) for table in TABLES}
    left = {}
    for table in results.table.unique():
        others = [t for t in results.table.unique() if source[t] != source[table]]
        total = means.loc[(slice(None), slice(None), others), :].groupby(["share", "power"]).mean()
        left[table] = total.mean(axis=1).idxmax()
    reached = np.nanmean([means.loc[(*rule, table)] for table, rule in left.items()], axis=0)
    named = pd.Series({table: "{:g} / n^{:g}".format(*rule) for table, rule in left.items()})
    print("chosen with each table left out:", named.value_counts().to_dict())
    print("reached:", dict(zip(METRICS, (100 * reached).round(1), strict=True)))
    weights = [
        f"{a:g} / n^{p:g}" if a else "0" for a, p in zip(summary.share, summary.power, strict=True)
    ]
    return summary.assign(weight=weights)[["weight", *METRICS]].rename(columns=TITLES)


if __name__ == "__main__":
    main()
