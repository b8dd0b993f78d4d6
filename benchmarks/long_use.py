"""Measure the memory of a process that goes on for long, and of many threads.

    python benchmarks/long_use.py rows       10,000 scores of a single row
    python benchmarks/long_use.py wide       fits of 200 shapes, or of --shapes N
    python benchmarks/long_use.py shapes     500 fits of 50 shapes in turn
    python benchmarks/long_use.py threads    eight threads that fit and score
    python benchmarks/long_use.py fork       a fit in a process that was forked after a fit

Each prints the resident memory while it goes on, and how many compiled programs are kept in memory;
`--out FILE` appends the same to a csv file. Linux only.
"""

import argparse
import os
import threading
import time
from pathlib import Path

import numpy as np

import jaxad
import jaxad.errors
from jaxad.training import bound

ROWS, WIDE, SHAPES, THREADS = 10_000, 200, 50, 8


def measure_memory():
    """Return the resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def report(count, what, start):
    """Print a line, and append it to the file of `--out`."""
    memory, programs = measure_memory(), bound.count_programs()
    print(
        f"{count} {what}: {memory:.0f} MiB, {programs} programs, "
        f"{time.perf_counter() - start:.0f} s",
        flush=True,
    )
    if ARGUMENTS.out is not None:
        new = not ARGUMENTS.out.exists()
        with ARGUMENTS.out.open("a") as file:
            if new:
                file.write("part,count,mib,programs\n")
            file.write(f"{ARGUMENTS.part},{count},{memory:.0f},{programs}\n")


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
            report(i, "rows", start)


def wide():
    """Train networks of many widths, each once, and score with each."""
    start = time.perf_counter()
    for i in range(ARGUMENTS.shapes):
        fitted, x = fit(8 + i)
        jaxad.score(fitted, x)
        if i % 8 == 0:
            report(i + 1, "shapes", start)


def shapes():
    """Train networks of some widths in turn, and score with each."""
    start = time.perf_counter()
    for turn in range(10):
        for i in range(SHAPES):
            fitted, x = fit(8 + i, turn)
            jaxad.score(fitted, x)
        report((turn + 1) * SHAPES, "fits", start)


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
    report(10 * THREADS, f"fits in {THREADS} threads", start)


def fork():
    """Fit, fork, and fit in the child, which must end with an error instead of waiting."""
    start = time.perf_counter()
    fit(8)
    child = os.fork()
    if not child:
        try:
            fit(8)
        except jaxad.errors.ConfigError as error:
            print(error)
            os._exit(3)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 3, "the child was not refused"
    report(1, "fit before the fork, and none after it", start)


PARTS = {"rows": rows, "wide": wide, "shapes": shapes, "threads": threads, "fork": fork}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--out", type=Path, help="append the figures to this csv file")
    parser.add_argument("--shapes", type=int, default=WIDE, help="shapes of the part wide")
    ARGUMENTS = parser.parse_args()
    jaxad.enable_compilation_cache()
    PARTS[ARGUMENTS.part]()
