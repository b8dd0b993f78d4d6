"""Time the MVTec-AD column of AnoOnly's table 1: 15 datasets x 8 detectors x 3 seeds.

    python benchmarks/anoonly.py DATA [--seeds 3] [--sets 15]

DATA is a folder of ADBench's npz files. The 360 fits run in fresh processes, first with an empty
compilation cache and then with a warm one. Imports and reading the data are not counted. Processor
time is printed next to wall time, because it varies less on a machine with other work.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from recording import Recorder, add_out

BASE = {"epochs": 50, "milestone": 1.0, "pretrain_epochs": 0}
COLUMNS = ("detector", "cache", "wall seconds", "processor seconds", "programs", "AUROC")
DETECTORS = {
    "deep_sad": BASE,
    "anoonly_deep_sad": {},
    "devnet": {},
    "anoonly_devnet": {},
    "feawad": {},
    "anoonly_feawad": {},
    "prenet": {},
    "anoonly_prenet": {},
}


def processor_seconds() -> float:
    """Return the processor time of this process over all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def time_column(data_dir, seeds, sets, detectors):
    """Measure making, fitting and scoring of each detector over all datasets, in seconds."""
    import jaxad

    names = sorted(path.stem for path in Path(data_dir).glob("MVTec-AD_*.npz"))[:sets]
    splits = [
        jaxad.contaminate(
            jaxad.load_dataset(name, data_dir=data_dir),
            0,
            contamination=None,
            labelled_anomalies=0.1,
            protocol="adbench",
            seeds=seeds,
        )
        for name in names
    ]
    results = {}
    for name in detectors:
        wall, processor = time.perf_counter(), processor_seconds()
        aurocs, programs = [], 0
        for split in splits:
            fitted = jaxad.fit(jaxad.make(name, split.train, **DETECTORS[name]), split.train)
            aurocs.append(jaxad.evaluate(fitted, split.test).auroc.mean)
            programs += fitted.seconds.programs
        results[name] = {
            "wall": time.perf_counter() - wall,
            "processor": processor_seconds() - processor,
            "programs": programs,
            "auroc": 100 * sum(aurocs) / len(aurocs),
        }
    return results


def run_process(args, cache):
    """Run all detectors in a new process and return its results."""
    command = [sys.executable, __file__, args.data, "--cache", cache, "--seeds", str(args.seeds)]
    command += ["--sets", str(args.sets), "--detectors", *args.detectors]
    out = subprocess.check_output(command, text=True)
    return json.loads(out.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder of ADBench's npz files")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", type=int, default=15)
    parser.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    parser.add_argument("--cache", help=argparse.SUPPRESS)
    add_out(parser)
    args = parser.parse_args()
    if args.cache:
        import jax

        jax.config.update("jax_compilation_cache_dir", args.cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        print(json.dumps(time_column(args.data, args.seeds, args.sets, args.detectors)))
        return
    with tempfile.TemporaryDirectory() as cache:
        runs = {"empty": run_process(args, cache), "warm": run_process(args, cache)}
    table = Recorder(COLUMNS, args.out)
    for cache, results in runs.items():
        for name, r in results.items():
            seconds = [f"{r[kind]:.0f}" for kind in ("wall", "processor")]
            table.add(name, cache, *seconds, r["programs"], f"{r['auroc']:.1f}")
        wall, processor = (sum(r[k] for r in results.values()) for k in ("wall", "processor"))
        table.add("all", cache, f"{wall:.0f}", f"{processor:.0f}", "", "")


if __name__ == "__main__":
    main()
