"""Table 2 of Wu et al. (2022), ECG5000: an LSTM that predicts each next time step.

    python experiments/contradicting_training/ecg5000.py DATA [--published FILE] [--figure-2]

DATA is an npz file with x_train (n, 140), y_train, x_test, y_test; y is 1 for an anomaly. Both
parts are pooled and split anew: 2,500 normal beats and 100 hidden anomalies for training, 400 beats
of each kind for testing. The paper tests on 100 of each, and its anomalies are R-on-T beats only;
in DATA they are all beats that are not normal, because the test part has no finer labels.
`--figure-2` varies lambda with 40 labelled anomalies, and the number of labelled anomalies with
lambda 20, for three contaminations. `--mlp` replaces the LSTM by an MLP that predicts the last 56
time steps from the first 84, in a tenth of the time.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import jaxad
from jaxad.data import Dataset, as_sequences, from_arrays
from jaxad.utils.compilation_cache import enable_compilation_cache

NORMALS, TESTED = 2_500, 400
DETECTORS = {"Baseline": 0.0, "Contradicting": 20.0}


def main() -> None:
    """Print the table, one row after each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="npz file of ECG5000")
    parser.add_argument("--published", type=Path, help="csv file of the published table")
    parser.add_argument("--figure-2", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--mlp", action="store_true")
    args = parser.parse_args()
    enable_compilation_cache()
    data = pooled(jaxad.load_dataset(args.data))
    printed = {}
    if args.published is not None:
        with args.published.open() as lines:
            printed = {
                (r["method"], r["setting"]): f"{r['mean']} ± {r['std']}"
                for r in csv.DictReader(lines)
                if r["dataset"] == "ecg5000"
            }
    print("| hidden | labelled | lambda | AUPRC | AUROC | published AUPRC | seconds |")
    print("|---|---|---|---|---|---|---|")
    for hidden, labelled, lam in cells(args.figure_2):
        split = jaxad.contaminate(
            data,
            0,
            contamination=hidden / (NORMALS + hidden),
            labelled_anomalies=labelled,
            seeds=args.seeds,
        )
        detector = jaxad.make(
            f"contradicting_{'mlp' if args.mlp else 'lstm'}_forecaster",
            split.train,
            lam=lam,
            epochs=args.epochs,
            learning_rate=args.learning_rate,
            milestone=2 / 3,
        )
        fit = jaxad.fit(detector, split.train)
        found = jaxad.evaluate(fit, split.test)
        means = [f"{100 * m.mean:.1f} ± {100 * m.std:.1f}" for m in (found.auprc, found.auroc)]
        method = {value: name for name, value in DETECTORS.items()}.get(lam, "")
        there = printed.get((method, f"contaminating={hidden};labelled={labelled}"), "")
        seconds = fit.seconds.compile + fit.seconds.run
        row = f"| {hidden} | {labelled} | {lam:g} | {' | '.join(means)}"
        print(f"{row} | {there} | {seconds:.0f} |", flush=True)


def cells(figure_2: bool) -> list[tuple[int, int, float]]:
    """Return the numbers of hidden and labelled anomalies and lambda of each row."""
    if not figure_2:
        return [(100, labelled, lam) for labelled in (20, 50) for lam in DETECTORS.values()]
    hidden = [round(ratio / (1 - ratio) * NORMALS) for ratio in (0.02, 0.04, 0.08)]
    sweep = [(40, lam) for lam in (0.0, 1.0, 5.0, 10.0, 20.0, 50.0)]
    sweep += [(labelled, 20.0) for labelled in (5, 10, 20, 80)]
    return [(n, *setting) for n in hidden for setting in sweep]


def pooled(data: Dataset) -> Dataset:
    """Pool both parts and split them anew into training and test sequences."""
    x, y = np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])
    order = np.random.default_rng(0).permutation(len(y))
    normal, anomalous = order[y[order] == 0], order[y[order] == 1]
    test = np.concatenate([normal[NORMALS : NORMALS + TESTED], anomalous[:TESTED]])
    train = np.concatenate([normal[:NORMALS], anomalous[TESTED:]])
    return as_sequences(
        from_arrays(x[train], y[train], name="ecg5000", x_test=x[test], y_test=y[test])
    )


if __name__ == "__main__":
    main()
