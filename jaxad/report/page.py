"""One HTML page with everything: tables, pictures, the experiment and the versions."""

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxad.files import written_whole
from jaxad.report.plots import critical_difference, picture
from jaxad.report.published import read_published
from jaxad.report.tables import cells_of, table
from jaxad.sweep.experiment import Experiment
from jaxad.sweep.jobs import Job

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["write_page"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0; font-size: 13px }
td, th { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: right }
td:first-child, th:first-child { text-align: left }
pre { background: #f5f5f5; padding: 1rem; overflow-x: auto; font-size: 12px }
img { max-width: 100% }
"""


def write_page(
    path: str | Path,
    source: str | Path,
    experiment: Experiment,
    jobs: Sequence[Job],
    rows: "pd.DataFrame",
) -> None:
    """Write the page; it needs no other file.

    Args:
        path: The file, which appears when it is complete.
        source: The experiment's file.
        experiment: What it says.
        jobs: Its jobs.
        rows: The rows of its results, as `read_cells` gives them.

    Raises:
        OSError: The file cannot be written.
    """
    numbers = read_published(experiment.published, jobs)
    parts = [f"<h1>{html.escape(experiment.title)}</h1>"]
    for metric in experiment.metrics:
        made = table(metric, jobs, rows, numbers)
        parts += [f"<h2>{html.escape(metric)}</h2>", _table(cells_of(made))]
        figures = [picture(made)]
        if len(made.titles) > 2 and len(made.complete) > 1:
            figures.append(critical_difference(made))
        parts += [_image(figure) for figure in figures if figure is not None]
    parts += [f"<p>{html.escape(note)}</p>" for note in experiment.notes]
    versions = rows[[c for c in rows.columns if c.endswith("_version") or c == "device"]]
    said = [
        f"{name}: {', '.join(sorted(set(map(str, versions[name]))))}" for name in versions.columns
    ]
    seconds = (
        f"{rows.seconds_compile.sum():.0f} s compiling, {rows.seconds_run.sum():.0f} s running"
    )
    parts += ["<h2>Where and how</h2>", f"<p>{html.escape('; '.join([*said, seconds]))}</p>"]
    parts += [f"<pre>{html.escape(Path(source).read_text())}</pre>"]
    head = f"<meta charset=utf-8><title>{html.escape(experiment.title)}</title>"
    page = f"<!doctype html>{head}<style>{_STYLE}</style>" + "\n".join(parts)
    with written_whole(Path(path)) as partial:
        partial.write_text(page)


def _table(cells: list[list[str]]) -> str:
    header, *lines = cells
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(map(_cell, line))}</tr>" for line in lines)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(text: str) -> str:
    if text.startswith("**"):
        _, best, rest = text.split("**")
        return f"<td><b>{html.escape(best)}</b>{html.escape(rest)}</td>"
    return f"<td>{html.escape(text)}</td>"


def _image(figure: "Figure") -> str:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    data = base64.b64encode(out.getvalue()).decode()
    return f'<p><img src="data:image/png;base64,{data}" alt=""></p>'
