"""Measure the time of `auto`: fitting 10,000 x 30 rows, and scoring a million rows.

    python benchmarks/auto.py [--rows ROWS] [--out FILE.csv]

Prints wall and processor seconds, with 5 labelled anomalies and without. The first fit compiles
programs; the second is measured. Other work on the machine adds to wall seconds alone. The last
column is the memory that scoring adds to the process, beside the rows and the scores.
"""

import argparse
import resource
import time

import numpy as np
from recording import Recorder, add_out

import jaxad

ROWS, COLUMNS, LABELLED = 10_000, 30, 5
FIGURES = ("labelled", "what", "wall s", "processor s", "memory MB")


def measure(run):
    """Return the result of a function, its wall seconds and its processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - wall, time.process_time() - processor


def main():
    """Print a line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows to score")
    add_out(parser)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    x[:200, :5] += 3
    new = rng.normal(size=(options.rows, COLUMNS)).astype(np.float32)
    table = Recorder(FIGURES, options.out)
    for labelled in (0, LABELLED):
        label = np.where(np.arange(ROWS) < labelled, -1, 0).astype(np.int8)
        train = jaxad.as_train_data(x, label)
        detector = jaxad.make("auto", train)
        fitted = jaxad.fit(detector, train)
        fitted, *seconds = measure(lambda made=detector, rows=train: jaxad.fit(made, rows))
        table.add(labelled, f"fit {ROWS:,} rows", *show(seconds), 0)
        jaxad.score(fitted, new[:5000])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        _, *seconds = measure(lambda model=fitted: jaxad.score(model, new))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        table.add(labelled, f"score {options.rows:,} rows", *show(seconds), round(grown / 1024))


def show(seconds):
    """Return seconds with two digits behind the point."""
    return [f"{value:.2f}" for value in seconds]


if __name__ == "__main__":
    main()
