"""An HTML page with tables, figures, the experiment and the versions."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jaxad.report.tables import Table, format_cells, format_metric, list_footnotes, make_caption
from jaxad.sweep.experiment import Experiment

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["make_document", "make_rows", "render_page"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0; font-size: 13px }
td, th { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: right }
td:first-child, th:first-child { text-align: left }
pre { background: #f5f5f5; padding: 1rem; overflow-x: auto; font-size: 12px }
img { max-width: 100% }
"""


def render_page(
    text: str,
    experiment: Experiment,
    made: Sequence[Table],
    figures: "Mapping[str, Figure]",
    rows: "pd.DataFrame",
) -> str:
    """Return an HTML page that needs no other file.

    Args:
        text: The text of the experiment's file.
        experiment: The experiment.
        made: Its tables.
        figures: Its figures by name, as `draw_pictures` returns them.
        rows: The rows of its results.
    """
    left = dict(figures)
    parts = [f"<h1>{html.escape(experiment.title)}</h1>"]
    for t in made:
        parts += [f"<h2>{html.escape(format_metric(t.metric))}</h2>", _table(t)]
        parts.append(f"<p>{html.escape(make_caption(t, experiment.seeds))}</p>")
        for name in [n for n in left if n.startswith(f"{t.metric}-")]:
            parts.append(_image(name, left.pop(name)))
    parts += [_image(name, figure) for name, figure in left.items()]
    parts += [f"<p>{html.escape(note)}</p>" for note in list_footnotes(experiment, made)]
    parts += _failures(rows)
    parts += ["<h2>Where and how</h2>", _circumstances(rows)]
    parts += [f"<pre>{html.escape(text)}</pre>"]
    return make_document(experiment.title, parts)


def make_document(title: str, parts: Sequence[str]) -> str:
    """Return an HTML page that needs no other file.

    Args:
        title: Its title, as plain text.
        parts: The parts of its body, as HTML.
    """
    head = f"<meta charset=utf-8><title>{html.escape(title)}</title>"
    body = "\n".join(parts)
    return f'<!doctype html><html lang="en">{head}<style>{_STYLE}</style>\n{body}\n</html>\n'


def make_rows(cells: Sequence[Sequence[str]]) -> str:
    """Return an HTML table of plain text; its first row is the header."""
    header, *lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in cells]
    header = header.replace("<td>", "<th>").replace("</td>", "</th>")
    return f"<table><tr>{header}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _failures(rows: "pd.DataFrame") -> list[str]:
    """List the cells that failed, one line for each error."""
    lost = rows.loc[rows.error.notna()]
    if lost.empty:
        return []
    lines = lost.error.str.split("\n").str[0].value_counts()
    items = "".join(f"<li>{n} x {html.escape(str(line))}</li>" for line, n in lines.items())
    return [f"<h2>Failed</h2><p>{len(lost)} of {len(rows)} cells:</p><ul>{items}</ul>"]


def _circumstances(rows: "pd.DataFrame") -> str:
    """List versions, devices and times, each value once."""
    names = [c for c in rows.columns if c.endswith("_version") or c == "device"]
    lines = [
        f"{name.replace('_', ' ')}: {', '.join(sorted(set(map(str, rows[name].dropna()))))}"
        for name in names
    ]
    compiling, running = rows.seconds_compile.sum(), rows.seconds_run.sum()
    lines.append(f"{len(rows)} cells: {compiling:.0f} s compiling, {running:.0f} s running")
    if len(rows):
        lines.append(
            f"finished between {rows.time.min():%Y-%m-%d %H:%M} and "
            f"{rows.time.max():%Y-%m-%d %H:%M} UTC"
        )
    return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"


def _table(t: Table) -> str:
    header, *lines = format_cells(t)
    width = max(len(t.keys), 1)
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = ""
    for line in lines:
        names = "".join(f"<td>{html.escape(cell)}</td>" for cell in line[:width])
        body += f"<tr>{names}{''.join(map(_entry, line[width:]))}</tr>"
    return f"<table><tr>{head}</tr>{body}</table>"


def _entry(text: str) -> str:
    if text.startswith("**"):
        _, best, rest = text.split("**")
        return f"<td><b>{html.escape(best)}</b>{html.escape(rest)}</td>"
    return f"<td>{html.escape(text)}</td>"


def _image(name: str, figure: "Figure") -> str:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    data = base64.b64encode(out.getvalue()).decode()
    return f'<p><img src="data:image/png;base64,{data}" alt="{html.escape(name)}"></p>'
