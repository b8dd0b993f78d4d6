"""Compare ELITE with its base detectors on Fashion-MNIST, with curves and an audit.

    python experiments/elite/fashion_mnist.py DATA

Uses 5,000 training images of which a share is anomalous, and 10 + 10 labelled ones (Zhang et al.
2021, section 5). DATA is a folder with the idx files. For each class, contamination and detector
the script prints the AUROC at the end of training; the AUROC at the smallest loss on the labelled
rows, which uses no test label; the AUROC with which the scores and the sums of meta-gradients find
the hidden anomalies; and the curve of AUROC and validation loss. With `--out`, all but the curves
go to a csv file, with means over the classes. The base detectors use their own optimiser for the
same number of epochs.
"""

import argparse
import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache

COLUMNS = ["AUROC", "at least loss", "audit by score", "audit by meta-gradient"]
BASES = {"elite_deep_svdd": "deep_svdd", "elite_autoencoder": "autoencoder"}


def draw_split(
    data: jaxad.Dataset, normal: int, contamination: float, n_train: int, seeds: int
) -> jaxad.Split:
    """Return the splits of one normal class, with 10 + 10 labelled rows."""
    return jaxad.contaminate(
        data,
        0,
        normal_class=normal,
        contamination=contamination,
        labelled_anomalies=10,
        labelled_normals=10,
        n_train=n_train,
        seeds=seeds,
    )


def audit_auroc(fit: jaxad.Fit, split: jaxad.Split, method: str) -> float:
    """Return the mean AUROC in % for finding the hidden anomalies among the unlabelled rows."""
    found = jaxad.audit(fit, split, method).auroc
    return np.nan if found is None else 100 * found.mean


def read_validation_loss(fit: jaxad.Fit, split: jaxad.Split, every: int) -> np.ndarray:
    """Return the mean validation loss of the last steps of each seed; infinite without ELITE."""
    history = fit.history["train"]
    if "validation_loss" not in history:
        return np.full(fit.seeds, np.inf)
    return history["validation_loss"][:, -every:].mean(axis=1)


def fit_with_curve(name: str, split: jaxad.Split, every: int, config: dict, measure_loss):
    """Return a fit and its curve of `(steps, AUROC, loss)`, the last two `(seeds,)`."""
    curve = []

    def watch(fit: jaxad.Fit) -> None:
        history = fit.history["train"]
        steps = history["loss"].shape[1] if history else 0
        auroc = jaxad.evaluate(fit, split.test).auroc.per_seed
        curve.append((steps, auroc, measure_loss(fit, split)))

    detector = jaxad.make(name, split.train, **config)
    return jaxad.fit(detector, split.train, watch=watch, watch_every=every), curve


def main() -> None:
    """Print a line after each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="folder with Fashion-MNIST's idx files")
    parser.add_argument("--classes", nargs="+", type=int, default=[0, 3, 5, 8])
    parser.add_argument("--contamination", nargs="+", type=float, default=[0.1, 0.5])
    parser.add_argument("--detectors", nargs="+", default=list(BASES), choices=list(BASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--learning-rate", type=float, default=1e-2, help="step size of ELITE")
    parser.add_argument(
        "--dense", action="store_true", help="dense layers 128-64-32 instead of a LeNet"
    )
    parser.add_argument("--every", type=int, default=50, help="steps between points of a curve")
    parser.add_argument("--out", type=Path, help="write the numbers to this csv file")
    args = parser.parse_args()
    enable_compilation_cache()
    data = jaxad.load_dataset(args.data)
    common = {"epochs": args.epochs}
    if args.dense:
        common |= {"channels": (), "widths": (128, 64, 32)}
    lines = []
    for normal in args.classes:
        for contamination in args.contamination:
            split = draw_split(data, normal, contamination, 5000, args.seeds)
            for name in args.detectors:
                for one, config in (
                    (BASES[name], common),
                    (name, common | {"learning_rate": args.learning_rate}),
                ):
                    numbers = measure(split, one, args.every, config)
                    lines.append((str(normal), contamination, one, *numbers))
                    print(*lines[-1][:3], *show(numbers), flush=True)
            if args.out is not None:
                write(args.out, lines)


def write(path: Path, lines: list[tuple]) -> None:
    """Write the numbers of each run, and their means over the classes, to a csv file."""
    means = []
    for key in dict.fromkeys(line[1:3] for line in lines):
        numbers = np.array([line[3:] for line in lines if line[1:3] == key])
        mean, _, *others = numbers.mean(axis=0)
        means.append(("mean", *key, mean, np.nan, *others))
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["class", "contamination", "detector", *COLUMNS])
        writer.writerows([*line[:3], *show(line[3:])] for line in [*lines, *means])


def show(numbers: Sequence[float]) -> list[str]:
    """Return the numbers of a run as text: mean and deviation of the AUROC, and the others."""
    end, deviation, *others = numbers
    cells = ["" if np.isnan(number) else f"{number:.1f}" for number in others]
    return [f"{end:.1f}" + ("" if np.isnan(deviation) else f" ± {deviation:.1f}"), *cells]


def measure(
    split: jaxad.Split, name: str, every: int, config: dict[str, Any]
) -> tuple[float, float, float, float, float]:
    """Train, print the curve, and return the mean and deviation of the AUROC, and the others."""
    if name == "deep_svdd":
        config = config | {"pretrain_epochs": 0}
    fit, curve = fit_with_curve(
        name, split, every, config, partial(read_validation_loss, every=every)
    )
    steps, scores, losses = (np.array(part) for part in zip(*curve, strict=True))
    best = weights = np.nan
    if np.isfinite(losses[1:]).all():
        best = 100 * scores[losses.argmin(axis=0), np.arange(fit.seeds)].mean()
        weights = audit_auroc(fit, split, "meta_weight")
    for n, auroc, loss in zip(steps, scores, losses, strict=True):
        print(f"{n}: {100 * auroc.mean():.1f}", f"({loss.mean():.2f})", end=", ")
    deviation = 100 * scores[-1].std(ddof=min(1, fit.seeds - 1))
    return 100 * scores[-1].mean(), deviation, best, audit_auroc(fit, split, "score"), weights


if __name__ == "__main__":
    main()
