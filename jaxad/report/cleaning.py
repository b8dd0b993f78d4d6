"""The report of a cleaning as an HTML page."""

import html
from typing import TYPE_CHECKING

from jaxad.report.page import make_document, make_rows

if TYPE_CHECKING:
    import pandas as pd

    from jaxad.cleaning import Cleaning, CleaningResult

__all__ = ["render_cleaning"]

_SHOWN = 200


def render_cleaning(
    result: "CleaningResult", session: "Cleaning", name: str, suspects: "pd.DataFrame"
) -> str:
    """Return an HTML page that needs no other file.

    Args:
        result: The result.
        session: The session that gave it.
        name: The name of the table.
        suspects: The rows to drop, with their columns.
    """
    told = [answer for answer in session.answers if answer.label is not None]
    found = sum(bool(answer.label) for answer in told)
    lines = [
        f"{len(told)} answers, {found} of them anomalies; "
        f"{sum(a.refused for a in session.answers)} rows refused",
        *result.describe(),
    ]
    options = session.options
    shown = suspects.head(_SHOWN).astype(str).to_numpy().tolist()
    parts = [f"<h1>Cleaning of {html.escape(name)}</h1>", "<ul>"]
    parts += [f"<li>{html.escape(line[:1].upper() + line[1:])}.</li>" for line in lines]
    parts += [
        "</ul>",
        f"<p>Expected share of wrong answers: {100 * options.label_noise:g} %. Detector: "
        f"{html.escape(options.detector)}.</p>",
        "<h2>Rows to drop</h2>",
        make_rows([[*map(str, suspects.columns)], *shown]),
    ]
    if len(suspects) > _SHOWN:
        parts.append(f"<p>The first {_SHOWN} of {len(suspects)} rows.</p>")
    return make_document(f"Cleaning of {name}", parts)
