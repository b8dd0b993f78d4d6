"""Compare options of XLA for the CPU: the time to compile a first fit, and to run a later one.

    python benchmarks/compile_options.py DATA --rounds 3

Deep SAD on cardio, one seed, 50 + 50 epochs; DATA is a folder of ADBench's npz files. Each first
fit is in a process of its own without stored programs. The table has medians over the rounds: the
seconds of the first call of `fit`, and of the fastest of three later calls.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from recording import Recorder, add_out

LEVEL, EMITTERS = "xla_backend_optimization_level", "xla_cpu_use_fusion_emitters"
OPTIONS = {
    "level 1, as the library": {LEVEL: 1},
    "XLA's defaults": {},
    "older emitters": {EMITTERS: False},
    "level 1, older emitters": {LEVEL: 1, EMITTERS: False},
}


def fit_with(options, data_dir):
    """Return the seconds of the first fit of this process and of a later one."""
    import jaxad
    from jaxad.training import executables

    executables._QUICK = {"cpu": options}
    data = jaxad.load_dataset("cardio", data_dir=data_dir)
    train = jaxad.contaminate(data, 0, labelled_anomalies=5).train
    detector = jaxad.make("deep_sad", train, epochs=50, pretrain_epochs=50)
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        jaxad.fit(detector, train)
        seconds.append(time.perf_counter() - start)
    return seconds[0], min(seconds[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder of ADBench's npz files")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--options", type=json.loads, help=argparse.SUPPRESS)
    add_out(parser)
    args = parser.parse_args()
    if args.options is not None:
        print(json.dumps(fit_with(args.options, args.data)))
        return
    found = {name: [] for name in OPTIONS}
    env = os.environ | {"JAXAD_CACHE_DIR": ""}
    for _ in range(args.rounds):
        for name, options in OPTIONS.items():
            command = [sys.executable, __file__, args.data, "--options", json.dumps(options)]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env)
            found[name].append(json.loads(out.stdout.splitlines()[-1]))
    table = Recorder(("options", "first fit s", "later fit s"), args.out)
    for name, pairs in found.items():
        table.add(name, *(f"{statistics.median(s):.2f}" for s in zip(*pairs, strict=True)))


if __name__ == "__main__":
    main()
