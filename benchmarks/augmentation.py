"""Measure the cost of image augmentation in a training step of HSC.

    python benchmarks/augmentation.py

Prints the median time of a step at batch size 128 inside the compiled loop, for the networks for
28x28 and 32x32 images, without augmentation and with each of its parts, and the share of the step
that augmentation takes.
"""

import argparse

import numpy as np
from recording import Recorder, add_out

import jaxad
from jaxad.utils.compilation_cache import enable_compilation_cache

PARTS = (
    None,
    "crop(4)",
    "flip",
    "jitter(0.2, 0.2, 0.2)",
    "noise(0.01)",
    "crop(4), flip, jitter(0.2, 0.2, 0.2), noise(0.01)",
)
ROUNDS = 3


def main() -> None:
    """Measure all variants and print the table."""
    enable_compilation_cache()
    rng = np.random.default_rng(0)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_out(parser)
    table = Recorder(("images", "augment", "ms a step", "share"), parser.parse_args().out)
    for shape in ((28, 28, 1), (32, 32, 3)):
        images = rng.integers(0, 256, (1000, *shape), dtype=np.uint8)
        label = np.where(np.arange(1000) < 500, -1, 0)
        data = jaxad.as_train_data(images, label)
        times: dict[str | None, list[float]] = {part: [] for part in PARTS}
        for _ in range(ROUNDS):  # interleaved, so that other work on the machine affects all alike
            for part in PARTS:
                times[part].append(seconds_per_step(data, part))
        plain = float(np.median(times[None]))
        for part, taken in times.items():
            median = float(np.median(taken))
            share = f"{100 * (median - plain) / median:.0f} %" if part else ""
            size = "x".join(map(str, shape))
            table.add(size, part or "", f"{1e3 * median:.1f}", share)


def seconds_per_step(data: jaxad.TrainData, augment: str | None) -> float:
    """Return the run time of a step in seconds, without compiling."""
    detector = jaxad.make("hsc", data, augment=augment, epochs=2, batch_size=128)
    jaxad.fit(detector._replace(epochs=1), data)
    fitted = jaxad.fit(detector, data)
    return fitted.seconds.run / fitted.history["train"]["loss"].shape[1]


if __name__ == "__main__":
    main()
