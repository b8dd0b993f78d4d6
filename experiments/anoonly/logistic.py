"""The best that logistic regression can do on the one-class feature sets, as an upper reference.

    python experiments/anoonly/logistic.py DATA [--out FILE.csv]

Logistic regression of the labelled anomalies against all other training rows, on the splits of
table_1_others.toml. Its regularisation is chosen by the AUROC of the test rows: the result is no
estimate of accuracy. It shows how far a linear score of these features can come on these splits.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import jaxad

SETS = ("CIFAR10_0", "SVHN_8", "20news_3")
STRENGTHS = tuple(10.0**power for power in range(-5, 3))


def main() -> None:
    """Print the mean AUROC of each set, with its best strength."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of the npz files")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the means to a csv file")
    options = parser.parse_args()
    rows = []
    for name in SETS:
        found = np.array([measure(options.data, name, seed) for seed in range(options.seeds)])
        best = int(found.mean(axis=0).argmax())
        rows.append([name, f"{100 * found[:, best].mean():.1f}", f"{STRENGTHS[best]:g}"])
        print(*rows[-1], flush=True)
    if options.out is not None:
        with options.out.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([["dataset", "auroc", "C"], *rows])


def measure(folder: Path, name: str, seed: int) -> list[float]:
    """Return the AUROC for each strength on one split."""
    split = jaxad.contaminate(
        str(folder / f"{name}.npz"),
        seed,
        contamination=None,
        labelled_anomalies=0.1,
        protocol="adbench",
    )
    x, label = np.asarray(split.train.x), np.asarray(split.train.label) < 0
    return [
        float(
            roc_auc_score(
                split.test.label,
                LogisticRegression(C=strength, max_iter=200)
                .fit(x, label)
                .decision_function(split.test.x),
            )
        )
        for strength in STRENGTHS
    ]


if __name__ == "__main__":
    main()
