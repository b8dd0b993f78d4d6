"""NCAE's step beside the plain autoencoder's on the same net, and the six ODDS sets.

    python benchmarks/ncae.py [--odds DATA]

Batch 128, inside the compiled loop: an MLP 32-16-8 on a table of 36 columns, dense layers
128-64-32 and a LeNet 16-32 on 28x28 images. Times are the least of `--repeats` turns, which take
the rows in order; ratios are to the plain step. With --odds, a folder of ADBench's npz files: wall
seconds of fits of the six sets, compiling included.
"""

import argparse
import time

import numpy as np
from elite import data_of, seconds_a_step

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


def odds(folder, seeds, epochs):
    """Wall seconds of each set, from the split to the scores."""
    print("| data set | rows | seconds | AUROC |\n|---|---|---|---|")
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
        print(f"| {name} | {rows} | {seconds:.1f} | {100 * auroc:.1f} |", flush=True)
    print(f"| all | | {time.perf_counter() - start:.1f} | |")


def main():
    """Print a table of steps, and of the ODDS sets if asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="of LeNet; more of the others")
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--odds", help="folder of ADBench's npz files")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=100)
    args = parser.parse_args()
    if args.odds:
        odds(args.odds, args.seeds, args.epochs)
        return
    print("| | ms a step | ratio to plain |\n|---|---|---|")
    for net in args.nets:
        shape, sizes = NETS[net]
        data = data_of(shape, 128 * 5, labelled=0)  # 5 batches an epoch
        config = {"epochs": args.steps // 5 * STEPS[net], "norm": "none", **sizes}
        detectors = {"autoencoder": jaxad.make("autoencoder", data, **config)} | {
            name: jaxad.make("ncae", data, adversarial=who, **config)
            for name, who in CRITICS.items()
        }
        for detector in detectors.values():
            jaxad.fit(detector._replace(epochs=1), data)  # compiles
        turns = [
            [seconds_a_step(detector, data) for detector in detectors.values()]
            for _ in range(args.repeats)
        ]
        best = np.min(turns, axis=0)
        for name, seconds in zip(detectors, best, strict=True):
            print(f"| {net}: {name} | {1e3 * seconds:.3g} | {seconds / best[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
