"""Which training rows move the losses: sums of the path kernel over groups of rows (theorem 1).

    python experiments/contradicting_training/path_sums.py [--out FILE.csv]

Forecasters are trained on the bundled sequences with 5 % hidden and 40 labelled anomalies. The
change of the loss of a test row from the start of training to its end is the sum of the path kernel
over the unlabelled normal rows, the hidden anomalies and the labelled anomalies, and the parts that
belong to no row: momentum, statistics, decay and what is beyond first order.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import jaxad
from jaxad.explain import influence
from jaxad.utils.compilation_cache import enable_compilation_cache

LAMBDAS = (0.0, 1.0, 20.0)
ROWS = 50


def main() -> None:
    """Print a line for each lambda and kind of test rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--out", type=Path, help="write all numbers to a csv file")
    options = parser.parse_args()
    enable_compilation_cache()
    split = jaxad.contaminate("sequence:monotone", 0, contamination=0.05, labelled_anomalies=40)
    rows = [line for lam in LAMBDAS for line in measure(lam, split, options.epochs)]
    if options.out is not None:
        with options.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def measure(lam: float, split: jaxad.Split, epochs: int) -> list[dict[str, str]]:
    """Return the parts of the mean change of the losses of normal and of anomalous test rows."""
    settings = {"lam": lam, "epochs": epochs}
    detector = jaxad.make("contradicting_mlp_forecaster", split.train, **settings)
    anomalous, hidden = np.asarray(split.test.label) == 1, np.asarray(split.hidden) == 1
    labelled = np.asarray(split.train.label) < 0
    groups = {"normal": ~hidden & ~labelled, "hidden": hidden, "labelled": labelled}
    lines = []
    for title, kind in (("normal", ~anomalous), ("anomalies", anomalous)):
        x = np.asarray(split.test.x)[np.flatnonzero(kind)[:ROWS]]
        found = influence(detector, split.train, x)
        sums = {name: found.sum_over(group).mean() for name, group in groups.items()}
        change = (found.after - found.before).mean()
        parts = {"change": change} | sums | {"of no row": change - sum(sums.values())}
        line = {"lambda": f"{lam:g}", "test rows": title}
        line |= {name: f"{value:.3g}" for name, value in parts.items()}
        line |= {"loss after training": f"{found.after.mean():.3g}"}
        print(line, flush=True)
        lines.append(line)
    return lines


if __name__ == "__main__":
    main()
