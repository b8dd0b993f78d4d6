"""Peak memory of a long series: training on all its windows, and scoring every timestamp.

Writes a series of 1,000,000 timestamps of 5 channels, trains `mlp_forecaster` for one epoch on
windows of 100 timestamps and scores the file, each in a process of its own, as the commands
`jaxad fit` and `jaxad score` do. Copies of the windows at a stride of 1 alone would take 2 GB.

    python benchmarks/long_series.py [--points 1000000] [--window 100] [--stride 1]

`--stride 10` is the default of the commands for this window.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CHANNELS = 5


def write_series(path: Path, points: int) -> None:
    """Write waves with noise as a csv file with the column t and one column for each channel."""
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(0)
    place = np.arange(points)
    waves = [np.sin(2 * np.pi * place / (60 + 10 * i)) for i in range(CHANNELS)]
    columns = {f"c{i}": wave + 0.1 * rng.normal(size=points) for i, wave in enumerate(waves)}
    csv.write_csv(pa.table({"t": place, **columns}), path)


def run(*argv: str) -> tuple[float, float]:
    """Run a command of jaxad; return its seconds and its peak memory in MB."""
    # Linux's own peak of the process: that of `resource` includes the process that started it.
    code = (
        "import sys; from jaxad.cli import main; code = main(sys.argv[1:]); "
        "status = open('/proc/self/status').read().split(); "
        "print('peak', status[status.index('VmHWM:') + 1]); sys.exit(code)"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"exit code {done.returncode}: {done.stderr}")
    peak = next(line for line in done.stdout.splitlines() if line.startswith("peak "))
    return time.perf_counter() - began, int(peak.split()[1]) / 1024


def main() -> None:
    """Print seconds and peak memory of both commands."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--detector", default="mlp_forecaster")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        file, folder, out = (str(Path(name) / part) for part in ("ts.csv", "m", "scores.csv"))
        write_series(Path(file), given.points)
        copied = given.points / given.stride * given.window * CHANNELS * 4 / 2**20
        print(f"copies of all windows would take {copied:.0f} MB in float32")
        cut = ("--time", "t", "--window", str(given.window), "--stride", str(given.stride))
        fit = ("fit", file, given.detector, *cut, "--epochs", "1", "--batch-size", "1024")
        for what, argv in {
            "fit": (*fit, "--out", folder),
            "score": ("score", folder, file, "--out", out),
        }.items():
            seconds, peak = run(*argv)
            print(f"{what:6s} {seconds:7.1f} s   peak {peak:6.0f} MB")


if __name__ == "__main__":
    main()
