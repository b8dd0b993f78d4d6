"""Compare the first fit of a process with that of an eager PyTorch twin.

    python benchmarks/first_fit.py DATA.npz --rounds 5

Deep SAD with 50 + 50 epochs on all rows of a table, one seed, with ten labelled anomalies: on one
side the estimator, on the other the twin. Each fit is in a process of its own, in turn: the twin,
the estimator with an empty cache, and the estimator with what the process before has kept there.

The table has medians over the rounds: the wall time and the processor time of the whole process
with its imports, and of the call of `fit` alone; then, as each round is a pair, the median of the
ratios to the twin. Processor times are those to go by on a machine with other work.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from recording import Recorder, add_out

EPOCHS, LABELLED = 50, 10
FIGURES = ("process wall", "process cpu", "call wall", "call cpu")
SIDES = ("twin", "empty cache", "warm cache")


def read(path):
    """Return the standardised rows of a table, and labels: -1 for ten anomalies, else 0."""
    with np.load(path) as file:
        x, y = file["X"].astype(np.float32), file["y"].astype(int)
    label = np.zeros(len(x), np.int64)
    label[np.flatnonzero(y)[:LABELLED]] = -1
    return (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-6), label


def time_call(fit):
    """Run a function and print its wall and processor time in seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    fit()
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


def fit_ours(path):
    """Fit the estimator."""
    from jaxad.sklearn import JaxADDetector

    x, label = read(path)
    settings = {"epochs": EPOCHS, "pretrain_epochs": EPOCHS, "batch_size": 128}
    detector = JaxADDetector("deep_sad", settings=settings)
    time_call(lambda: detector.fit(x, (label < 0).astype(int)))


def fit_twin(path, threads):
    """Fit the twin."""
    import torch
    from torch_twin import DeepSAD

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    x, label = read(path)
    rows, labels = torch.from_numpy(x), torch.from_numpy(label)
    time_call(lambda: DeepSAD(x.shape[1]).fit(rows, labels, EPOCHS, EPOCHS))


def run_process(python, side, args, cache):
    """Run one side in a new process; return its figures in the order of `FIGURES`."""
    command = [python, __file__, args.data, "--side", side, "--threads", str(args.threads)]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=os.environ | {"JAXAD_CACHE_DIR": cache}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the process of {side} failed")
    return [wall, used.ru_utime + used.ru_stime, *json.loads(printed.splitlines()[-1])]


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="npz file with the arrays X and y, such as 6_cardio.npz")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")
    parser.add_argument("--torch-python", default=sys.executable, help="a Python with PyTorch")
    parser.add_argument("--side", choices=("ours", "twin"), help=argparse.SUPPRESS)
    add_out(parser)
    args = parser.parse_args()
    if args.side == "ours":
        fit_ours(args.data)
        return
    if args.side == "twin":
        sys.path.insert(0, str(Path(__file__).parent))
        fit_twin(args.data, args.threads)
        return
    found = {side: [] for side in SIDES}
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as cache:
            found["twin"].append(run_process(args.torch_python, "twin", args, cache))
            for side in SIDES[1:]:
                found[side].append(run_process(sys.executable, "ours", args, cache))
    print(f"median of {args.rounds} rounds in seconds, and the ratio to the twin")
    table = Recorder(("side", *FIGURES), args.out)
    for side, rounds in found.items():
        cells = []
        for values, twins in zip(
            zip(*rounds, strict=True), zip(*found["twin"], strict=True), strict=True
        ):
            ratio = statistics.median(v / t for v, t in zip(values, twins, strict=True))
            cells.append(f"{statistics.median(values):.2f} ({ratio:.2f})")
        table.add(side, *cells)


if __name__ == "__main__":
    main()
