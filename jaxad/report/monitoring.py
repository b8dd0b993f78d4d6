"""The tables and the page of `jaxad monitor`."""

import html

from jaxad.report.page import make_document, make_rows
from jaxad.saving.drift.report import MonitorReport

__all__ = ["list_columns", "list_tests", "render_monitoring", "summarise_monitoring"]


def summarise_monitoring(report: MonitorReport) -> list[str]:
    """Return what was found, a sentence each."""
    alarms, drifting = report.alarms, [t for t in report.tests if t.drift]
    lines = [
        f"{report.rows} rows" + (f", {report.bad} of them without a score" if report.bad else ""),
        f"{alarms.count} alarms: {_percent(alarms.rate)} of the scored rows, 95 % interval "
        f"{_percent(alarms.low)} to {_percent(alarms.high)}; {alarms.rule} promises "
        f"{_percent(alarms.promised)}",
    ]
    if not report.held_out:
        lines.append(
            "Scores are compared with those of the training rows, which tend to be lower: the "
            "distribution may differ by 0.1, and the rate of alarms may be twice as high, before "
            "it counts as drift. Rows held out of training (conformal, or --reference) need no "
            "such margin"
        )
    if drifting:
        named = [
            test.of if test.column is None else f"{test.column} ({test.of})" for test in drifting
        ]
        lines.append(f"Drift: {', '.join(named)}")
    else:
        lines.append(f"No drift at the level {report.level:g}")
    return lines


def list_tests(report: MonitorReport) -> list[list[str]]:
    """Return the table of tests as text, with its header."""
    rows = [["tested", "test", "statistic", "p", "p adjusted", "drift"]]
    for test in report.tests:
        name = test.of if test.column is None else f"{test.column}: {test.of}"
        numbers = [f"{value:.3g}" for value in (test.statistic, test.p_value, test.adjusted)]
        rows.append([name, test.name, *numbers, "yes" if test.drift else ""])
    return rows


def list_columns(report: MonitorReport) -> list[list[str]]:
    """Return the table of columns as text, with its header."""
    rows = [["column", "kind", "gaps", "gaps in training", "unseen", "unseen categories"]]
    for one in report.columns:
        gaps = [f"{one.gaps} ({_percent(one.gap_rate)})", _percent(one.training_gap_rate)]
        unseen = [str(one.unseen or ""), ", ".join(one.categories)]
        rows.append([one.name, one.kind, *gaps, *unseen])
    return rows


def render_monitoring(report: MonitorReport, model: str, data: str) -> str:
    """Return an HTML page that needs no other file.

    Args:
        report: The report.
        model: The name of the detector's folder.
        data: The name of the file.
    """
    title = f"{data} compared with the training rows of {model}"
    parts = [f"<h1>{html.escape(title)}</h1>"]
    parts += [f"<p>{html.escape(line)}.</p>" for line in summarise_monitoring(report)]
    parts += ["<h2>Tests</h2>", make_rows(list_tests(report))]
    parts.append(
        "<p>p adjusted: with Holm's correction for all tests. The statistic is the rate of alarms, "
        "the largest distance between two distribution functions (Kolmogorov-Smirnov), "
        "chi-squared, or the share of rows without a value.</p>"
    )
    parts += ["<h2>Columns</h2>", make_rows(list_columns(report))]
    return make_document(title, parts)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
