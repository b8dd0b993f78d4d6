"""`jaxad sweep`: the cells of an experiment, each once."""

import ast
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxad.cli.options import Sweep
from jaxad.cli.outputs import check_distinct
from jaxad.cli.progress import Reporter, reporting
from jaxad.cli.watch import Watch
from jaxad.errors import ConfigError, unknown_name
from jaxad.report import make_tables, read_published, write_committed
from jaxad.results import Failure
from jaxad.sweep import (
    EXECUTORS,
    Executor,
    Experiment,
    Group,
    Job,
    expand,
    group_jobs,
    load_experiment,
    run_jobs,
)
from jaxad.sweep.executors import ExecutorOptions, Result
from jaxad.sweep.executors.distributed import follow
from jaxad.sweep.executors.processes import is_first, join_processes
from jaxad.sweep.groups import WIDTH
from jaxad.sweep.memory import measure_available
from jaxad.sweep.outlook import describe_outlook, find_shortages
from jaxad.sweep.store import find_done, hold_folder, read_cells, tidy
from jaxad.sweep.stored import store_experiment

__all__ = ["execute"]

DISTRIBUTED = "distributed"


def execute(options: Sweep) -> int:
    """Run the missing cells of an experiment and print its tables.

    Returns:
        The exit code: 0, or 1 if cells failed.
    """
    EXECUTORS.find(options.executor)
    if options.executor != "ray" and (options.address, options.worker_gpus) != (None, 0):
        raise ConfigError("--address and --worker-gpus are for --executor ray")
    if options.distributed:
        _join(options)
        if not is_first():
            follow()
            return 0
    changes: dict[str, Any] = {} if options.seeds is None else {"seeds": options.seeds}
    experiment = load_experiment(options.experiment, options.size, **changes)
    everything = expand(experiment, options.data_dir)
    jobs = _select(everything, options.only)
    read_published(experiment.published, jobs)  # raises now if the file cannot be used
    if options.dry_run:
        _describe(experiment, jobs, _group_missing(experiment, jobs, options), options)
        return 0
    sets = {f"datasets {source.name}": source.name for source in experiment.sources}
    check_distinct("--out", options.out, {"--data-dir": options.data_dir, **sets})
    if options.summary is not None:
        _check_summary(options.summary, sets | {"EXPERIMENT": options.experiment})
    with hold_folder(options.out):
        for path in tidy(options.out):
            problem = "damaged and set aside" if path.exists() else "missing"
            print(f"jaxad: {path} is {problem}; its cells run again", file=sys.stderr)
        store_experiment(options.out, options.experiment, options.size, options.seeds, everything)
        groups = _group_missing(experiment, jobs, options)
        watch = _run(groups, options)
    print(watch.summary(len(jobs) * experiment.seeds - watch.cells), file=sys.stderr)
    rows = read_cells(options.out)
    rows = rows.loc[rows.seed < experiment.seeds]  # an earlier sweep may have had more
    print(make_tables(experiment, jobs, rows, published=True))
    if options.summary is not None:
        write_committed(
            *(options.summary, options.experiment, options.size, experiment, jobs, rows),
            data_dir=options.data_dir,
        )
    if watch.failed:
        print(
            f"jaxad: {watch.failed} cells failed; --retry-failed runs them again", file=sys.stderr
        )
    return 1 if watch.failed else 0


def _check_summary(path: Path, inputs: Mapping[str, str | Path]) -> None:
    """Raise if the summary is no csv file, or one that the experiment reads."""
    if path.suffix != ".csv":
        raise ConfigError(f"--summary must be a csv file; given {path}")
    for file in (path, path.with_suffix(".json")):
        check_distinct("--summary", file, inputs)


def _group_missing(experiment: Experiment, jobs: Sequence[Job], options: Sweep) -> list[Group]:
    """Group the jobs that are not complete, with the seeds that are missing."""
    there = find_done(options.out, options.retry_failed, any(job.audit for job in jobs))
    wanted = range(experiment.seeds)
    todo = [(job, tuple(s for s in wanted if s not in there.get(job.name, ()))) for job in jobs]
    todo = [(job, seeds) for job, seeds in todo if seeds]
    return group_jobs(
        todo, _limit_memory(options) * jax.process_count(), WIDTH * jax.device_count()
    )


