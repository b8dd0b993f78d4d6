"""Measure training on an accelerator: many seeds, side by side, against one seed of PyTorch.

    pip install "jax[cuda12]" torch
    python benchmarks/accelerator.py                 all that is missing, within 8 minutes
    python benchmarks/accelerator.py --minutes 4
    python benchmarks/accelerator.py --tiny          small sizes, to try the script on a CPU

Each measurement is a line of a csv file, with the device's name. Lines that the file has for this
device are not measured again, so that the same command goes on where it was cut off. Times are
those of training steps without compiling; `peak_mib` is the most memory that the process has used
on the device so far, where JAX says it. Twins in PyTorch run on the same kind of device where
PyTorch finds one, else their lines are left out.
"""

import argparse
import csv
import time
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

import jaxad
from jaxad.detectors import get_entry

OUT = Path(__file__).parents[1] / "experiments/accelerator/results/accelerator.csv"
COLUMNS = ("device", "measurement", "value", "unit", "peak_mib", "tiny", "jax")


class Sizes(NamedTuple):
    """How much is trained."""

    rows: int
    images: int
    steps: int
    seeds: tuple[int, int]


FULL, TINY = Sizes(4096, 6000, 400, (10, 100)), Sizes(256, 64, 4, (2, 4))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--tiny", action="store_true", help="small sizes")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    device = jax.local_devices()[0].device_kind
    done = read_done(options.out)
    for name, unit, measure in list_measurements(TINY if options.tiny else FULL):
        if (device, name, str(options.tiny)) in done:
            continue
        if time.monotonic() > end:
            print("stopped: the time is over")
            return
        value = measure()
        if value is None:
            continue
        row = (device, name, f"{value:.6g}", unit, measure_peak(), options.tiny, jax.__version__)
        append(options.out, row)
        print(f"{name}: {value:.4g} {unit}", flush=True)


def list_measurements(sizes: Sizes) -> list[tuple[str, str, Callable[[], float | None]]]:
    """List (name, unit, function), the most telling ones first."""
    table, image = make_table(sizes.rows), make_images(sizes.images)
    few, many = sizes.seeds
    networks = {
        "deep_sad table": ("deep_sad", table, {"batch_size": 128}),
        "deep_svdd LeNet": ("deep_svdd", image, {"batch_size": 200}),
        "elite_deep_svdd LeNet": ("elite_deep_svdd", image, {"batch_size": 200}),
        "fcdd": ("fcdd", image, {"batch_size": 128}),
    }
    listed: list[tuple[str, str, Callable[[], float | None]]] = []
    for title, (name, train, config) in networks.items():
        for seeds in (1, few, many):
            run = partial(time_step, name, train, seeds, sizes.steps, **config)
            listed.append((f"{title}, seeds: {seeds}", "ms a step of all seeds", run))
    lenet = partial(time_step, "deep_svdd", image, few, sizes.steps, batch_size=200)
    unit = "ms a step of all seeds"
    listed += [
        (f"deep_svdd LeNet, {mode}, seeds: {few}", unit, partial(lenet, mode=mode))
        for mode in ("vmap", "map")
    ]
    half = {"precision": "bfloat16"}
    wide = partial(time_step, "deep_sad", table, many, sizes.steps, batch_size=128, **half)
    listed += [
        (f"deep_sad table, bfloat16, seeds: {many}", unit, wide),
        (f"deep_svdd LeNet, bfloat16, seeds: {few}", unit, partial(lenet, **half)),
        ("deep_sad table, PyTorch, seeds: 1", "ms a step", partial(time_twin, "table", sizes)),
        ("deep_svdd LeNet, PyTorch, seeds: 1", "ms a step", partial(time_twin, "image", sizes)),
        ("grid of 8 learning rates, side by side", "s", partial(time_grid, table, True)),
        ("grid of 8 learning rates, one by one", "s", partial(time_grid, table, False)),
        ("convolution, plain", "ms", partial(time_convolution, sizes, False)),
        ("convolution, spectral", "ms", partial(time_convolution, sizes, True)),
        ("scores against those of the CPU", "largest relative error", partial(compare, table)),
    ]
    return listed


def make_table(rows: int) -> jaxad.types.TrainData:
    """Return random rows of a table with ten labelled anomalies."""
    rng = np.random.default_rng(0)
    label = np.where(np.arange(rows) < 10, -1, 0).astype(np.int8)
    return jaxad.as_train_data(rng.normal(size=(rows, 30)).astype(np.float32), label)


def make_images(rows: int) -> jaxad.types.TrainData:
    """Return random images of 28 x 28 pixels with ten labelled anomalies."""
    rng = np.random.default_rng(0)
    label = np.where(np.arange(rows) < 10, -1, 0).astype(np.int8)
    return jaxad.as_train_data(rng.integers(0, 256, (rows, 28, 28, 1), dtype=np.uint8), label)


