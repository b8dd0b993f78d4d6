"""The folder of a report: tables, figures and a page."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxad.report.page import render_page
from jaxad.report.pictures import draw_pictures
from jaxad.report.published import read_published
from jaxad.report.tables import make_table, render_tables
from jaxad.sweep.experiment import Experiment
from jaxad.sweep.jobs import Job
from jaxad.utils.files import check_writable, write_atomically

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_report"]


def write_report(
    folder: str | Path,
    name: str,
    text: str,
    experiment: Experiment,
    jobs: Sequence[Job],
    rows: "pd.DataFrame",
    published: bool = True,
) -> list[Path]:
    """Write tables, figures and a page; each file appears when it is complete.

    Args:
        folder: The folder; made if it is not there.
        name: The prefix of the files: NAME.md, .tex, .csv, .html, and NAME-METRIC-FIGURE.png, .pdf.
        text: The text of the experiment's file.
        experiment: The experiment.
        jobs: Its jobs.
        rows: The rows of a folder of results, as `read_cells` returns them; those of other jobs are
            left out.
        published: Whether to show published values beside the measured ones.

    Returns:
        The files.

    Raises:
        OSError: The folder cannot be written.
    """
    check_writable(folder)
    rows = rows.loc[rows.job.isin({job.name for job in jobs})]
    numbers = read_published(experiment.published, jobs) if published else {}
    made = [make_table(metric, jobs, rows, numbers) for metric in experiment.metrics]
    figures = draw_pictures(made, jobs, rows)
    texts = {
        "md": render_tables(experiment, made, "markdown"),
        "tex": render_tables(experiment, made, "latex"),
        "csv": render_tables(experiment, made, "csv"),
        "html": render_page(text, experiment, made, figures, rows),
    }
    paths = []
    for kind, content in texts.items():
        paths.append(Path(folder, f"{name}.{kind}"))
        with write_atomically(paths[-1]) as partial:
            partial.write_text(content)
    for picture, figure in figures.items():
        for kind in ("png", "pdf"):
            paths.append(Path(folder, f"{name}-{picture}.{kind}"))
            with write_atomically(paths[-1]) as partial:
                figure.savefig(partial, format=kind, dpi=150)
    return paths
