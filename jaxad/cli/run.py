"""`jaxad run`: a sweep over one data set, each class in turn the normal one."""

import json
import math
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain, count, groupby
from typing import Any

from jaxad.cli.options import Compile, Run
from jaxad.cli.options.common import read_table_options
from jaxad.cli.options.protocol import read_protocol_options
from jaxad.cli.outputs import check_distinct
from jaxad.cli.progress import reporting
from jaxad.cli.settings import check_root, parse_configurations
from jaxad.cli.table import print_tables
from jaxad.data import Dataset, load_dataset
from jaxad.data.sources.registry import DATASETS, register
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError
from jaxad.results import Cell, Failure, append_cell, merge_cells
from jaxad.sweep import Experiment, Group, Job, LocalExecutor, expand, group_jobs
from jaxad.sweep.content import MOST_SEEDS
from jaxad.sweep.executors import Result
from jaxad.sweep.experiment import Source, Variant
from jaxad.sweep.memory import measure_available
from jaxad.sweep.recorder import record
from jaxad.sweep.work import check_jobs
from jaxad.utils.files import check_writable

__all__ = ["execute", "json_line", "make_experiment", "name_data"]


def execute(options: Run) -> int:
    """Run detectors on a data set, print tables and append the rows of results.

    Everything that can be refused is refused before anything is trained.

    Returns:
        The exit code 0.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; what is complete is printed and recorded.
    """
    start = time.perf_counter()
    with name_data(options) as name:
        return _run(options, name, start)


def _run(options: Run, dataset: str, start: float) -> int:
    """Run the detectors on a data set that is loaded by this name."""
    experiment, data = make_experiment(options, dataset, options.detectors)
    jobs = expand(experiment, options.data_dir)
    check_distinct(
        "--out", options.out, {"DATASET": options.dataset, "--data-dir": options.data_dir}
    )
    check_jobs(jobs, options.data_dir)
    check_writable(options.out)
    groups = _group(jobs, experiment.seeds)
    names = [f"{data.name} {job.class_label}  {job.variant.title}" for job in jobs]
    cells: list[Cell] = []
    stopped = False
    bar = not (options.json and sys.stdout.isatty())
    try:
        with reporting(len(jobs), bar=bar) as reporter:
            reporter.begin(names[0])

            def on_result(cell: Result) -> None:
                assert isinstance(cell, Cell)  # an error ends the run
                cells.append(cell)
                reporter.done(_describe_result(cell))
                if options.json:
                    print(json_line(cell), flush=True)
                if len(cells) < len(names):
                    reporter.begin(names[len(cells)])

            executor = LocalExecutor(
                data_dir=options.data_dir, progress=reporter.step, stop_at_error=True
            )
            whole = _merge_parts(executor.run(groups), data.name, experiment.seeds)
            record(whole, partial(append_cell, options.out), on_result)
    except KeyboardInterrupt:
        stopped = True
    finally:
        if cells:
            print_tables(cells, stderr=options.json)
    out = sys.stderr if options.json else sys.stdout
    rows = sum(len(cell.evaluation.auroc.per_seed) for cell in cells)
    print(f"{time.perf_counter() - start:.1f} s in all.", end=" ", file=out)
    print(f"{rows or 'No'} row{'s' * (rows != 1)} appended to {options.out}/", file=out)
    if stopped:
        raise KeyboardInterrupt
    return 0


@contextmanager
def name_data(options: Run | Compile) -> Iterator[str]:
    """Give the name by which the data set is loaded.

    A table that is read by options of its own is registered under a name for the time of the run.
    """
    how = read_table_options(options)
    if how == TableOptions():
        yield options.dataset
        return
    data = load_dataset(options.dataset, data_dir=options.data_dir, options=how)
    plain = re.sub(r"[^\w.-]", "_", data.name) or "table"
    taken = DATASETS.names()
    names = chain([plain], (f"{plain}-{i}" for i in count(2)))
    name = next(one for one in names if one not in taken)
    register(name)(lambda: data)
    try:
        yield name
    finally:
        del DATASETS[name]


