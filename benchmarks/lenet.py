"""Compare a training step of Deep SVDD on 28x28 images with an eager PyTorch twin.

    python benchmarks/lenet.py

Prints the time of a step at batch size 200 inside the compiled loop and the twin's best time, the
ratio of ten seeds to one, and the peak memory with ten seeds of 6,000 images.
"""

import argparse
import resource
import time

import jax
import numpy as np
from recording import Recorder, add_out

import jaxad


def seconds_per_step(images, seeds, epochs):
    """Return the run time of a step in seconds, without compiling."""
    data = jaxad.as_train_data(images)
    if seeds > 1:
        data = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (seeds, *np.shape(leaf))), data)
    detector = jaxad.make("deep_svdd", data, pretrain_epochs=0, epochs=epochs, batch_size=200)
    jaxad.fit(detector._replace(epochs=1), data)  # compile
    fitted = jaxad.fit(detector, data)
    return fitted.seconds.run / fitted.history["train"]["loss"].shape[1]


def main():
    from torch_twin import best_threads, lenet_step_seconds

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_out(parser)
    options = parser.parse_args()

    images = np.random.default_rng(0).integers(0, 256, (6000, 28, 28, 1), dtype=np.uint8)
    twins, ours = [], []
    best_threads(lambda: lenet_step_seconds(steps=5))
    for _ in range(3):
        twins.append(lenet_step_seconds(steps=30))
        ours.append(seconds_per_step(images, 1, 2))
    twin, one = float(np.median(twins)), float(np.median(ours))
    start = time.perf_counter()
    ten = seconds_per_step(images, 10, 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    table = Recorder(("side", "ms a step", "ratio"), options.out)
    table.add("PyTorch twin", f"{1e3 * twin:.1f}", 1)
    table.add("jaxad, one seed", f"{1e3 * one:.1f}", f"{one / twin:.2f}")
    table.add("jaxad, ten seeds", f"{1e3 * ten:.1f}", f"{ten / one:.2f} times one seed")
    print(f"peak memory of this process, PyTorch included: {peak:.2f} GB", end="; ")
    print(f"ten seeds took {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
