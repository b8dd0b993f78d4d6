"""`jaxad run`: detectors on a data set, each class in turn the normal one."""

import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from jaxad.cli.options import Run
from jaxad.cli.options.protocol import read_protocol_options
from jaxad.cli.progress import Reporter, reporting
from jaxad.cli.settings import check_root, configurations
from jaxad.cli.table import print_tables
from jaxad.data import Dataset, Split, contaminate, load_dataset
from jaxad.detectors import make
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.scoring import evaluate
from jaxad.results import Cell, append_cell, setting_of
from jaxad.training.train import fit
from jaxad.utils.files import check_writable
from jaxad.utils.timing import stopwatch

__all__ = ["execute", "json_line"]


class Study(NamedTuple):
    """What is to be run.

    Attributes:
        data: The data set.
        classes: The normal classes, one after the other.
        detectors: The settings of each detector.
        request: What else `contaminate` takes.
        root: The root key of all randomness.
        seeds: How many seeds.
    """

    data: Dataset
    classes: tuple[int, ...]
    detectors: dict[str, dict[str, Any]]
    request: dict[str, Any]
    root: int
    seeds: int

    def split(self, normal_class: int, seeds: int | None) -> Split:
        """The split of a class. It doesn't depend on the other classes or on the detectors."""
        return contaminate(
            self.data, self.root, normal_class=normal_class, seeds=seeds, **self.request
        )


def execute(options: Run) -> int:
    """Run a study, print its tables and append its rows.

    Returns:
        The exit code: 0, or 130 if Ctrl-C was pressed.
    """
    start = time.perf_counter()
    study = _study(options)
    check_writable(options.out)
    cells: list[Cell] = []
    stopped = False
    bar = not (options.json and sys.stdout.isatty())
    try:
        with reporting(len(study.classes) * len(study.detectors), bar=bar) as reporter:
            for cell in _cells(study, reporter):
                append_cell(options.out, cell)
                cells.append(cell)
                if options.json:
                    print(json_line(cell), flush=True)
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


def _study(options: Run) -> Study:
    """All that can be refused is refused here, before anything is trained."""
    detectors = configurations(
        options.detectors, options.settings, options.epochs, options.batch_size
    )
    if options.seeds < 1:
        raise ConfigError(f"--seeds must be at least 1; given {options.seeds}")
    data = load_dataset(options.dataset, data_dir=options.data_dir)
    request = read_protocol_options(options)
    if request["exposure"] is not None:
        request["exposure"] = load_dataset(request["exposure"], data_dir=options.data_dir)
    classes = _classes(data, options.normal_class)
    study = Study(data, classes, detectors, request, check_root(options.seed_root), options.seeds)
    for normal_class in classes:
        try:
            train = study.split(normal_class, seeds=None).train
        except DataError as error:
            label = _class_label(data, normal_class)
            raise DataError(f"with normal class {label}: {error}") from error
        for name, config in detectors.items():
            make(name, train, **config)
    return study


def _classes(data: Dataset, given: Sequence[str]) -> tuple[int, ...]:
    """The normal classes: those given, or each in turn; by name, or by number."""
    names = {data.class_name(c) for c in data.classes}
    wanted = [int(c) if c.isdecimal() and c not in names else c for c in given]
    return data.normal_classes(wanted)


def _cells(study: Study, reporter: Reporter) -> Iterator[Cell]:
    """The cells of a study, each when it is complete."""
    for normal_class in study.classes:
        split = study.split(normal_class, study.seeds)
        for name in study.detectors:
            yield _cell(study, split, normal_class, name, reporter)


def _cell(study: Study, split: Split, normal_class: int, detector: str, reporter: Reporter) -> Cell:
    """Train and evaluate one detector on the splits of one class.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
        DataError: Training came to nothing, such as scores that are not finite.
    """
    label = _class_label(study.data, normal_class)
    reporter.begin(f"{study.data.name} {label}  {detector}")
    with stopwatch() as seconds:
        made = make(detector, split.train, **study.detectors[detector])
        fitted = fit(made, split.train, key=study.root, progress=reporter.step)
        if fitted.interrupted:
            raise KeyboardInterrupt
        try:
            evaluation = evaluate(fitted, split.test)
        except DataError as error:
            raise DataError(f"{detector} with normal class {label}: {error}") from error
    reporter.done(
        f"AUROC {100 * evaluation.auroc.mean:.1f} %  AUPRC {100 * evaluation.auprc.mean:.1f} %  "
        f"compile {seconds.compile:.1f} s  run {seconds.run:.1f} s"
    )
    return Cell(
        dataset=study.data.name,
        normal_class=label,
        detector=detector,
        setting=setting_of(split) | {"seed_root": study.root},
        config=asdict(made.config),
        evaluation=evaluation,
        seconds=seconds,
    )


def _class_label(data: Dataset, number: int) -> int | str:
    """A class's name, or its number where it has none."""
    return data.class_name(number) if data.class_names else number


def json_line(cell: Cell) -> str:
    """A cell in one line of JSON; null where there is no number."""
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
    return json.dumps(_finite(line), allow_nan=False)


def _finite(value: Any) -> Any:
    """The same with None for NaN and infinity, which JSON lacks."""
    if isinstance(value, dict):
        return {name: _finite(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