def _join(options: Sweep) -> None:
    """Become one of several processes.

    Raises:
        ConfigError: They cannot be joined, or these options exclude each other.
    """
    if options.executor not in ("local", DISTRIBUTED) or options.dry_run:
        raise ConfigError(
            f"--distributed goes neither with --executor {options.executor} nor with --dry-run"
        )
    join_processes(options.coordinator, options.processes, options.process_id)


def _limit_memory(options: Sweep) -> int:
    """Return the bytes that may be trained side by side.

    Raises:
        ConfigError: Not a positive number.
    """
    if options.memory_gib is None:
        return measure_available()
    if not options.memory_gib > 0:
        raise ConfigError(f"--memory-gib must be more than 0; given {options.memory_gib}")
    return int(options.memory_gib * 2**30)


def _run(groups: Sequence[Group], options: Sweep) -> Watch:
    """Run groups and report progress."""
    watch = Watch(groups)
    with reporting(watch.cells) as reporter:
        if watch.present is not None:
            reporter.begin(watch.present.name, watch.present.cells)

        def on_result(cell: Result) -> None:
            complete = watch.take(cell)
            reporter.begin(watch.find_name(cell), len(cell.seeds or ()))
            reporter.done(f"{_describe_result(cell)}  {watch.where()}", isinstance(cell, Failure))
            if complete is not None:
                reporter.say(watch.describe_group(complete))
            if watch.present is not None:
                reporter.begin(f"{watch.where()}  {watch.present.name}", len(watch.present.left))

        run_jobs(groups, options.out, _build_executor(options, reporter), on_result)
    return watch


def _build_executor(options: Sweep, reporter: Reporter) -> Executor:
    """Build the executor that the options name.

    Raises:
        ConfigError: Its options are out of their range.
    """
    name = DISTRIBUTED if options.distributed else options.executor
    return EXECUTORS.find(name)(
        ExecutorOptions(
            data_dir=options.data_dir,
            memory=None if options.memory_gib is None else _limit_memory(options),
            progress=reporter.step,
            address=options.address,
            worker_cpus=options.worker_cpus,
            worker_gpus=options.worker_gpus,
        )
    )


def _describe_result(cell: Result) -> str:
    if isinstance(cell, Failure):
        return cell.error.splitlines()[0]
    auroc, auprc = cell.evaluation.auroc, cell.evaluation.auprc
    return f"AUROC {100 * auroc.mean:.1f} %  AUPRC {100 * auprc.mean:.1f} %"


def _select(jobs: Sequence[Job], conditions: Sequence[str]) -> list[Job]:
    """Return the jobs that fulfil all conditions.

    Raises:
        ConfigError: A condition on a key that jobs do not have, or that no job fulfils.
    """
    kept = list(jobs)
    for condition in conditions:
        key, equals, text = condition.partition("=")
        if not equals:
            raise ConfigError(f"--only takes key=value; given {condition!r}")
        known = {k for job in jobs for k in _list_keys(job)}
        if key not in known:
            raise unknown_name("condition", key, known)
        kept = [job for job in kept if _matches(_list_keys(job).get(key), text)]
    if not kept:
        raise ConfigError(f"no job fulfils {' and '.join(conditions)}")
    return kept


def _list_keys(job: Job) -> dict[str, object]:
    return {
        "dataset": job.dataset,
        "normal_class": job.class_label,
        "detector": job.variant.detector,
        **job.protocol.axes,
        **dict(job.variant.config),
    }


def _matches(value: object, text: str) -> bool:
    if str(value).lower() == text.lower():
        return True
    try:
        return value == ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False


def _describe(
    experiment: Experiment, jobs: Sequence[Job], groups: Sequence[Group], options: Sweep
) -> None:
    """Print what would run, and which cells would fail for too few rows."""
    cells = sum(len(group.jobs) * len(group.seeds) for group in groups)
    print(
        f"{experiment.title}: {len(jobs)} jobs x {experiment.seeds} seeds; {cells} cells are "
        f"missing, in {len(groups)} groups"
    )
    print(*describe_outlook(groups, options.out), sep="\n")
    for error, cells in find_shortages(groups, options.data_dir).items():
        print(f"{cells} cells would fail: {error}")
