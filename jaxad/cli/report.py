"""`jaxad report`: the tables of an experiment from a folder of results."""

import importlib.util

from jaxad.cli.options import Report
from jaxad.errors import ConfigError
from jaxad.report import tables, write_page
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
    if options.page is not None:
        if importlib.util.find_spec("matplotlib") is None:
            raise ConfigError('--page draws with matplotlib: pip install "jaxad[plots]"')
        write_page(options.page, options.experiment, experiment, jobs, rows)
    print(tables(experiment, jobs, rows, options.format, not options.no_published))
    return 0