def make_detector(name: str, train: jaxad.types.TrainData, steps: int, **config):
    """Make a detector without pre-training, of so many steps as whole epochs have, or one epoch."""
    if any(field.name == "pretrain_epochs" for field in fields(get_entry(name).config)):
        config["pretrain_epochs"] = 0
    made = jaxad.make(name, train, **config)
    per_epoch = int(np.max(made.sampler.steps_per_epoch(train)))
    return made._replace(epochs=max(1, steps // per_epoch))


def time_step(name: str, train, seeds: int, steps: int, mode: str = "auto", **config) -> float:
    """Return the time of a training step of all seeds in milliseconds."""
    detector = make_detector(name, train, steps, **config)
    jaxad.fit(detector._replace(epochs=1), train, seeds, mode=mode)  # compiles
    fitted = jaxad.fit(detector, train, seeds, mode=mode)
    taken = next(iter(fitted.history["train"].values())).shape[1]
    return 1e3 * fitted.seconds.run / taken


def time_twin(kind: str, sizes: Sizes) -> float | None:
    """Return the time of a step of PyTorch in milliseconds; None without PyTorch for the device."""
    try:
        import torch
    except ImportError:
        return None
    place = "cuda" if jax.default_backend() == "gpu" else "cpu"
    if (place == "cuda" and not torch.cuda.is_available()) or jax.default_backend() == "tpu":
        return None
    from torch_twin import lenet, mlp, squared_distance

    net = (mlp((30, 32, 16, 8)) if kind == "table" else lenet()).to(place)
    shape = (sizes.rows, 30) if kind == "table" else (sizes.images, 1, 28, 28)
    x = torch.randn(shape, device=place)
    batch = 128 if kind == "table" else 200
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-4, weight_decay=1e-6, fused=True)

    def run(steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            rows = torch.randint(len(x), (batch,), device=place)
            optimiser.zero_grad()
            out = net(x[rows])
            squared_distance(out, torch.ones_like(out[0])).mean().backward()
            optimiser.step()
        if place == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    run(max(2, sizes.steps // 10))
    return 1e3 * run(sizes.steps) / sizes.steps


def time_grid(train, together: bool) -> float:
    """Return the time of eight learning rates with two seeds each, in seconds, with compiling."""
    rates = [rate for rate in np.geomspace(1e-5, 1e-2, 8).tolist() for _ in range(2)]
    made = [make_detector("deep_sad", train, 100, learning_rate=r) for r in rates]
    start = time.perf_counter()
    if together:
        jaxad.fit(made, train)
    else:
        for detector in made[::2]:
            jaxad.fit(detector, train, 2)
    return time.perf_counter() - start


def time_convolution(sizes: Sizes, spectral: bool) -> float:
    """Return the time of a convolution of 32 channels, 5 x 5, with its gradients, in ms."""
    from jaxad.nets.conv import canonical_conv
    from jaxad.nets.spectral import spectral_conv

    x = jax.random.normal(jax.random.key(0), (min(128, sizes.images), 28, 28, 32))
    w = jax.random.normal(jax.random.key(1), (5, 5, 32, 32))

    def convolve(x, w):
        if spectral:
            return spectral_conv(x, w, "SAME")
        return canonical_conv(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    step = jax.jit(jax.grad(lambda x, w: (convolve(x, w) ** 2).sum(), (0, 1)))
    jax.block_until_ready(step(x, w))
    start = time.perf_counter()
    for _ in range(10):
        out = step(x, w)
    jax.block_until_ready(out)
    return 1e2 * (time.perf_counter() - start)


def compare(train) -> float:
    """Return the largest relative error of scores after a few steps against those of the CPU."""
    detector = make_detector("deep_sad", train, 1)
    scores = []
    for device in (jax.local_devices()[0], jax.local_devices(backend="cpu")[0]):
        with jax.default_device(device):
            scores.append(jaxad.score(jaxad.fit(detector, train, 2, mode="vmap"), train.x))
    return float(np.max(np.abs(scores[0] / scores[1] - 1)))


def measure_peak() -> str:
    """Return the most memory used on the device so far in MiB; empty if JAX does not say."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return f"{stats['peak_bytes_in_use'] / 2**20:.0f}" if "peak_bytes_in_use" in stats else ""


def read_done(path: Path) -> set[tuple[str, str, str]]:
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        return {(row["device"], row["measurement"], row["tiny"]) for row in csv.DictReader(file)}


def append(path: Path, row: tuple) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        writer.writerow(row)


if __name__ == "__main__":
    main()
