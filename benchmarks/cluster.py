"""A model of a sweep on a cluster: where the one process that plans and writes becomes the limit.

    python benchmarks/cluster.py [--group-seconds 10] [--jobs 3] [--seeds 5] [--cells 1000000]

Measured here, as processor time: appending cells of one job to the store, alone and many at once.
Given: how long a group runs on a worker, what planning takes (benchmarks/plan.py), and what Ray's
driver spends, by default as measured with Ray 2.60 on one of two x86-64 cores. Then the sweep is
played through for 1 to 10,000 workers. As in `jaxad.sweep.ray`, each worker has three more tasks
waiting for it; the process looks at all tasks, takes one result of each that has one, writes them
as one file, and hands out as many tasks as have ended.
"""

import argparse
import heapq
import tempfile
import time
from dataclasses import dataclass

import numpy as np

AHEAD = 4


@dataclass
class Costs:
    """Seconds of the process that plans and writes.

    Attributes:
        plan: For each cell of the sweep.
        file: For each file of results, however few cells it has, with its part in joining.
        job: For each job in it, besides.
        task: For handing out a task.
        take: For taking a result, which is a job.
        look: For each task that is out, at each turn.
    """

    plan: float
    file: float
    job: float
    task: float
    take: float
    look: float


def cell_of(number, seeds):
    """A made-up cell, as large as a real one."""
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


def measured(seeds, folder):
    """What appending costs: a file with one cell, and each further cell."""
    from jaxad.sweep.store import Appender

    appender = Appender(folder)
    cells = [cell_of(i, seeds) for i in range(2_000)]
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


def played(workers, groups, seconds, jobs, costs):
    """Wall seconds of a sweep of so many groups, and the part in which the process is busy."""
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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--group-seconds", type=float, default=10.0, help="of a group on a worker")
    parser.add_argument("--jobs", type=int, default=3, help="in a group")
    parser.add_argument("--seeds", type=int, default=5, help="of a job")
    parser.add_argument("--cells", type=int, default=300_000)
    parser.add_argument("--plan", type=float, default=30e-6, help="seconds a cell; benchmarks/plan")
    parser.add_argument("--task", type=float, default=0.24e-3, help="to hand out a task")
    parser.add_argument("--take", type=float, default=0.72e-3, help="to take a result")
    parser.add_argument("--look", type=float, default=4e-6, help="to look at a task that is out")
    parser.add_argument("--one-file-a-job", action="store_true", help="as if written one by one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file, job = measured(args.seeds, folder)
    print(
        f"appending: {1e3 * file:.1f} ms a file and {1e3 * job:.2f} ms a job of {args.seeds} seeds"
    )
    if args.one_file_a_job:
        file, job = 0.0, file + job
    costs = Costs(args.plan, file, job, args.task, args.take, args.look)
    groups = args.cells // (args.jobs * args.seeds)
    planning = costs.plan * args.cells
    print(
        f"{args.cells} cells, {groups} groups of {args.group_seconds} s; planning {planning:.0f} s"
    )
    print("| workers | hours | of the ideal | process busy |\n|---|---|---|---|")
    for workers in (10, 100, 1_000, 10_000):
        wall, busy = played(workers, groups, args.group_seconds, args.jobs, costs)
        wall += planning
        ideal = args.group_seconds * groups / workers
        print(f"| {workers} | {wall / 3600:.3g} | {ideal / wall:.0%} | {busy:.0%} |", flush=True)


if __name__ == "__main__":
    main()
