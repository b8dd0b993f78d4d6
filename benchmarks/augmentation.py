"""What augmentation of images costs: a training step of HSC with and without it, in one run.

    python benchmarks/augmentation.py

Prints the median time of a step at batch 128 inside the compiled loop, on the nets for 28x28 and
32x32 images, without augmentation and with each of its parts, and the share of the step.
"""

import numpy as np

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
    """Measure and print."""
    enable_compilation_cache()
    rng = np.random.default_rng(0)
    print("| images | augment | ms a step | share |\n|---|---|---|---|")
    for shape in ((28, 28, 1), (32, 32, 3)):
        images = rng.integers(0, 256, (1000, *shape), dtype=np.uint8)
        label = np.where(np.arange(1000) < 500, -1, 0)
        data = jaxad.as_train_data(images, label)
        times: dict[str | None, list[float]] = {part: [] for part in PARTS}
        for _ in range(ROUNDS):  # in turn, so that what else runs falls on all alike
            for part in PARTS:
                times[part].append(seconds_a_step(data, part))
        plain = float(np.median(times[None]))
        for part, taken in times.items():
            median = float(np.median(taken))
            share = f"{100 * (median - plain) / median:.0f} %" if part else ""
            size = "x".join(map(str, shape))
            print(f"| {size} | {part or ''} | {1e3 * median:.1f} | {share} |", flush=True)


def seconds_a_step(data: jaxad.TrainData, augment: str | None) -> float:
    """The run time of a step, compiling excluded."""
    detector = jaxad.make("hsc", data, augment=augment, epochs=2, batch_size=128)
    jaxad.fit(detector._replace(epochs=1), data)
    fitted = jaxad.fit(detector, data)
    return fitted.seconds.run / fitted.history["train"]["loss"].shape[1]


if __name__ == "__main__":
    main()
