"""`jaxad report`: the tables of an experiment from a folder of results."""

from jaxad.cli.options import Report
from jaxad.report import tables
from jaxad.sweep import expand, load_experiment
from jaxad.sweep.store import read_cells

__all__ = ["report"]


def report(options: Report) -> int:
    """Print tables.

    Returns:
        The exit code 0.
    """
    experiment = load_experiment(options.experiment, options.size)
    jobs = expand(experiment, options.data_dir)
    rows = read_cells(options.results)
    print(tables(experiment, jobs, rows, options.format, not options.no_published))
    return 0
