"""Compare a sweep with running its cells one by one, and with PyOD's Deep SVDD.

    python benchmarks/sweep.py DATA                  24 datasets x 4 detectors x 3 x 5 = 1,440 cells
    python benchmarks/sweep.py DATA --loop-sets 3    one by one only the cells of 3 datasets
    python benchmarks/sweep.py DATA --quick          3 datasets, 5 epochs
    python benchmarks/sweep.py DATA --grid           1 dataset, 32 settings of Deep SAD x 5 seeds
    python benchmarks/sweep.py DATA --pyod           Deep SVDD, 3 datasets x 5 seeds, against PyOD

DATA is a folder of ADBench's npz files. Each side runs in a new process with an empty compilation
cache; its time is the wall time from the first import to the last metric. "One by one" is a loop as
a user would write it: for each cell a split, `jaxad.fit` and `jaxad.evaluate`, in one process, so
that later cells reuse the programs of earlier ones. PyOD uses the same splits, networks, batches
and epochs; it is measured if it is installed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from deep_sad import CLASSICAL

DETECTORS = ("deep_svdd", "deep_sad", "anoonly_deep_sad", "elite_deep_svdd")
# The sample of --loop-sets comes first: a small dataset, a wide one and a large one.
SETS = ["cardio", "satellite", "thyroid"]
SETS += [name for name in CLASSICAL if name not in SETS]
WIDTHS = (64, 32)


GRID = """
contamination = 0.05
detectors = [{ name = "deep_sad", eta = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0], \
learning_rate = [1e-4, 3e-4, 1e-3, 3e-3] }]
"""


def experiment(names, epochs, grid=False):
    axes = f"detectors = {list(DETECTORS)}\ncontamination = [0.01, 0.05, 0.1]\n"
    return (
        f"datasets = {names}\nepochs = {epochs}\nlabelled_anomalies = 5\nseeds = 5\n"
        f'few_anomalies = "own"\n{GRID if grid else axes}'
    )


def load_jobs(file, data):
    from jaxad.sweep import expand, load_experiment

    return load_experiment(file).seeds, expand(load_experiment(file), data)


def sweep(file, data):
    """Run all cells as `jaxad sweep` runs and records them."""
    from jaxad.sweep import LocalExecutor, group_jobs, run_jobs
    from jaxad.sweep.memory import measure_available

    seeds, jobs = load_jobs(file, data)
    found = {}
    with tempfile.TemporaryDirectory() as out:
        groups = group_jobs([(job, tuple(range(seeds))) for job in jobs], measure_available())
        run_jobs(
            groups,
            out,
            LocalExecutor(data_dir=data),
            lambda cell: found.update(auroc_by_seed(cell)),
        )
    return found


def auroc_by_seed(cell):
    pairs = zip(cell.seeds, cell.evaluation.auroc.per_seed, strict=True)
    return {f"{cell.job} {seed}": float(value) for seed, value in pairs}


def loop(file, data):
    """Run the same cells one by one."""
    import jax

    import jaxad

    seeds, jobs = load_jobs(file, data)
    found = {}
    for job in jobs:
        dataset = jaxad.load_dataset(job.dataset, data_dir=data)
        for seed in range(seeds):
            key = jax.random.fold_in(jax.random.key(job.seed_root), seed)
            split = jaxad.contaminate(
                dataset, key, protocol=job.protocol, normal_class=job.normal_class
            )
            made = jaxad.make(job.variant.detector, split.train, **dict(job.variant.config))
            fit = jaxad.fit(made, split.train, [seed], key=job.seed_root)
            auroc = jaxad.evaluate(fit, split.test).auroc.per_seed[0]
            found[f"{job.name} {seed}"] = float(auroc)
    return found


def pyod_splits(names, data):
    """Yield the splits for the comparison with PyOD: unlabelled, 5 % hidden anomalies."""
    import jaxad

    for name in names:
        dataset = jaxad.load_dataset(name, data_dir=data)
        rho = None if name == "thyroid" else 0.05
        yield name, jaxad.contaminate(dataset, 0, contamination=rho, seeds=5)


def ours(names, data, epochs):
    import jaxad

    found = {}
    for name, split in pyod_splits(names, data):
        made = jaxad.make("deep_svdd", split.train, epochs=epochs, pretrain_epochs=0, widths=WIDTHS)
        auroc = jaxad.evaluate(jaxad.fit(made, split.train), split.test).auroc.per_seed
        found |= {f"{name} {i}": float(v) for i, v in enumerate(auroc)}
    return found


def theirs(names, data, epochs):
    import numpy as np
    from pyod.models.deep_svdd import DeepSVDD
    from sklearn.metrics import roc_auc_score

    found = {}
    for name, splits in pyod_splits(names, data):
        for seed in range(5):
            split = splits.seed(seed)
            model = DeepSVDD(
                split.train.x.shape[1],
                hidden_neurons=list(WIDTHS),
                epochs=epochs,
                batch_size=128,
                dropout_rate=0.0,
                preprocessing=False,
                verbose=0,
                random_state=seed,
            )
            model.fit(np.asarray(split.train.x))
            scores = model.decision_function(np.asarray(split.test.x))
            found[f"{name} {seed}"] = float(roc_auc_score(split.test.label, scores))
    return found


def run_side(args):
    """Run one side in this process."""
    start = time.perf_counter()
    import jax

    from jaxad.utils.timing import count_compilations

    jax.config.update("jax_enable_compilation_cache", False)
    if args.side in ("sweep", "loop"):
        found = {"sweep": sweep, "loop": loop}[args.side](args.file, args.data)
    else:
        names = args.file.split(",")
        found = {"ours": ours, "theirs": theirs}[args.side](names, args.data, args.epochs)
    seconds = time.perf_counter() - start
    cpu = time.process_time()
    return {"seconds": seconds, "cpu": cpu, "programs": count_compilations(), "auroc": found}


def run_process(side, file, args):
    """Run one side in a new process and return its results."""
    command = [sys.executable, __file__, args.data, "--side", side, "--file", str(file)]
    command += ["--epochs", str(args.epochs)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.splitlines()[-1])


def compare(args):
    """Compare the sweep with the loop."""
    names = SETS[: args.sets]
    sample = names[: args.loop_sets] if args.loop_sets else names
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "experiment.toml")
        file.write_text(experiment(sample, args.epochs, args.grid))
        for _ in range(args.pairs):
            one, all_at_once = (run_process(side, file, args) for side in ("loop", "sweep"))
            report(f"one by one, {len(sample)} datasets", one)
            report(f"sweep, {len(sample)} datasets", all_at_once, one["seconds"])
            assert one["auroc"].keys() == all_at_once["auroc"].keys()
            apart = max(abs(v - all_at_once["auroc"][k]) for k, v in one["auroc"].items())
            print(f"largest AUROC difference between the two: {apart:.1e}", flush=True)
        if len(names) > len(sample):
            file.write_text(experiment(names, args.epochs))
            report(f"sweep, {len(names)} datasets", run_process("sweep", file, args))
    if not args.grid:
        print(
            f"datasets x detectors: {len(sample) * len(DETECTORS)}; {len(names) * len(DETECTORS)}"
        )


def report(title, result, other=None):
    cells, seconds = len(result["auroc"]), result["seconds"]
    ratio = f"; {other / seconds:.1f} times faster" if other else ""
    each = f"{1000 * seconds / cells:.0f} ms per cell, {result['cpu']:.1f} s of processor time"
    print(f"{title}: {cells} cells, {seconds:.1f} s, {each}, {result['programs']} programs{ratio}")


def compare_with_pyod(args):
    if find_spec("pyod") is None:
        print("PyOD is not installed")
        return
    names = ",".join(SETS[: min(args.sets, 3)])
    for _ in range(args.pairs):
        pyod, jaxad = (run_process(side, names, args) for side in ("theirs", "ours"))
        report("PyOD's Deep SVDD", pyod)
        report("jaxad's deep_svdd", jaxad, pyod["seconds"])
        for title, result in (("PyOD", pyod), ("jaxad", jaxad)):
            print(f"mean AUROC of {title}: {sum(result['auroc'].values()) / 15:.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder of ADBench's npz files")
    parser.add_argument("--sets", type=int, default=len(SETS), help="number of datasets")
    parser.add_argument("--loop-sets", type=int, help="number of datasets of the loop")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=1, help="number of repetitions")
    parser.add_argument("--quick", action="store_true", help="3 datasets, 5 epochs")
    parser.add_argument(
        "--grid", action="store_true", help="one dataset, 32 settings of one detector"
    )
    parser.add_argument("--pyod", action="store_true", help="compare with PyOD instead")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.quick:
        args.sets, args.epochs = min(args.sets, 3), 5
    if args.grid:
        args.sets = 1
    if args.side:
        print(json.dumps(run_side(args)))
    elif args.pyod:
        compare_with_pyod(args)
    else:
        compare(args)


if __name__ == "__main__":
    main()
