"""Table C.5 of the thesis of Ruff (2021), its unsupervised columns: Fashion-MNIST, one class.

    python experiments/deep_one_class_thesis/fashion_mnist.py DATA [--published FILE]

Each class in turn is normal; trained on its 6,000 training images alone, tested on all 10,000.
DATA is a folder with the idx files. `--epochs` sets the length of training and pre-training; the
thesis trains for 150 + 150 epochs (`--epochs 150 --learning-rate 1e-4`), which takes an
accelerator or patience.
"""

import argparse
import csv
from pathlib import Path

import jaxad
from jaxad.cache import enable_compilation_cache

TITLES = {"autoencoder": "Autoencoder", "deep_svdd": "Deep SVDD"}
CLASSES = [
    "tshirt_top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle_boot",
]


def main() -> None:
    """Print the table, a row as soon as it is known, and the mean over the classes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with Fashion-MNIST's idx files")
    parser.add_argument("--published", type=Path, help="the published table as csv")
    parser.add_argument("--detectors", nargs="+", default=list(TITLES), choices=list(TITLES))
    parser.add_argument("--classes", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    enable_compilation_cache()
    data = jaxad.load_dataset(args.data)
    printed = {}
    if args.published is not None:
        with args.published.open() as lines:
            printed = {(r["method"], r["subset"]): float(r["mean"]) for r in csv.DictReader(lines)}
    print("| class | detector | AUROC | published | seconds |\n|---|---|---|---|---|")
    means: dict[str, list[float]] = {name: [] for name in args.detectors}
    for normal in args.classes:
        split = jaxad.contaminate(data, 0, normal_class=normal, contamination=0.0, seeds=args.seeds)
        for name in args.detectors:
            config = {"epochs": args.epochs, "learning_rate": args.learning_rate}
            if name == "deep_svdd":
                config["pretrain_epochs"] = args.epochs
            detector = jaxad.make(name, split.train, batch_size=200, **config)
            fitted = jaxad.fit(detector, split.train)
            auroc = jaxad.evaluate(fitted, split.test).auroc
            means[name].append(100 * auroc.mean)
            there = printed.get((TITLES[name], CLASSES[normal]), float("nan"))
            seconds = fitted.seconds.compile + fitted.seconds.run
            row = f"| {CLASSES[normal]} | {TITLES[name]} | {100 * auroc.mean:.1f}"
            print(f"{row} | {there:.0f} | {seconds:.0f} |", flush=True)
    for name, values in means.items():
        there = printed.get((TITLES[name], "mean"), float("nan"))
        print(f"| mean | {TITLES[name]} | {sum(values) / len(values):.1f} | {there:.0f} | |")


if __name__ == "__main__":
    main()
