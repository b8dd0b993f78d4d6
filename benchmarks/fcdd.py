"""Compare FCDD's training step with an eager PyTorch twin, and time its heat map.

    python benchmarks/fcdd.py            the network for Fashion-MNIST, batches of 128
    python benchmarks/fcdd.py --rounds 5

The step is a full training step with labelled anomalies inside the compiled loop: gathering uint8
images on the device, forward and backward pass, BatchNorm, and SGD with Nesterov momentum. The twin
does the same eagerly, with its data in memory as one tensor and channels last. Both run in turns in
one process. The heat map is that of one image of 224 pixels with the network for that size, from
uint8 to a map of 224 x 224.
"""

import argparse
import statistics
import time
from typing import NamedTuple

import jax
import numpy as np
import torch
from recording import Recorder, add_out
from torch import nn

import jaxad
from jaxad.explain import heatmaps
from jaxad.utils.compilation_cache import enable_compilation_cache

ROWS, BATCH = 1280, 128
KINDS = ("wall", "processor")
COLUMNS = ("time", "ours, ms a step", "twin, ms a step", "twin / ours")


def images(n: int, side: int, seed: int = 0) -> np.ndarray:
    """Return random uint8 images."""
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, 1), np.uint8)


class Seconds(NamedTuple):
    """Wall time and processor time over all cores, which other work affects less, in seconds."""

    wall: float
    cores: float


def our_step(steps: int) -> Seconds:
    """Time a step of jaxad, without compiling."""
    label = np.where(np.arange(ROWS) % 2 == 0, -1, 0).astype(np.int8)
    train = jaxad.as_train_data(images(ROWS, 28), label)
    detector = jaxad.make("fcdd", train, epochs=1, steps=steps, batch_size=BATCH)
    start = time.process_time()
    wall = jaxad.fit(detector, train).seconds.run
    return Seconds(wall / steps, (time.process_time() - start) / steps)


def twin_step(steps: int) -> Seconds:
    """Time a step of the twin."""
    layers = [nn.Conv2d(1, 128, 5, padding=2, bias=False), nn.BatchNorm2d(128, eps=1e-4)]
    layers += [nn.LeakyReLU(0.1), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(128, 128, 5, padding=2), nn.MaxPool2d(2), nn.Conv2d(128, 1, 1)]
    net = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(
        net.parameters(), lr=1e-2, momentum=0.9, nesterov=True, weight_decay=1e-6, fused=True
    )
    x = torch.from_numpy(images(ROWS, 28)).permute(0, 3, 1, 2)
    anomalous = torch.arange(ROWS) % 2 == 0

    def step() -> None:
        rows = torch.randint(0, ROWS, (BATCH,))
        batch = x[rows].float().div_(255).contiguous(memory_format=torch.channels_last)
        optimiser.zero_grad()
        score = (torch.sqrt(net(batch) ** 2 + 1) - 1).mean(dim=(1, 2, 3))
        far = -torch.log(-torch.expm1(-(score + 1e-6)))
        torch.where(anomalous[rows], far, score).mean().backward()
        optimiser.step()

    step()
    start = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    wall, cores = time.perf_counter() - start[0], time.process_time() - start[1]
    return Seconds(wall / steps, cores / steps)


def one_map(times: int) -> Seconds:
    """Time one heat map of an image of 224 pixels, without compiling; the fastest of `times`."""
    train = jaxad.as_train_data(images(2, 224), np.zeros(2, np.int8))
    detector = jaxad.make("fcdd", train)
    # The values of weights do not affect the time, so a new network suffices.
    state = jax.jit(detector.init)(jax.random.key(0), jax.tree.map(jax.numpy.asarray, train))
    fitted = jaxad.Fit((detector,), jax.tree.map(lambda leaf: leaf[None], state))
    found = []
    for _ in range(times + 1):
        start = time.perf_counter(), time.process_time()
        heatmaps(fitted, train.x[:1])
        found.append(Seconds(time.perf_counter() - start[0], time.process_time() - start[1]))
    return min(found[1:])


def main() -> None:
    """Print the times of steps and of a heat map."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    add_out(parser)
    args = parser.parse_args()
    enable_compilation_cache()
    our_step(1), twin_step(1)
    table = Recorder(COLUMNS, args.out)
    ratios = []
    for _ in range(args.rounds):
        ours, twin = our_step(args.steps), twin_step(args.steps)
        ratios.append([t / o for o, t in zip(ours, twin, strict=True)])
        for kind, o, t in zip(KINDS, ours, twin, strict=True):
            table.add(kind, f"{1e3 * o:.0f}", f"{1e3 * t:.0f}", f"{t / o:.2f}")
    wall, cores = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"median of twin / ours: {wall:.2f} wall time, {cores:.2f} processor time")
    wall, cores = one_map(10)
    print(f"a heat map of 224 x 224: {wall:.3f} s wall time, {cores:.3f} s processor time")


if __name__ == "__main__":
    main()
