"""Measure `jaxad score DIR -`: the delay of a line, lines per second, and memory.

    python benchmarks/stream.py [[series:]DETECTOR...]     default: iforest deep_sad

Trains on 2,000 rows of 30 columns. The delay is the time from writing a line to the process until
a score has been read, over 500 lines that are sent one by one. For the rate, 200,000 lines are
sent as fast as the process takes them. With `series:`, lines are timestamps, windows have 50 of
them and begin at each; the score that follows a line is that of the timestamp 49 lines before.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from recording import Recorder, add_out

COLUMNS, SINGLE, MANY, WINDOW = 30, 500, 200_000, 50
FIGURES = (
    "first line, s",
    "delay, ms (median)",
    "delay, ms (99 %)",
    "delay, ms (longest)",
    "lines per second",
    "memory, MiB",
)
PROGRAM = [sys.executable, "-c", "import sys; from jaxad.cli import main; sys.exit(main())"]


def write_lines(rng, count):
    return [",".join(f"{value:.4f}" for value in row) for row in rng.normal(size=(count, COLUMNS))]


def main():
    folder = Path(tempfile.mkdtemp())
    rng = np.random.default_rng(0)
    header = ",".join(f"f{i}" for i in range(COLUMNS))
    (folder / "few.csv").write_text("\n".join([header, *write_lines(rng, 2000)]) + "\n")
    single, many = write_lines(rng, SINGLE), write_lines(rng, MANY)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("detectors", nargs="*", default=["iforest", "deep_sad"])
    add_out(parser)
    options = parser.parse_args()
    table = Recorder(("detector", *FIGURES), options.out)
    for kind in options.detectors:
        name, series = kind, kind.startswith("series:")
        saved = folder / name.replace(":", "_")
        cut = ["--window", WINDOW, "--stride", 1] if series else []
        name = name.removeprefix("series:")
        fit = [*PROGRAM, "fit", folder / "few.csv", name, *cut, "--out", saved]
        subprocess.run([str(arg) for arg in fit], check=True, stdout=subprocess.DEVNULL)
        argv = [*PROGRAM, "score", str(saved), "-"]
        cells = measure(argv, header, single, many, WINDOW - 1 if series else 0)
        table.add(kind, *cells)


def measure(argv, header, single, many, waiting):
    """Measure single lines and many; so many timestamps wait at a time.

    Returns:
        The cells of `FIGURES`.
    """
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin and process.stdout
    process.stdin.write("".join(f"{line}\n" for line in (header, *single[:waiting])).encode())
    delays = []
    for place, line in enumerate(single):
        start = time.perf_counter()
        process.stdin.write(f"{line}\n".encode())
        process.stdin.flush()
        if not place:
            process.stdout.readline()  # the names, after the start of the process
        process.stdout.readline()
        delays.append(1000 * (time.perf_counter() - start))
    start = time.perf_counter()
    sender = threading.Thread(target=send, args=(process.stdin, many))
    sender.start()
    for _ in many:
        process.stdout.readline()
    rate = len(many) / (time.perf_counter() - start)
    sender.join()
    _, _, usage = os.wait4(process.pid, 0)
    middle, late, worst = np.percentile(delays[1:], [50, 99, 100])
    return [
        f"{delays[0] / 1000:.1f}",
        *(f"{delay:.1f}" for delay in (middle, late, worst)),
        f"{rate:,.0f}",
        f"{usage.ru_maxrss / 1024:.0f}",
    ]


def send(pipe, lines):
    with pipe:
        pipe.write(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
