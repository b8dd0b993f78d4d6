"""Measure how often attributions name the column that was changed.

    python experiments/explanations/moved_column.py DATA_DIR [--data 6_cardio 38_thyroid]

Detectors are trained on normal rows of a table. In each of some other normal rows, one random
column is moved by some standard deviations, up or down. The script counts how often this column has
the largest attribution by absolute value, over rows and seeds; the chance level is one over the
number of columns. The baseline of gradients is the mean of the training rows. The percentages are
written to `results/moved_column.csv` beside this script.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import jaxad
from jaxad.explain import attribution_methods, attributions
from jaxad.utils.compilation_cache import enable_compilation_cache

OUT = Path(__file__).parent / "results" / "moved_column.csv"
DETECTORS = ("deep_svdd", "autoencoder", "kde", "ocsvm", "pca", "gaussian", "mcd")


def load_rows(name: str, data_dir: str) -> tuple[np.ndarray, np.ndarray]:
    """Return normal rows for training and for changing, standardised by the training rows."""
    data = jaxad.load_dataset(name, data_dir=data_dir)
    x = np.asarray(data.x, np.float64)[np.asarray(data.y) == 0]
    x = x[np.random.default_rng(0).permutation(len(x))]
    train, rest = x[: len(x) // 2], x[len(x) // 2 :]
    shift, scale = train.mean(axis=0), train.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    return tuple(((part - shift) / scale).astype(np.float32) for part in (train, rest))


def main() -> None:
    """Train the detectors, change the rows and count the hits of each method."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data_dir")
    parser.add_argument("--data", nargs="+", default=["6_cardio", "38_thyroid"])
    parser.add_argument("--by", type=float, default=4.0, help="standard deviations of the change")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    enable_compilation_cache()
    lines: list[dict[str, str]] = []
    for name in args.data:
        x, rest = load_rows(name, args.data_dir)
        rng = np.random.default_rng(1)
        clean = rest[: args.rows]
        column = rng.integers(0, x.shape[1], len(clean))
        moved = clean.copy()
        moved[np.arange(len(clean)), column] += args.by * rng.choice([-1, 1], len(clean))
        for detector in DETECTORS:
            train = jaxad.as_train_data(x)
            fitted = jaxad.fit(jaxad.make(detector, train), train, seeds=args.seeds)
            rose = 100 * np.mean(jaxad.score(fitted, moved) > jaxad.score(fitted, clean))
            line = {"data": name, "detector": detector, "rose": f"{rose:.0f}"}
            for method in attribution_methods(fitted):
                hits = [
                    np.argmax(np.abs(attributions(fitted, moved, method, seed=seed)), axis=1)
                    == column
                    for seed in range(args.seeds)
                ]
                line[method] = f"{100 * np.mean(hits):.1f}"
            lines.append(line)
            print(line, flush=True)
    methods = dict.fromkeys(key for line in lines for key in line)
    with OUT.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(methods), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


if __name__ == "__main__":
    main()
