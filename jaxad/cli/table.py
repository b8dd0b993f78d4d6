"""Tables of results: normal classes as rows, detectors side by side."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jaxad.metrics import Summary, summarise
from jaxad.results import Cell
from jaxad.timing import Seconds

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
    console.print(Text(f"\n{cells[0].dataset}: {_described(cells[0].setting)}", "bold"))
    of = f" ± deviation over {seeds} seeds [95 % interval of the mean]" if seeds > 1 else ""
    for metric, name in METRICS.items():
        table = _metric_table(cells, metric, " ")
        if console.measure(table).minimum > console.width:
            table = _metric_table(cells, metric, "\n")
        console.print(Text(f"\n{name} in %: mean{of}", "bold"))
        console.print(table)
    console.print(Text("\nWall time in s", "bold"))
    console.print(_time_table(cells))


def _metric_table(cells: Sequence[Cell], metric: str, between: str) -> Table:
    """One metric in percent; `between` stands between a deviation and its interval."""
    detectors = list(dict.fromkeys(cell.detector for cell in cells))
    classes = list(dict.fromkeys(cell.normal_class for cell in cells))
    found = {(c.normal_class, c.detector): c.evaluation[metric] for c in cells}
    table = _table(["normal class", *detectors])
    for c in classes:
        _add_row(table, str(c), [found.get((c, d)) for d in detectors], between)
    whole = all((c, d) in found for c in classes for d in detectors)
    if len(classes) > 1 and whole:
        table.add_section()
        over = [summarise(np.mean([found[c, d].per_seed for c in classes], 0)) for d in detectors]
        _add_row(table, "mean", over, between)
    return table


def _described(setting: dict[str, Any]) -> str:
    """How the training data was spoiled and labelled."""
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
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _add_row(table: Table, name: str, values: Sequence[Summary | None], between: str) -> None:
    """A row; the best mean of several is bold."""
    shown = [round(v.mean, 3) for v in values if v is not None]
    best = max(shown) if len(shown) > 1 else math.inf
    texts = [
        Text("")
        if v is None
        else Text(_percent(v, between), "bold" if round(v.mean, 3) >= best else "")
        for v in values
    ]
    table.add_row(name, *texts)


def _percent(value: Summary, between: str) -> str:
    """`97.1 ± 0.8 [96.6, 97.5]`, or the mean alone for one seed."""
    mean = f"{100 * value.mean:.1f}"
    if math.isnan(value.std):
        return mean
    low, high = (f"{100 * bound:.1f}" for bound in value.interval)
    return f"{mean} ±{100 * value.std:4.1f}{between}[{low:>4}, {high:>4}]"


def _time_table(cells: Sequence[Cell]) -> Table:
    """Wall seconds of all cells of each detector."""
    detectors = list(dict.fromkeys(cell.detector for cell in cells))
    table = _table(["", *detectors, "all"])
    spent = [sum((c.seconds for c in cells if c.detector == d), start=Seconds()) for d in detectors]
    spent.append(sum(spent, start=Seconds()))
    table.add_row("compile", *(f"{s.compile:.1f}" for s in spent))
    table.add_row("run", *(f"{s.run:.1f}" for s in spent))
    return table
