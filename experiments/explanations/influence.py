"""Compare the path kernel with training again without rows, by optimiser and normalisation.

    python experiments/explanations/influence.py DATA [--out FILE.csv]

An autoencoder is trained on 400 rows of cardio with hidden anomalies, ten of which are followed.
Then it is trained again with the same batches, in which the losses of a group of rows count
nothing: all hidden anomalies, and random groups of as many rows. The change that the path kernel
predicts for a group is minus its sum over the group.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import jaxad
from jaxad.explain import influence
from jaxad.utils.compilation_cache import enable_compilation_cache

SETTINGS = {
    "gradient descent": {"optimiser": "sgd", "norm": "none", "learning_rate": 1e-2},
    "Adam": {"optimiser": "adam", "norm": "none", "learning_rate": 1e-3},
    "gradient descent, BatchNorm": {"optimiser": "sgd", "norm": "batch", "learning_rate": 1e-2},
    "Adam, BatchNorm": {"optimiser": "adam", "norm": "batch", "learning_rate": 1e-3},
}
GROUPS = 12


def main() -> None:
    """Print a line for each setting."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="the folder of the npz files")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", type=Path, help="write all numbers to a csv file")
    options = parser.parse_args()
    enable_compilation_cache()
    split = jaxad.contaminate(
        f"{options.data}/6_cardio.npz", 0, contamination=0.1, labelled_anomalies=0, n_train=400
    )
    hidden = np.asarray(split.hidden) == 1
    rows = [measure(name, split, hidden, options.epochs) for name in SETTINGS]
    if options.out is not None:
        with options.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def measure(name: str, split: jaxad.Split, hidden: np.ndarray, epochs: int) -> dict[str, str]:
    """Return the parts of the change of the losses, and the agreement with training again."""
    # Rows labelled -1 are in the batches, but their losses have hardly any weight.
    config = {**SETTINGS[name], "weighting": "by_label(1e-12)", "epochs": epochs, "widths": (16, 8)}
    train = split.train._replace(label=np.zeros(len(hidden), np.int8))
    detector = jaxad.make("autoencoder", train, **config)
    x = np.asarray(train.x)[np.flatnonzero(hidden)[:10]]
    found = influence(detector, train, x)
    size = np.abs(found.after - found.before).mean()

    def share(part: np.ndarray) -> str:
        return f"{100 * np.abs(part).mean() / size:.1f}"

    rng = np.random.default_rng(0)
    groups = [np.flatnonzero(hidden)]
    groups += [rng.permutation(len(hidden))[: hidden.sum()] for _ in range(GROUPS)]
    predicted = np.array([-found.sum_over(group) for group in groups])
    actual = np.array([train_without(detector, train, group, x) - found.after for group in groups])
    top = np.mean([hidden[best].mean() for best in found.top(10)])
    row = {
        "training": name,
        "momentum": share(found.momentum),
        "statistics": share(found.statistics),
        "remainder": share(found.remainder),
        "hidden among the first ten": f"{100 * top:.0f}",
        "without the hidden: predicted": f"{predicted[0].mean():.2f}",
        "without the hidden: trained again": f"{actual[0].mean():.2f}",
        "correlation over groups": f"{np.corrcoef(predicted.ravel(), actual.ravel())[0, 1]:.2f}",
    }
    print(row, flush=True)
    return row


def train_without(
    detector: jaxad.Detector, train: jaxad.TrainData, group: np.ndarray, x: np.ndarray
) -> np.ndarray:
    """Return the scores of rows after training in which the losses of a group count nothing."""
    label = np.zeros_like(train.label)
    label[group] = -1
    return jaxad.score(jaxad.fit(detector, train._replace(label=label)), x)[0]


if __name__ == "__main__":
    main()
