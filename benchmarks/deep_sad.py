"""Compare the speed of Deep SAD with pre-training on tables with an eager PyTorch twin.

    python benchmarks/deep_sad.py cardio DATA     10 seeds of one dataset, 150 + 150 epochs
    python benchmarks/deep_sad.py suite DATA      24 classical datasets x 5 seeds, 50 + 50 epochs

DATA is a folder of ADBench's npz files. The library runs in fresh processes, first with an empty
cache of programs and then with a warm one. The twin runs warm, with its best number of threads.
Imports and reading the data are not counted for either.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from recording import Recorder, add_out

COLUMNS = ("side", "seconds", "twin / ours", "AUROC", "programs")
CLASSICAL = [
    "fault",
    "glass",
    "Ionosphere",
    "letter",
    "mammography",
    "mnist",
    "optdigits",
    "pendigits",
    "Pima",
    "annthyroid",
    "satellite",
    "satimage-2",
    "shuttle",
    "SpamBase",
    "Stamps",
    "thyroid",
    "vowels",
    "WBC",
    "WDBC",
    "45_wine",  # the name without its number is scikit-learn's dataset
    "breastw",
    "campaign",
    "cardio",
    "Cardiotocography",
]
JOBS = {"cardio": (["cardio"], 10, 150), "suite": (CLASSICAL, 5, 50)}


def splits(names, data_dir, seeds):
    """Yield the splits for both sides: 60/40, five labelled anomalies, the rest hidden."""
    import jaxad

    for name in names:
        data = jaxad.load_dataset(name, data_dir=data_dir)
        labelled = 5 if len(names) > 1 else round(0.006 * len(data.x))
        contamination = None if len(names) > 1 else 0.0
        yield (
            name,
            jaxad.contaminate(
                data, 0, contamination=contamination, labelled_anomalies=labelled, seeds=seeds
            ),
        )


def ours(job, data_dir):
    """Return the seconds of making, fitting and scoring, and of running programs only."""
    import jaxad

    names, seeds, epochs = JOBS[job]
    wall = run = 0.0
    programs, aurocs = 0, {}
    for name, split in list(splits(names, data_dir, seeds)):
        start = time.perf_counter()
        detector = jaxad.make("deep_sad", split.train, epochs=epochs, pretrain_epochs=epochs)
        fitted = jaxad.fit(detector, split.train)
        scores = jaxad.score(fitted, split.test)
        wall += time.perf_counter() - start
        run += fitted.seconds.run
        programs += fitted.seconds.programs
        aurocs[name] = _auroc(scores, split.test.label)
    mean = sum(aurocs.values()) / len(aurocs)
    return {"wall": wall, "run": run, "programs": programs, "auroc": mean}


def twin(job, data_dir):
    """Return the seconds of the twin over the same splits, and its number of threads."""
    from torch_twin import best_threads, fit_deep_sad

    names, seeds, epochs = JOBS[job]
    parts = list(splits(names, data_dir, seeds))

    def one(split, seed, epochs):
        n = int(split.train.count[seed])
        m = int(split.test.count[seed])
        x, label = split.train.x[seed, :n], split.train.label[seed, :n]
        test = split.test.x[seed, :m]
        return fit_deep_sad(x, label, test, epochs, epochs, seed, min(128, n))

    threads = best_threads(lambda: one(parts[0][1], 0, 20))
    wall, aurocs = 0.0, {}
    for name, split in parts:
        start = time.perf_counter()
        scores = [one(split, seed, epochs) for seed in range(seeds)]
        wall += time.perf_counter() - start
        aurocs[name] = _auroc(scores, split.test.label)
    mean = sum(aurocs.values()) / len(aurocs)
    return {"wall": wall, "threads": threads, "auroc": mean}


def _auroc(scores, labels):
    from sklearn.metrics import roc_auc_score

    values = [roc_auc_score(y[: len(s)], s[: len(y)]) for s, y in zip(scores, labels, strict=True)]
    return sum(values) / len(values)


def run_process(side, job, data_dir, cache):
    """Run one side in a new process and return its results."""
    command = [sys.executable, __file__, job, data_dir, "--side", side, "--cache", cache]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("data", help="folder of ADBench's npz files")
    parser.add_argument("--side", choices=("ours", "twin"), help=argparse.SUPPRESS)
    parser.add_argument("--cache", help=argparse.SUPPRESS)
    parser.add_argument("--pairs", type=int, default=1, help="number of repetitions")
    add_out(parser)
    args = parser.parse_args()
    if args.side:
        sys.path.insert(0, str(Path(__file__).parent))
        os.environ["JAXAD_CACHE_DIR"] = args.cache
        import jaxad

        jaxad.enable_compilation_cache()
        print(json.dumps({"ours": ours, "twin": twin}[args.side](args.job, args.data)))
        return
    names, seeds, epochs = JOBS[args.job]
    print(f"{len(names)} datasets x {seeds} seeds, {epochs} + {epochs} epochs")
    table = Recorder(COLUMNS, args.out)
    for _ in range(args.pairs):
        with tempfile.TemporaryDirectory() as cache:
            theirs = run_process("twin", args.job, args.data, cache)
            cold = run_process("ours", args.job, args.data, cache)
            warm = run_process("ours", args.job, args.data, cache)
        wall = theirs["wall"]
        threads = "1 thread" if theirs["threads"] == 1 else f"{theirs['threads']} threads"
        table.add(f"twin, {threads}", f"{wall:.2f}", 1, f"{theirs['auroc']:.3f}", "")
        for title, result, seconds in (
            ("empty cache", cold, cold["wall"]),
            ("warm cache", warm, warm["wall"]),
            ("run alone", warm, warm["run"]),
        ):
            ratio = wall / seconds
            cells = (f"{seconds:.2f}", f"{ratio:.1f}", f"{result['auroc']:.3f}")
            table.add(title, *cells, result["programs"] if title != "run alone" else "")


if __name__ == "__main__":
    main()
