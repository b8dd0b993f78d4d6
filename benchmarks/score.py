"""Measure scoring of a million rows, the overhead of the estimator, and start-up times.

    python benchmarks/score.py rows                1,000,000 x 30 rows from parquet and csv
    python benchmarks/score.py estimator DATA      cardio, with and without the estimator
    python benchmarks/score.py start               import jaxad, jaxad --help

DATA is a folder of ADBench's npz files. Every command of `rows` and `start` runs in a new process
and is measured from outside: wall time, processor time and peak memory. The fastest of several runs
is printed, because other work on the machine can only add time.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS, COLUMNS = 1_000_000, 30
PROGRAM = [sys.executable, "-c", "import sys; from jaxad.cli import main; sys.exit(main())"]


def measure_process(argv):
    """Run a process and return its wall seconds, processor seconds and peak memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    assert status == 0, f"{argv} ended with status {status}"
    memory = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
    return seconds, usage.ru_utime + usage.ru_stime, memory


def rows(folder):
    """Train Deep SAD on 2,000 rows and score a million with a cached program."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv, parquet

    rng = np.random.default_rng(0)
    names = [f"f{i}" for i in range(COLUMNS)]
    x = rng.normal(size=(ROWS, COLUMNS))
    few = pa.table({name: x[:2000, i] for i, name in enumerate(names)})
    parquet.write_table(few, folder / "few.parquet")
    table = pa.table({name: x[:, i] for i, name in enumerate(names)})
    parquet.write_table(table, folder / "all.parquet")
    csv.write_csv(table, folder / "all.csv")
    fit = ["fit", "few.parquet", "deep_sad", "--out", "m", "--epochs", "5"]
    os.chdir(folder)
    subprocess.run([*PROGRAM, *fit], check=True, stdout=subprocess.DEVNULL)
    for source in ("few.parquet", "all.parquet", "all.csv"):
        for out in ("scores.parquet", "scores.csv"):
            argv = [*PROGRAM, "score", "m", source, "--out", out, "--force"]
            wall, processor, memory = measure_process(argv)
            size = Path(source).stat().st_size / 2**20
            print(
                f"{source} ({size:.0f} MiB) -> {out}: {wall:.1f} s, processors "
                f"{processor:.1f} s, {memory:.0f} MiB"
            )


def estimator(data_dir):
    """Fit cardio with the library and through the estimator, interleaved, with warm programs."""
    import numpy as np

    import jaxad
    from jaxad.data import fit_scaling
    from jaxad.sklearn import JaxADDetector
    from jaxad.utils.compilation_cache import enable_compilation_cache

    enable_compilation_cache()
    data = jaxad.load_dataset("cardio", data_dir=data_dir)
    y = np.full(len(data.x), -1)
    y[np.flatnonzero(data.y == 1)[:20]] = 1

    def library():
        scaling = fit_scaling(data.x)
        train = jaxad.as_train_data(scaling.apply(data.x), np.where(y == 1, -1, 0))
        detector = jaxad.make("deep_sad", train)
        return jaxad.fit(detector, train)

    def wrapped():
        return JaxADDetector("deep_sad").fit(data.x, y)

    seconds = {library: [], wrapped: []}
    for _ in range(16):
        for fit in seconds:
            start = time.perf_counter()
            fit()
            seconds[fit].append(time.perf_counter() - start)
    first = [seconds[fit].pop(0) for fit in (library, wrapped)]
    alone, through = (min(seconds[fit]) for fit in (library, wrapped))
    print(f"first: library {first[0]:.2f} s with compiling, estimator {first[1]:.2f} s")
    print(f"fastest of 15 more: library {alone:.3f} s, estimator {through:.3f} s")
    print(f"overhead {100 * (through / alone - 1):.1f} %")


def start():
    """Print the fastest start-up of seven new processes."""
    for name, argv in {
        "import jaxad": [sys.executable, "-c", "import jaxad"],
        "import jaxad.sklearn": [sys.executable, "-c", "import jaxad.sklearn"],
        "jaxad --help": [*PROGRAM, "--help"],
    }.items():
        wall, processor, _ = map(min, zip(*(measure_process(argv) for _ in range(7)), strict=True))
        print(f"{name}: {wall:.2f} s, processors {processor:.2f} s")


def main():
    """Run the chosen measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["rows", "estimator", "start"])
    parser.add_argument("data", nargs="?")
    options = parser.parse_args()
    if options.what == "rows":
        with tempfile.TemporaryDirectory() as folder:
            rows(Path(folder))
            os.chdir("/")
    elif options.what == "estimator":
        estimator(options.data)
    else:
        start()


if __name__ == "__main__":
    main()
