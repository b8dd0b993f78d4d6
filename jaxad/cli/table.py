"""Tables of results: normal classes as rows, detectors side by side."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jaxad.evaluation.metrics import Summary, summarise
from jaxad.results import Cell
from jaxad.utils.timing import Seconds

__all__ = ["print_tables"]

PLAIN_WIDTH = 120
METRICS = {"auroc": "AUROC", "auprc": "AUPRC"}


def print_tables(cells: Sequence[Cell], *, stderr: bool = False) -> None:
    """Print AUROC, AUPRC and wall time of the cells of one data set.

    Args:
        cells: Complete cells; not every class need have every detector.
        stderr: Print on standard error.
    """
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, PLAIN_WIDTH)
    seeds = len(cells[0].evaluation.auroc.per_seed)
    console.print(Text(f"\n{cells[0].dataset}: {_describe_setting(cells[0].setting)}", "bold"))
    of = f" ± deviation over {seeds} seeds [95 % interval of the mean]" if seeds > 1 else ""
    for metric, name in METRICS.items():
        console.print(Text(f"\n{name} in %: mean{of}", "bold"))
        for table in _metric_tables(cells, metric, console):
            console.print(table)
    console.print(Text("\nWall time in s", "bold"))
    console.print(_time_table(cells))


def _metric_tables(cells: Sequence[Cell], metric: str, console: Console) -> list[Table]:
    """Return one metric of all detectors: as one table if it fits, else narrower, or as several."""
    rows = _rows(cells, metric)
    detectors = list(dict.fromkeys(cell.detector for cell in cells))
    n = len(detectors)
    roomy = console.options.update(max_width=10_000)
    tables = []
    for between, columns in [(" ", n), *(("\n", k) for k in range(n, 0, -1))]:
        groups = [detectors[i : i + columns] for i in range(0, n, columns)]
        tables = [_metric_table(rows, group, between) for group in groups]
        if all(console.measure(t, options=roomy).maximum <= console.width for t in tables):
            break
    return tables


def _rows(cells: Sequence[Cell], metric: str) -> dict[str, dict[str, Summary]]:
    """Return a metric by class and detector, and its mean over classes if no cell is missing."""
    rows: dict[str, dict[str, Summary]] = {}
    for cell in cells:
        rows.setdefault(str(cell.normal_class), {})[cell.detector] = cell.evaluation[metric]
    classes = list(rows.values())
    if len(classes) > 1 and all(row.keys() == classes[0].keys() for row in classes):
        rows["mean"] = {
            detector: summarise(np.mean([row[detector].per_seed for row in classes], axis=0))
            for detector in classes[0]
        }
    return rows


def _metric_table(
    rows: dict[str, dict[str, Summary]], detectors: Sequence[str], between: str
) -> Table:
    """Return a table in percent, with the best means in bold.

    Args:
        rows: The values by class and detector.
        detectors: The columns.
        between: The text between a deviation and its interval.
    """
    table = _table(["normal class", *detectors])
    for name, row in rows.items():
        if name == "mean":
            table.add_section()
        best = max(round(value.mean, 3) for value in row.values())
        cells = [
            Text(_percent(row[d], between), _style(row[d], best if len(row) > 1 else math.inf))
            if d in row
            else Text("")
            for d in detectors
        ]
        table.add_row(Text(name), *cells)
    return table


def _style(value: Summary, best: float) -> str:
    return "bold" if round(value.mean, 3) >= best else ""


def _describe_setting(setting: dict[str, Any]) -> str:
    """Describe how the training data was contaminated and labelled."""
    rho = setting["contamination"]
    parts = [
        "the data's own contamination" if rho is None else f"{100 * rho:.3g} % hidden contamination"
    ]
    for kind in ("labelled_anomalies", "labelled_normals"):
        asked = setting[kind]
        if asked:
            amount = f"{asked:.3g} of all" if isinstance(asked, float) else str(asked)
            parts.append(f"{amount} {kind.replace('_', ' ')}")
    return ", ".join(parts)


def _table(columns: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(Text(column), justify="right", no_wrap=True)
    return table


def _percent(value: Summary, between: str) -> str:
    """Format a value as `97.1 ± 0.8 [96.6, 97.5]`, or the mean alone for a single seed."""
    mean = f"{100 * value.mean:.1f}"
    if math.isnan(value.std):
        return mean
    low, high = (f"{100 * bound:.1f}" for bound in value.interval)
    return f"{mean} ±{100 * value.std:4.1f}{between}[{low:>4}, {high:>4}]"


def _time_table(cells: Sequence[Cell]) -> Table:
    """Return a table of the wall time of each detector."""
    table = _table(["detector", "compile", "run"])
    spent: dict[str, Seconds] = {}
    for cell in cells:
        spent[cell.detector] = spent.get(cell.detector, Seconds()) + cell.seconds
    for name, seconds in spent.items():
        table.add_row(Text(name), f"{seconds.compile:.1f}", f"{seconds.run:.1f}")
    if len(spent) > 1:
        table.add_section()
        total = sum(spent.values(), start=Seconds())
        table.add_row("all", f"{total.compile:.1f}", f"{total.run:.1f}")
    return table
