"""Compare NCAE's training step with the plain autoencoder's, and time the six ODDS datasets.

    python benchmarks/ncae.py [--odds DATA]

Batch size 128 inside the compiled loop: an MLP 32-16-8 on a table of 36 columns, and dense layers
128-64-32 and a LeNet 16-32 on 28x28 images. Times are the least of `--repeats` interleaved
repetitions; ratios are relative to the plain step. With --odds, a folder of ADBench's npz files,
the script prints the wall seconds of fits of the six datasets, including compiling.
"""

import argparse
import time

import numpy as np
from elite import random_data, seconds_per_step
from recording import Recorder, add_out

import jaxad

NETS = {
    "MLP 32-16-8": ((36,), {}),
    "dense 128-64-32": ((28, 28, 1), {"channels": (), "widths": (128, 64, 32)}),
    "LeNet 16-32": ((28, 28, 1), {}),
}
STEPS = {"MLP 32-16-8": 50, "dense 128-64-32": 5, "LeNet 16-32": 1}
CRITICS = {
    "NCAE": "both",
    "without the critic of rows": "latent",
    "without the critic of codes": "sample",
    "calibration alone": "none",
}
ODDS = ("satellite", "cardio", "thyroid", "satimage-2", "shuttle", "mammography")


def odds(folder, seeds, epochs, out):
    """Print the wall seconds of each dataset, from the split to the scores."""
    table = Recorder(("data", "rows", "seconds", "AUROC"), out)
    start = time.perf_counter()
    for name in ODDS:
        data = jaxad.load_dataset(name, data_dir=folder)
        before = time.perf_counter()
        split = jaxad.contaminate(
            data, 0, contamination=None, labelled_anomalies=0, test_size=0.4, seeds=seeds
        )
        fitted = jaxad.fit(jaxad.make("ncae", split.train, epochs=epochs), split.train)
        auroc = jaxad.evaluate(fitted, split.test).auroc.mean
        seconds, rows = time.perf_counter() - before, int(np.max(split.train.count))
        table.add(name, rows, f"{seconds:.1f}", f"{100 * auroc:.1f}")
    table.add("all", "", f"{time.perf_counter() - start:.1f}", "")


def main():
    """Print the times of steps, or those of the ODDS datasets with --odds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--steps", type=int, default=20, help="steps of the LeNet; other networks take more"
    )
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--odds", help="folder of ADBench's npz files")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=100)
    add_out(parser)
    args = parser.parse_args()
    if args.odds:
        odds(args.odds, args.seeds, args.epochs, args.out)
        return
    table = Recorder(("network", "detector", "ms a step", "ratio to plain"), args.out)
    for net in args.nets:
        shape, sizes = NETS[net]
        data = random_data(shape, 128 * 5, labelled=0)  # 5 batches an epoch
        config = {"epochs": args.steps // 5 * STEPS[net], "norm": "none", **sizes}
        detectors = {"autoencoder": jaxad.make("autoencoder", data, **config)} | {
            name: jaxad.make("ncae", data, adversarial=who, **config)
            for name, who in CRITICS.items()
        }
        for detector in detectors.values():
            jaxad.fit(detector._replace(epochs=1), data)  # compile
        turns = [
            [seconds_per_step(detector, data) for detector in detectors.values()]
            for _ in range(args.repeats)
        ]
        best = np.min(turns, axis=0)
        for name, seconds in zip(detectors, best, strict=True):
            table.add(net, name, f"{1e3 * seconds:.3g}", f"{seconds / best[0]:.2f}")


if __name__ == "__main__":
    main()
