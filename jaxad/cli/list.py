"""`jaxad list`: detectors, weightings and data sets, or the settings of a detector."""

import inspect

from rich.console import Console
from rich.table import Table

from jaxad.cli.options import List
from jaxad.data import list_datasets
from jaxad.detectors import REGISTRY, Entry, get_entry
from jaxad.detectors.settings import list_settings
from jaxad.weighting import WEIGHTINGS

__all__ = ["execute"]

PLAIN_WIDTH = 120


def execute(options: List) -> int:
    """Print detectors, weightings and data sets, or the settings of one detector.

    Returns:
        The exit code, 0.
    """
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = max(console.width, PLAIN_WIDTH)
    if options.detector is not None:
        found = get_entry(options.detector)
        console.print(inspect.getdoc(found.build) or found.summary)
        console.print(_list_settings(found))
        return 0
    names = list_datasets(options.data_dir)
    for registry in (REGISTRY, WEIGHTINGS):
        registry.load_all()
    console.print(_list_detectors())
    console.print(_list_weightings())
    console.print(_list_names(names))
    console.print("`jaxad list DETECTOR` shows a detector's settings.")
    return 0


def _list_detectors() -> Table:
    table = _make_table("Detectors", "name", "uses labels", "description")
    for name, found in sorted(REGISTRY.items()):
        table.add_row(name, "yes" if found.uses_labels else "no", found.summary)
    return table


def _list_weightings() -> Table:
    table = _make_table("Weightings (--set weighting=...)", "name", "arguments", "description")
    for name, build in sorted(WEIGHTINGS.items()):
        given = [p for p in inspect.signature(build).parameters.values() if p.name != "labelled"]
        shown = ", ".join(str(p.replace(annotation=p.empty)) for p in given)
        summary, _, _ = (inspect.getdoc(build) or "").partition("\n")
        table.add_row(name, shown, summary)
    return table


def _list_names(names: list[str]) -> Table:
    table = _make_table("Data sets", "name")
    table.show_header = False
    for name in names:
        table.add_row(name)
    return table


def _list_settings(found: Entry) -> Table:
    """Return a table of the settings of a detector with their defaults and meanings."""
    table = _make_table("Settings (--set name=value)", "name", "default", "description")
    for setting in list_settings(found.config):
        table.add_row(setting.name, setting.default, setting.text)
    return table


def _make_table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2))
    for i, column in enumerate(columns):
        table.add_column(column, no_wrap=i == 0, justify="left")
    return table
