"""`jaxad monitor`: whether new rows are like those that a saved detector was trained on."""

import json
import sys

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jaxad.cli.options import Monitor
from jaxad.cli.options.common import read_table_options
from jaxad.cli.outputs import check_distinct
from jaxad.errors import ConfigError
from jaxad.report.monitoring import (
    list_columns,
    list_tests,
    render_monitoring,
    summarise_monitoring,
)
from jaxad.saving import MonitorReport, monitor, open_detector
from jaxad.thresholds import parse_rule
from jaxad.utils.files import check_writable, write_atomically

__all__ = ["execute"]

DRIFT = 3  # the exit code
_WIDTH = 120  # of tables that are not printed to a terminal


def execute(options: Monitor) -> int:
    """Compare a file with the training rows of a saved detector.

    Returns:
        The exit code: 0, or 3 where there is drift or some rows could not be scored.
    """
    out = options.out
    if out is not None:
        if out.suffix.lower() not in (".html", ".htm"):
            raise ConfigError(f"--out {out} must end in .html")
        check_distinct("--out", out, {"DATA": options.data, "--reference": options.reference})
        if out.exists() and not options.force:
            raise ConfigError(f"--out {out} exists already; give another file, or --force")
        check_writable(out.absolute().parent)
    report = monitor(
        open_detector(options.folder),
        options.data,
        options=read_table_options(options),
        rule=None if options.threshold is None else parse_rule(options.threshold),
        reference=options.reference,
        level=options.level,
    )
    if out is not None:
        page = render_monitoring(report, options.folder.name, options.data.name)
        with write_atomically(out) as partial:
            partial.write_text(page, encoding="utf-8")
    if options.json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        _print_report(report)
    if report.bad:
        print(f"jaxad: {report.bad} of {report.rows} rows could not be scored", file=sys.stderr)
    return DRIFT if report.drift or report.bad else 0


def _print_report(report: MonitorReport) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    for line in summarise_monitoring(report):
        console.print(Text(f"{line}."))
    for cells in (list_tests(report), list_columns(report)):
        header, *rows = cells
        table = Table(box=box.SIMPLE)
        for i, name in enumerate(header):
            table.add_column(name, justify="left" if i < 2 else "right")
        for row in rows:
            table.add_row(*map(Text, row))
        console.print(table)
