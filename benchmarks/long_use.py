"""Measure the memory of a process that goes on for long, and of many threads.

    python benchmarks/long_use.py rows       10,000 scores of a single row
    python benchmarks/long_use.py shapes     500 fits of 50 shapes in turn
    python benchmarks/long_use.py threads    eight threads that fit and score

Each prints the resident memory while it goes on, and how many compiled programs are kept in memory.
Linux only.
"""

import argparse
import threading
import time
from pathlib import Path

import numpy as np

import jaxad
from jaxad.training import bound

ROWS, SHAPES, THREADS = 10_000, 50, 8


def measure_memory():
    """Return the resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def report(what, start):
    """Print a line."""
    print(
        f"{what}: {measure_memory():.0f} MiB, {bound.count_programs()} programs, "
        f"{time.perf_counter() - start:.0f} s",
        flush=True,
    )


def fit(width, seed=0):
    """Train a small autoencoder on toy data; return it with rows to score."""
    x = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    train = jaxad.as_train_data(x)
    detector = jaxad.make("autoencoder", train, epochs=1, widths=(width, 4))
    return jaxad.fit(detector, train, [seed]), x


def rows():
    """Score rows one by one."""
    start = time.perf_counter()
    fitted, x = fit(8)
    for i in range(ROWS + 1):
        jaxad.score(fitted, x[i % len(x)][None])
        if i % 2000 == 0:
            report(f"{i} rows", start)


def shapes():
    """Train networks of some widths in turn, and score with each."""
    start = time.perf_counter()
    for turn in range(10):
        for i in range(SHAPES):
            fitted, x = fit(8 + i, turn)
            jaxad.score(fitted, x)
        report(f"{(turn + 1) * SHAPES} fits", start)


def threads():
    """Train and score in threads at the same time."""
    start = time.perf_counter()

    def work(number):
        for turn in range(10):
            fitted, x = fit(8 + (number + turn) % 4, turn)
            jaxad.score(fitted, x)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    report(f"{THREADS} threads, {10 * THREADS} fits", start)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("rows", "shapes", "threads"))
    jaxad.enable_compilation_cache()
    {"rows": rows, "shapes": shapes, "threads": threads}[parser.parse_args().part]()
