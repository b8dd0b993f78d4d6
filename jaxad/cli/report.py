"""`jaxad report`: tables and pictures of a sweep's results."""

import importlib.util
import sys
from pathlib import Path

from jaxad.cli.options import Report
from jaxad.cli.outputs import check_distinct
from jaxad.errors import ConfigError
from jaxad.report import make_tables, write_report
from jaxad.sweep import expand, load_experiment
from jaxad.sweep.store import read_cells
from jaxad.sweep.stored import FOLDER, StoredExperiment, load_stored

__all__ = ["execute"]


def execute(options: Report) -> int:
    """Print tables, and write them with figures where `--out` is given.

    Returns:
        The exit code 0.
    """
    if options.results.suffix == ".toml":
        raise ConfigError(f"the folder of results comes first, then {options.results}")
    if options.out is not None and importlib.util.find_spec("matplotlib") is None:
        raise ConfigError('--out draws with matplotlib: pip install "jaxad[plots]"')
    if options.out is not None:
        _check_out(options, options.out)
    rows = read_cells(options.results)
    published = not options.no_published
    for one in _experiments(options):
        if options.out is not None:
            _check_files(one, options.out, options.experiment)
        print(make_tables(one.experiment, one.jobs, rows, options.format, published))
        if options.out is not None:
            text = one.text if one.size is None else f"# in its size [{one.size}]\n{one.text}"
            made = write_report(
                options.out, one.name, text, one.experiment, one.jobs, rows, published
            )
            print(f"{len(made)} files, among them {_page(made)}", file=sys.stderr)
    return 0


def _check_out(options: Report, out: Path) -> None:
    """Raise if the report would be written between the results."""
    for folder in (options.results, options.results / FOLDER):
        check_distinct("--out", out, {"RESULTS": folder})


def _check_files(one: StoredExperiment, out: Path, experiment: Path | None) -> None:
    """Raise if a file of the report is one that the experiment is read from."""
    inputs = {"EXPERIMENT": experiment, "published.file": one.experiment.published.get("file")}
    inputs |= {f"datasets {source.name}": source.name for source in one.experiment.sources}
    for kind in ("md", "tex", "csv", "html"):
        check_distinct("--out", out / f"{one.name}.{kind}", inputs)


def _page(made: list[Path]) -> Path:
    return next(path for path in made if path.suffix == ".html")


def _experiments(options: Report) -> list[StoredExperiment]:
    """Return the experiment that is named, or those that are stored in the folder."""
    path = options.experiment
    if path is not None:
        experiment = load_experiment(path, options.size)
        jobs = expand(experiment, options.data_dir)
        return [StoredExperiment(path.stem, path.read_text(), options.size, experiment, jobs)]
    if options.size is not None:
        raise ConfigError("--size goes with an experiment's file: a folder keeps the size it has")
    return load_stored(options.results)
