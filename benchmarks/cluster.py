"""Simulate a sweep on a cluster, to find when the planning and writing process becomes the limit.

    python benchmarks/cluster.py [--jobs 3] [--seeds 5] [--out benchmarks/cluster.csv]
    python benchmarks/cluster.py --group-seconds 30 --cells 500000

The script measures the processor time of appending cells of one job to the store, singly and in
bulk. It takes as given how long a group runs on a worker, the cost of planning (benchmarks/plan.py)
and the cost of Ray's driver, by default as measured with Ray 2.60 on one of two x86-64 cores. It
then simulates, for 100 to 10,000 workers, a sweep of 300,000 cells in groups of 10 seconds and one
of 1,000,000 cells in groups of 60 seconds, and the first once more with a file for each job; or the
sweep that the options describe. As in `jaxad.sweep.executors.ray`, each worker
has three further tasks queued. In each turn the process polls all tasks, takes one result of each
task that has one, writes these results as one file, and submits as many tasks as have ended.
"""

import argparse
import heapq
import tempfile
import time
from dataclasses import dataclass

import numpy as np
from recording import Recorder, add_out

AHEAD = 4
# The seconds and the cells of a sweep, and whether each job has its own file of results.
SWEEPS = ((10.0, 300_000, False), (60.0, 1_000_000, False), (10.0, 300_000, True))
COLUMNS = (
    *("groups of", "cells", "a file for each", "ms a file", "ms a job in it", "workers"),
    *("hours", "of the ideal", "process busy"),
)


@dataclass
class Costs:
    """Costs of the planning and writing process, in seconds.

    Attributes:
        plan: Planning one cell.
        file: Writing one file of results, independent of its number of cells, and merging it later.
        job: Writing one job into a file.
        task: Submitting a task.
        take: Taking a result, which is a job.
        look: Polling one pending task in one turn.
    """

    plan: float
    file: float
    job: float
    task: float
    take: float
    look: float


def make_cell(number, seeds):
    """Return an artificial cell with the size of a real one."""
    from jaxad.evaluation.metrics import summarise
    from jaxad.evaluation.scoring import Evaluation
    from jaxad.results import Cell
    from jaxad.utils.timing import Seconds

    metric = summarise(np.random.default_rng(number).random(seeds))
    return Cell(
        dataset="cardio",
        normal_class="normal",
        detector="deep_sad",
        setting={"contamination": 0.1, "labelled_anomalies": 5, "seed_root": 0},
        config={"eta": 1.0, "epochs": 50, "learning_rate": 1e-3},
        seeds=tuple(range(seeds)),
        job=f"{number:016x}",
        evaluation=Evaluation(*[metric] * 5),
        seconds=Seconds(1.0, 1.0, 1),
    )


def measure_appending(seeds, folder):
    """Measure the cost of appending a file and of each cell in it, in seconds."""
    from jaxad.sweep.store import Appender

    appender = Appender(folder)
    cells = [make_cell(i, seeds) for i in range(2_000)]
    appender.add(cells[0])

    def cost(batches):
        start = time.process_time()
        for batch in batches:
            appender.add(*batch)
        return (time.process_time() - start) / len(batches)

    one = cost([[cell] for cell in cells[:256]])
    many = cost([cells] * 2)
    job = many / len(cells)
    return one - job, job


def simulate(workers, groups, seconds, jobs, costs):
    """Simulate a sweep; return its wall seconds and the share in which the process is busy."""
    running: list[float] = []
    idle, queued, left, out, arrived = workers, 0, groups, 0, 0
    now = busy = 0.0
    rng = np.random.default_rng(0)

    def begin(at):
        heapq.heappush(running, at + seconds * rng.uniform(0.5, 1.5))

    while left or out:
        new = min(left, AHEAD * workers - out)
        left, out = left - new, out + new
        spent = costs.task * new + costs.take * arrived * jobs + costs.look * out
        spent += costs.file + costs.job * arrived * jobs if arrived else 0.0
        begun = min(new, idle)
        for _ in range(begun):
            begin(now)
        idle, queued = idle - begun, queued + new - begun
        now, busy = now + spent, busy + spent
        arrived = 0
        if running and running[0] > now:
            now = running[0]
        while running and running[0] <= now:
            at = heapq.heappop(running)
            arrived += 1
            if queued:
                queued -= 1
                begin(at)
            else:
                idle += 1
        out -= arrived
    spent = costs.file + (costs.job + costs.take) * arrived * jobs
    return now + spent, (busy + spent) / (now + spent)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--group-seconds", type=float, help="run time of a group on a worker; 10 with --cells"
    )
    parser.add_argument("--jobs", type=int, default=3, help="jobs in a group")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of a job")
    parser.add_argument("--cells", type=int, help="cells of a sweep; 300,000 with --group-seconds")
    parser.add_argument("--plan", type=float, default=30e-6, help="seconds to plan a cell")
    parser.add_argument("--task", type=float, default=0.24e-3, help="seconds to submit a task")
    parser.add_argument("--take", type=float, default=0.72e-3, help="seconds to take a result")
    parser.add_argument("--look", type=float, default=4e-6, help="seconds to poll a pending task")
    parser.add_argument("--one-file-a-job", action="store_true", help="write a file for each job")
    add_out(parser)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file, job = measure_appending(args.seeds, folder)
    appending = f"{1e3 * file:.1f}", f"{1e3 * job:.2f}"
    sweeps = SWEEPS
    if args.group_seconds is not None or args.cells is not None or args.one_file_a_job:
        sweeps = ((args.group_seconds or 10.0, args.cells or 300_000, args.one_file_a_job),)
    table = Recorder(COLUMNS, args.out)
    for seconds, cells, alone in sweeps:
        each = (0.0, file + job) if alone else (file, job)
        costs = Costs(args.plan, *each, args.task, args.take, args.look)
        groups, planning = cells // (args.jobs * args.seeds), costs.plan * cells
        for workers in (100, 1_000, 10_000):
            wall, busy = simulate(workers, groups, seconds, args.jobs, costs)
            wall += planning
            ideal = seconds * groups / workers
            table.add(
                *(f"{seconds:g} s", f"{cells:,}", "job" if alone else "turn"),
                *(*appending, f"{workers:,}"),
                *(f"{wall / 3600:.3g}", f"{ideal / wall:.0%}", f"{busy:.0%}"),
            )


if __name__ == "__main__":
    main()
