"""Table 2 of Wu et al. (2022), ECG5000: an LSTM that predicts each next time step.

    python experiments/contradicting_training/ecg5000.py DATA --out FILE.csv [--figure-2]

DATA is an npz file with x_train (n, 140), y_train, x_test, y_test; y is 1 for an anomaly. Both
parts are pooled and split anew: 2,500 normal beats and 100 hidden anomalies for training, 400 beats
of each kind for testing. The paper tests on 100 of each, and its anomalies are R-on-T beats only;
in DATA they are all beats that are not normal, because the test part has no finer labels.
Deep SAD and DevNet have dense layers and take a beat as a row; the paper does not give their nets.
`--figure-2` varies lambda with 40 labelled anomalies, and the number of labelled anomalies with
lambda 20, for three contaminations. `--mlp` replaces the LSTM by an MLP that predicts the last 56
time steps from the first 84, in a tenth of the time.
"""

import argparse
import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

import jaxad
from jaxad.data import Dataset, as_sequences, from_arrays
from jaxad.utils.compilation_cache import enable_compilation_cache

NORMALS, TESTED = 2_500, 400
LAMBDAS = {"Baseline": 0.0, "Contradicting": 20.0}
COLUMNS = (
    *("hidden", "labelled", "method", "network", "lambda", "seeds"),
    *("auroc", "auroc_std", "auprc", "auprc_std"),
)


class Cell(NamedTuple):
    """A row of the table.

    Attributes:
        hidden: The number of hidden anomalies.
        labelled: The number of labelled anomalies.
        method: What the paper calls it.
        lam: Lambda of contradicting training; None for other methods.
    """

    hidden: int
    labelled: int
    method: str
    lam: float | None = None


def main() -> None:
    """Print the mean of each cell as it is done, and write the csv file after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="npz file of ECG5000")
    parser.add_argument("--out", type=Path, required=True, help="csv file to write")
    parser.add_argument("--figure-2", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--mlp", action="store_true")
    args = parser.parse_args()
    enable_compilation_cache()
    data = pooled(jaxad.load_dataset(args.data))
    rows = []
    for cell in cells(args.figure_2):
        network = "dense" if cell.lam is None else "mlp" if args.mlp else "lstm"
        found, seconds = measure(data, cell, network, args)
        lam = "" if cell.lam is None else f"{cell.lam:g}"
        name = (cell.hidden, cell.labelled, cell.method, network, lam, args.seeds)
        metrics = (found.auroc.mean, found.auroc.std, found.auprc.mean, found.auprc.std)
        rows.append((*name, *(f"{metric:.4f}" for metric in metrics)))
        write(args.out, rows)
        means = f"AUPRC {100 * found.auprc.mean:.1f}, AUROC {100 * found.auroc.mean:.1f}"
        print(", ".join(map(str, (*name[:5], means))), f"{seconds:.0f} s", flush=True)


def measure(data: Dataset, cell: Cell, network: str, args: argparse.Namespace) -> tuple:
    """Return the metrics of a cell on the test beats, and the seconds of its training."""
    split = jaxad.contaminate(
        data if network == "dense" else as_sequences(data),
        0,
        contamination=cell.hidden / (NORMALS + cell.hidden),
        labelled_anomalies=cell.labelled,
        seeds=args.seeds,
    )
    if cell.lam is None:
        name, settings = cell.method.lower().replace(" ", "_"), {}
    else:
        name = f"contradicting_{network}_forecaster"
        settings = {
            "lam": cell.lam,
            "epochs": args.epochs,
            "learning_rate": args.learning_rate,
            "milestone": 2 / 3,
        }
    fit = jaxad.fit(jaxad.make(name, split.train, **settings), split.train)
    return jaxad.evaluate(fit, split.test), fit.seconds.compile + fit.seconds.run


def write(path: Path, rows: list[tuple]) -> None:
    """Write the rows so far."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def cells(figure_2: bool) -> list[Cell]:
    """Return the cells of table 2, or of figure 2."""
    if not figure_2:
        methods = [*LAMBDAS.items(), ("Deep SAD", None), ("DevNet", None)]
        return [Cell(100, labelled, *method) for labelled in (20, 50) for method in methods]
    hidden = [round(ratio / (1 - ratio) * NORMALS) for ratio in (0.02, 0.04, 0.08)]
    sweep = [(40, lam) for lam in (0.0, 1.0, 5.0, 10.0, 20.0, 50.0)]
    sweep += [(labelled, 20.0) for labelled in (5, 10, 20, 80)]
    return [Cell(n, labelled, "Contradicting", lam) for n in hidden for labelled, lam in sweep]


def pooled(data: Dataset) -> Dataset:
    """Pool both parts and split them anew into training and test rows."""
    x, y = np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])
    order = np.random.default_rng(0).permutation(len(y))
    normal, anomalous = order[y[order] == 0], order[y[order] == 1]
    test = np.concatenate([normal[NORMALS : NORMALS + TESTED], anomalous[:TESTED]])
    train = np.concatenate([normal[:NORMALS], anomalous[TESTED:]])
    return from_arrays(x[train], y[train], name="ecg5000", x_test=x[test], y_test=y[test])


if __name__ == "__main__":
    main()
