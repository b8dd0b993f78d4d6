"""Measure the time and memory of planning a large sweep, from the experiment file to its groups.

    python benchmarks/plan.py [--seeds 5]

The sweep has 100,000 cells: 40 small datasets, 10 detectors and numerical axes. Half of the cells
are already in the results folder. With one seed there are 100,000 jobs, with five seeds 20,000.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

SETS, DETECTORS, CELLS = 40, 10, 100_000


def experiment(folder, seeds):
    rng = np.random.default_rng(0)
    for i in range(SETS):
        x = rng.normal(size=(500, 20)).astype(np.float32)
        np.savez(folder / f"set_{i}.npz", X=x, y=rng.integers(0, 2, 500))
    names = [f"set_{i}" for i in range(SETS)]
    rest = CELLS // (SETS * DETECTORS * seeds * 5)
    ratios = np.linspace(0, 0.4, rest).round(5).tolist()
    weights = np.linspace(0.5, 5, DETECTORS).tolist()
    path = folder / "experiment.toml"
    path.write_text(
        f"datasets = {names}\nseeds = {seeds}\ncontamination = {ratios}\n"
        "labelled_anomalies = [1, 2, 3, 4, 5]\n"
        f'detectors = [{{ name = "deep_sad", eta = {weights} }}]\n'
    )
    return path


def fill(folder, jobs, seeds):
    """Write results for every second job, as a finished and merged sweep would have done."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from jaxad.results.files import _schema

    names = [job.name for job in jobs[::2] for _ in range(seeds)]
    n = len(names)
    about = {"job": names, "seed": list(range(seeds)) * (n // seeds), "auroc": [0.5] * n}
    empty = {f: [None] * n for f in _schema().names if f not in about}
    folder.mkdir()
    pq.write_table(pa.table(about | empty, schema=_schema()), folder / "part.parquet")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    from jaxad.sweep import expand, group_jobs, load_experiment
    from jaxad.sweep.memory import measure_available
    from jaxad.sweep.store import find_done

    with tempfile.TemporaryDirectory() as name:
        path = experiment(Path(name), seeds)
        out = Path(name, "out")
        fill(out, expand(load_experiment(path), name), seeds)
        clock = [time.perf_counter()]
        jobs = expand(load_experiment(path), name)
        clock.append(time.perf_counter())
        there = find_done(out)
        clock.append(time.perf_counter())
        todo = [
            (job, tuple(s for s in range(seeds) if s not in there.get(job.name, ())))
            for job in jobs
        ]
        groups = group_jobs(
            [(job, missing) for job, missing in todo if missing], measure_available()
        )
        clock.append(time.perf_counter())
    cells = sum(len(g.jobs) * len(g.seeds) for g in groups)
    expanding, reading, planning = np.diff(clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(jobs) * seeds} cells in {len(jobs)} jobs; {cells} missing, {len(groups)} groups")
    print(
        f"expand {expanding:.2f} s, read results {reading:.2f} s, plan {planning:.2f} s: "
        f"{clock[-1] - clock[0]:.2f} s in total; peak {peak:.2f} GiB including imports"
    )


if __name__ == "__main__":
    main()
