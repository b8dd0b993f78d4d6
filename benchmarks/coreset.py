"""Compare PatchCore's choice of a coreset with a loop in PyTorch.

    python benchmarks/coreset.py                      100,000 patches of 128 numbers, 10 % of them
    python benchmarks/coreset.py --patches 20000      a smaller size
    python benchmarks/coreset.py --out benchmarks/coreset.csv

Both choose the same share of the same float32 patches greedily, from the first patch and without a
projection: each step computes the products of all patches with the last chosen one. The loop in
PyTorch works in place on preallocated buffers. They run in turns in one process, and the least time
of each is printed, as other work on the machine can only add time; compiling is not counted. It
also prints the largest resident memory of the process, over that before the data was drawn.
Without PyTorch (`pip install "jaxad[bench]"`) only our time is printed, with the same loop in NumPy
beside it.

Columns of the csv file: `patches`, `dimensions` and `chosen`; `compared_with`; `same`, the
percentage of choices in which both agree; `jaxad` and `other`, the wall times in seconds; `ratio`,
the first over the second; `processor_ratio`, the same of processor times; `memory_gib`; `cores`.
"""

import argparse
import csv
import os
import resource
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from jaxad.detectors.patches import coreset

COLUMNS = (
    *("patches", "dimensions", "chosen", "compared_with", "same", "jaxad", "other"),
    *("ratio", "processor_ratio", "memory_gib", "cores"),
)


def choose_by_torch(points: Any, count: int) -> np.ndarray:
    """Choose points greedily in PyTorch."""
    import torch

    squares = (points * points).sum(dim=1)
    distance = torch.full((len(points),), float("inf"))
    chosen = torch.zeros(count, dtype=torch.long)
    new = torch.empty_like(distance)
    for i in range(1, count):
        last = chosen[i - 1]
        torch.mv(points, points[last], out=new)
        new.mul_(-2).add_(squares).add_(squares[last])
        torch.minimum(distance, new, out=distance)
        distance[last] = -float("inf")
        chosen[i] = distance.argmax()
    return chosen.numpy()


def choose_by_numpy(points: np.ndarray, count: int) -> np.ndarray:
    """Choose points greedily in NumPy."""
    squares = (points * points).sum(axis=1)
    distance = np.full(len(points), np.inf, np.float32)
    chosen = np.zeros(count, int)
    new = np.empty_like(distance)
    for i in range(1, count):
        last = chosen[i - 1]
        np.dot(points, points[last], out=new)
        new *= -2
        new += squares
        new += squares[last]
        np.minimum(distance, new, out=distance)
        distance[last] = -np.inf
        chosen[i] = distance.argmax()
    return chosen


def measure(run: Callable[[], Any]) -> tuple[np.ndarray, float, float]:
    """Return the result of a function, its wall time and its processor time in seconds."""
    cores, wall = time.process_time(), time.perf_counter()
    result = np.asarray(run())
    return result, time.perf_counter() - wall, time.process_time() - cores


def measure_memory() -> float:
    """Return the largest resident memory so far in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print both times, their ratio and the memory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--patches", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, help="a csv file for the results")
    args = parser.parse_args()
    before = measure_memory()
    rng = np.random.default_rng(0)
    points = rng.normal(size=(args.patches, args.dimensions)).astype(np.float32)
    count = round(args.share * args.patches)
    coreset._select(points, 0, count).block_until_ready()
    memory = measure_memory() - before
    title, given, other = "NumPy", points, choose_by_numpy
    if find_spec("torch") is None:
        print('PyTorch is not installed (pip install "jaxad[bench]"); compared with NumPy instead')
    else:
        import torch

        title, given, other = "PyTorch", torch.from_numpy(points), choose_by_torch
    ours, theirs = [], []
    for _ in range(args.rounds):
        ours.append(measure(lambda: coreset._select(points, 0, count)))
        theirs.append(measure(lambda: other(given, count)))
    same = 100 * np.mean(ours[0][0] == theirs[0][0])
    print(f"{count} of {args.patches} x {args.dimensions} patches; {same:.1f} % the same")
    wall, processor = (
        [min(found[place] for found in each) for each in (ours, theirs)] for place in (1, 2)
    )
    ratios = [least[0] / least[1] for least in (wall, processor)]
    for name, least, ratio in zip(("wall", "processor"), (wall, processor), ratios, strict=True):
        print(f"{name} time: {least[0]:.2f} s, {title} {least[1]:.2f} s, ratio {ratio:.2f}")
    print(f"memory of the choice with its data: {memory:.2f} GiB")
    if args.out is not None:
        numbers = [same, *wall, *ratios, memory]
        line = [args.patches, args.dimensions, count, title, *(f"{n:.2f}" for n in numbers)]
        with args.out.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, [*line, os.cpu_count()]])


if __name__ == "__main__":
    main()
