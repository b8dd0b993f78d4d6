"""`jaxad sweep`: a declarative experiment, each of its cells once."""

import ast
import sys
from collections.abc import Sequence

import jax

from jaxad.cli.options import Sweep
from jaxad.cli.progress import reporting
from jaxad.cli.watch import Watch
from jaxad.errors import ConfigError, unknown_name
from jaxad.report import make_tables
from jaxad.results import Cell, Failure
from jaxad.sweep import (
    Experiment,
    Group,
    Job,
    expand,
    group_jobs,
    load_experiment,
    processes,
    run_jobs,
)
from jaxad.sweep.distributed import follow, run_distributed
from jaxad.sweep.memory import available
from jaxad.sweep.outlook import describe_outlook
from jaxad.sweep.plan import WIDTH
from jaxad.sweep.ray import Cluster, run_on_ray
from jaxad.sweep.saved import save_experiment
from jaxad.sweep.store import done, only_writer, read_cells, tidy

__all__ = ["execute"]


def execute(options: Sweep) -> int:
    """Run what is missing of an experiment and print its tables.

    Returns:
        The exit code: 0, or 1 if cells failed.
    """
    if options.executor == "local" and (options.address, options.worker_gpus) != (None, 0):
        raise ConfigError("--address and --worker-gpus are for --executor ray")
    if options.distributed:
        _join(options)
        if not processes.is_first():
            follow()
            return 0
    changes = {} if options.seeds is None else {"seeds": options.seeds}
    experiment = load_experiment(options.experiment, options.size, **changes)
    everything = expand(experiment, options.data_dir)
    jobs = _only(everything, options.only)
    if options.dry_run:
        _describe(experiment, jobs, _missing(experiment, jobs, options), options)
        return 0
    with only_writer(options.out):
        for path in tidy(options.out):
            print(f"jaxad: {path} is damaged and set aside; its cells run again", file=sys.stderr)
        save_experiment(options.out, options.experiment, options.size, options.seeds, everything)
        groups = _missing(experiment, jobs, options)
        watch = _run(groups, options)
    print(watch.summary(len(jobs) * experiment.seeds - watch.cells), file=sys.stderr)
    rows = read_cells(options.out)
    print(make_tables(experiment, jobs, rows, published=True))
    if watch.failed:
        print(
            f"jaxad: {watch.failed} cells failed; --retry-failed runs them again", file=sys.stderr
        )
    return 1 if watch.failed else 0


def _missing(experiment: Experiment, jobs: Sequence[Job], options: Sweep) -> list[Group]:
    """Groups of the jobs that are not yet done, with the seeds that are missing."""
    there = done(options.out, options.retry_failed, any(job.audit for job in jobs))
    wanted = range(experiment.seeds)
    todo = [(job, tuple(s for s in wanted if s not in there.get(job.name, ()))) for job in jobs]
    todo = [(job, seeds) for job, seeds in todo if seeds]
    return group_jobs(todo, _memory(options) * jax.process_count(), WIDTH * jax.device_count())


def _join(options: Sweep) -> None:
    """Become one of several processes.

    Raises:
        ConfigError: They cannot be joined, or these options do not go together.
    """
    if options.executor == "ray" or options.dry_run:
        raise ConfigError("--distributed goes neither with --executor ray nor with --dry-run")
    processes.start(options.coordinator, options.processes, options.process_id)


def _memory(options: Sweep) -> int:
    """The bytes that what is trained side by side may take.

    Raises:
        ConfigError: Not a positive number.
    """
    if options.memory_gib is None:
        return available()
    if not options.memory_gib > 0:
        raise ConfigError(f"--memory-gib must be more than 0; given {options.memory_gib}")
    return int(options.memory_gib * 2**30)


def _run(groups: Sequence[Group], options: Sweep) -> Watch:
    """Run groups, and say how far they have come."""
    watch = Watch(groups)
    with reporting(watch.cells) as reporter:
        if watch.present is not None:
            reporter.begin(watch.present.name, watch.present.cells)

        def on_cell(cell: Cell | Failure) -> None:
            complete = watch.take(cell)
            reporter.begin(watch.name_of(cell), len(cell.seeds or ()))
            reporter.done(f"{_result(cell)}  {watch.where()}", isinstance(cell, Failure))
            if complete is not None:
                reporter.say(watch.of_group(complete))
            if watch.present is not None:
                reporter.begin(f"{watch.where()}  {watch.present.name}", len(watch.present.left))

        if options.executor == "ray":
            memory = None if options.memory_gib is None else _memory(options)
            cluster = Cluster(options.address, options.worker_cpus, options.worker_gpus, memory)
            run_on_ray(groups, options.out, options.data_dir, cluster, on_cell)
        else:
            run, memory = run_distributed if options.distributed else run_jobs, _memory(options)
            run(groups, options.out, options.data_dir, reporter.step, on_cell, memory)
    return watch


def _result(cell: Cell | Failure) -> str:
    if isinstance(cell, Failure):
        return cell.error.splitlines()[0]
    auroc, auprc = cell.evaluation.auroc, cell.evaluation.auprc
    return f"AUROC {100 * auroc.mean:.1f} %  AUPRC {100 * auprc.mean:.1f} %"


def _only(jobs: Sequence[Job], conditions: Sequence[str]) -> list[Job]:
    """The jobs of which all conditions are true.

    Raises:
        ConfigError: A condition on something that jobs don't have, or that no job fulfils.
    """
    kept = list(jobs)
    for condition in conditions:
        key, equals, text = condition.partition("=")
        if not equals:
            raise ConfigError(f"--only takes key=value; given {condition!r}")
        known = {k for job in jobs for k in _about(job)}
        if key not in known:
            raise unknown_name("condition", key, known)
        kept = [job for job in kept if _same(_about(job).get(key), text)]
    if not kept:
        raise ConfigError(f"no job fulfils {' and '.join(conditions)}")
    return kept


def _about(job: Job) -> dict[str, object]:
    return {
        "dataset": job.dataset,
        "normal_class": job.class_label,
        "detector": job.variant.detector,
        **job.protocol.axes,
        **dict(job.variant.config),
    }


def _same(value: object, text: str) -> bool:
    if str(value).lower() == text.lower():
        return True
    try:
        return value == ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False


def _describe(
    experiment: Experiment, jobs: Sequence[Job], groups: Sequence[Group], options: Sweep
) -> None:
    """Print what would be run."""
    cells = sum(len(group.jobs) * len(group.seeds) for group in groups)
    print(
        f"{experiment.title}: {len(jobs)} jobs x {experiment.seeds} seeds; {cells} cells are "
        f"missing, in {len(groups)} groups"
    )
    print(*describe_outlook(groups, options.out), sep="\n")
