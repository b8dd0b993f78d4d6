"""Compare the time of ELITE's training step with the plain step of the same base detector.

    python benchmarks/elite.py
    python benchmarks/elite.py --only LeNet deep_svdd --steps 100

Deep SVDD and the autoencoder at batch size 128 with 10 + 10 labelled rows inside the compiled loop:
a LeNet 16-32 on 28x28 images, and an MLP on a table of 32 columns. ELITE computes all
meta-gradients of a batch from one forward-mode derivative, in every step or in every fourth after
the first epoch of five steps, or unrolled by their definition. Times are the least of `--repeats`
interleaved repetitions; ratios are relative to the plain step.
"""

import argparse

import numpy as np
from recording import Recorder, add_out

import jaxad

SHAPES = {"LeNet": (28, 28, 1), "MLP": (32,)}
BASES = {"deep_svdd": "elite_deep_svdd", "autoencoder": "elite_autoencoder"}


def random_data(shape, rows, labelled=10):
    """Return random rows, with `labelled` anomalies and as many normal rows labelled."""
    rng = np.random.default_rng(0)
    label = np.zeros(rows, np.int8)
    label[:labelled], label[labelled : 2 * labelled] = -1, 1
    if len(shape) == 3:
        return jaxad.as_train_data(rng.integers(0, 256, (rows, *shape), np.uint8), label)
    return jaxad.as_train_data(rng.normal(size=(rows, *shape)).astype(np.float32), label)


def seconds_per_step(detector, data):
    """Return the run time of a step in seconds, without compiling."""
    fitted = jaxad.fit(detector, data)
    return fitted.seconds.run / fitted.history["train"]["loss"].shape[1]


def is_wanted(name, names, only):
    """Return whether a name is given, or none of its kind."""
    return name in only or not set(only) & set(names)


def main():
    """Print a table for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--steps", type=int, default=30, help="steps of the LeNet; MLPs take 50 x as many"
    )
    parser.add_argument("--only", nargs="+", default=[], choices=(*SHAPES, *BASES))
    add_out(parser)
    args = parser.parse_args()
    table = Recorder(("network and detector", "ms a step", "ratio to plain"), args.out)
    nets = {net: shape for net, shape in SHAPES.items() if is_wanted(net, SHAPES, args.only)}
    bases = {base: own for base, own in BASES.items() if is_wanted(base, BASES, args.only)}
    for net, shape in nets.items():
        data = random_data(shape, 128 * 5 + 20)  # 5 batches an epoch
        epochs = args.steps // 5 * (1 if net == "LeNet" else 50)
        for base, with_elite in bases.items():
            config = {"epochs": epochs, "norm": "batch_no_affine", "optimiser": "sgd"}
            if base == "deep_svdd":
                config["pretrain_epochs"] = 0
            detectors = {
                "plain": jaxad.make(base, data, **config),
                "ELITE, forward": jaxad.make(with_elite, data, **config),
                "ELITE, every fourth": jaxad.make(with_elite, data, **config, every=4),
                "ELITE, unrolled": jaxad.make(with_elite, data, **config, meta_gradient="unrolled"),
            }
            for detector in detectors.values():
                jaxad.fit(detector._replace(epochs=1), data)  # compile
            turns = [
                [seconds_per_step(detector, data) for detector in detectors.values()]
                for _ in range(args.repeats)
            ]
            best = np.min(turns, axis=0)
            for name, seconds in zip(detectors, best, strict=True):
                ratio = seconds / best[0]
                table.add(f"{net}, {base}: {name}", f"{1e3 * seconds:.3g}", f"{ratio:.2f}")


if __name__ == "__main__":
    main()