def make_experiment(
    options: Run | Compile, dataset: str, names: Sequence[str]
) -> tuple[Experiment, Dataset]:
    """Return the experiment that the options describe, and its data set.

    Args:
        options: The options of the command.
        dataset: The name by which the data set is loaded.
        names: The names of the detectors.
    """
    detectors = parse_configurations(names, options.settings, options.epochs, options.batch_size)
    if not 1 <= options.seeds <= MOST_SEEDS:
        raise ConfigError(f"--seeds must be in [1, {MOST_SEEDS}]; given {options.seeds}")
    data = load_dataset(dataset, data_dir=options.data_dir)
    source = Source(
        name=dataset,
        normal_class=_read_classes(data, options.normal_class),
        axes={name: (value,) for name, value in read_protocol_options(options).items()},
        variants=tuple(Variant(name, tuple(c.items()), name) for name, c in detectors.items()),
    )
    experiment = Experiment(
        title=data.name,
        sources=(source,),
        seeds=options.seeds,
        seed_root=check_root(options.seed_root),
        metrics=("auroc", "auprc"),
        published={},
        notes=(),
    )
    return experiment, data


def _read_classes(data: Dataset, given: Sequence[str]) -> tuple[int | str, ...]:
    """Return classes by name, or by number where a number is not a name."""
    names = {data.class_name(c) for c in data.classes}
    return tuple(int(c) if c.isdecimal() and c not in names else c for c in given)


def _group(jobs: Sequence[Job], seeds: int) -> list[Group]:
    """Return a group for each job, class by class, so that each is printed as soon as it is done.

    A job that is too large for the memory has several.
    """
    groups = []
    for _, of_class in groupby(jobs, key=lambda job: job.normal_class):
        todo = [(job, tuple(range(seeds))) for job in of_class]
        groups += group_jobs(todo, measure_available(), width=seeds)
    return groups


def _merge_parts(results: Iterator[Result], dataset: str, seeds: int) -> Iterator[Cell]:
    """Yield each job's cell when all of its seeds are there, as `jaxad run` records it.

    The rows have the name of the data set instead of its path, and no job: a sweep does not take
    them for its own.
    """
    parts: list[Cell] = []
    for cell in results:
        if isinstance(cell, Failure):
            raise RuntimeError(cell.error)
        parts.append(cell)
        if sum(len(part.seeds or ()) for part in parts) == seeds:
            whole = merge_cells(parts)
            setting = {name: v for name, v in whole.setting.items() if name != "asked"}
            yield replace(whole, dataset=dataset, job=None, setting=setting)
            parts = []


def _describe_result(cell: Cell) -> str:
    evaluation, seconds = cell.evaluation, cell.seconds
    return (
        f"AUROC {100 * evaluation.auroc.mean:.1f} %  AUPRC {100 * evaluation.auprc.mean:.1f} %  "
        f"compile {seconds.compile:.1f} s  run {seconds.run:.1f} s"
    )


def json_line(cell: Cell) -> str:
    """Return a cell as one line of JSON, with null where a number is not finite."""
    metrics = cell.evaluation.as_dict()
    line = {
        "dataset": cell.dataset,
        "normal_class": cell.normal_class,
        "detector": cell.detector,
        "setting": cell.setting,
        "config": cell.config,
        **{name: metrics[name] for name in ("auroc", "auprc")},
        "seconds": {"compile": cell.seconds.compile, "run": cell.seconds.run},
    }
    return json.dumps(_replace_infinite(line), allow_nan=False)


def _replace_infinite(value: Any) -> Any:
    """Return the same with None for NaN and infinity, which JSON lacks."""
    if isinstance(value, dict):
        return {name: _replace_infinite(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_infinite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
