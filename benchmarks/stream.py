"""Measure `jaxad score DIR -`: the delay of a line, lines per second, and memory.

    python benchmarks/stream.py [[series:]DETECTOR...]     default: iforest deep_sad

Trains on 2,000 rows of 30 columns. The delay is the time from writing a line to the process until
a score has been read, over 500 lines that are sent one by one. For the rate, 200,000 lines are
sent as fast as the process takes them. With `series:`, lines are timestamps, windows have 50 of
them and begin at each; the score that follows a line is that of the timestamp 49 lines before.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

COLUMNS, SINGLE, MANY, WINDOW = 30, 500, 200_000, 50
PROGRAM = [sys.executable, "-c", "import sys; from jaxad.cli import main; sys.exit(main())"]


def write_lines(rng, count):
    return [",".join(f"{value:.4f}" for value in row) for row in rng.normal(size=(count, COLUMNS))]


def main():
    folder = Path(tempfile.mkdtemp())
    rng = np.random.default_rng(0)
    header = ",".join(f"f{i}" for i in range(COLUMNS))
    (folder / "few.csv").write_text("\n".join([header, *write_lines(rng, 2000)]) + "\n")
    single, many = write_lines(rng, SINGLE), write_lines(rng, MANY)
    for name in sys.argv[1:] or ["iforest", "deep_sad"]:
        series = name.startswith("series:")
        saved = folder / name.replace(":", "_")
        cut = ["--window", WINDOW, "--stride", 1] if series else []
        name = name.removeprefix("series:")
        fit = [*PROGRAM, "fit", folder / "few.csv", name, *cut, "--out", saved]
        subprocess.run([str(arg) for arg in fit], check=True, stdout=subprocess.DEVNULL)
        argv = [*PROGRAM, "score", str(saved), "-"]
        measure(name, argv, header, single, many, WINDOW - 1 if series else 0)


def measure(name, argv, header, single, many, waiting):
    """Print the delays of single lines, and the rate of many; so many timestamps wait at a time."""
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
    print(
        f"{name}: first line after {delays[0] / 1000:.1f} s; delay of a line {middle:.1f} ms "
        f"(median), {late:.1f} ms (99 %), {worst:.1f} ms (longest); {rate:,.0f} lines per second; "
        f"{usage.ru_maxrss / 1024:.0f} MiB",
        flush=True,
    )


def send(pipe, lines):
    with pipe:
        pipe.write(("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main()
