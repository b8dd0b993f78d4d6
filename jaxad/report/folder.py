"""A folder with all that an experiment's results have to show."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxad.report.page import render_page
from jaxad.report.pictures import draw_pictures
from jaxad.report.published import read_published
from jaxad.report.tables import rendered, table
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
    """Write tables, pictures and a page; each file appears when it is complete.

    Args:
        folder: The folder; made if it is not there.
        name: What files begin with: NAME.md, .tex, .csv, .html, and NAME-METRIC-PICTURE.png, .pdf.
        text: The experiment's file.
        experiment: What it says.
        jobs: Its jobs.
        rows: The rows of a folder of results, as `read_cells` gives them; those of other jobs are
            left out.
        published: Whether published numbers stand beside ours.

    Returns:
        The files.

    Raises:
        OSError: The folder cannot be written.
    """
    check_writable(folder)
    rows = rows.loc[rows.job.isin({job.name for job in jobs})]
    numbers = read_published(experiment.published, jobs) if published else {}
    made = [table(metric, jobs, rows, numbers) for metric in experiment.metrics]
    figures = draw_pictures(made, jobs, rows)
    texts = {
        "md": rendered(experiment, made, "markdown"),
        "tex": rendered(experiment, made, "latex"),
        "csv": rendered(experiment, made, "csv"),
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
