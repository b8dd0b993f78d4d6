"""Tables of results in the pages, made from the files under `experiments/PAPER/results/`.

mkdocs calls `on_page_markdown` for each page. It replaces comments such as

    <!-- results ncae/table_2_dense auroc -->
    <!-- results ncae/table_2_dense auroc means -->

by the table of a metric, or by its means over data sets and classes alone, with a line that says
how to make it. Results that `make results-check` found stale are marked. Comments such as

    <!-- csv series/means data=ecg5000 -->

are replaced by the rows of a csv file of a script, whose column `data` has that value; without
`data=ecg5000`, by all rows.
"""

import csv
import json
import re
from pathlib import Path
from typing import Any

from jaxad.report.committed import Committed, read_committed
from jaxad.report.tables import MEAN, RANK, format_cells, make_caption
from jaxad.utils.escaping import escape_markdown

__all__ = ["make_results", "on_page_markdown"]

ROOT = Path(__file__).parents[1] / "experiments"
OUTCOME = "results-check.json"
MARKER = re.compile(r"^<!-- results (\w+/\w+) (\w+)( means)? -->$", re.MULTILINE)

CSV = re.compile(r"^<!-- csv (\w+/\w+)(?: (\w+)=(.+?))? -->$", re.MULTILINE)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Replace the comments of a page by tables of results."""
    del page, config, files

    def replace(found: re.Match) -> str:
        return make_results(ROOT, found[1], found[2], means=bool(found[3]))

    def tabulate(found: re.Match) -> str:
        return make_table(ROOT, found[1], found[2], found[3])

    return CSV.sub(tabulate, MARKER.sub(replace, markdown))


def make_results(root: Path, name: str, metric: str, means: bool = False) -> str:
    """Return the table of a metric of committed results, in Markdown.

    Args:
        root: The folder of experiments.
        name: The paper and the name of the file, such as "ncae/table_2".
        metric: The metric, such as "auroc".
        means: Whether to show only means over data sets and classes, and ranks.

    Raises:
        DataError: The results cannot be read.
        ValueError: They do not have the metric.
    """
    paper, stem = name.split("/")
    path = root / paper / "results" / f"{stem}.csv"
    results = read_committed(path)
    table = next((table for table in results.tables if table.metric == metric), None)
    if table is None:
        known = ", ".join(table.metric for table in results.tables)
        raise ValueError(f"{path} has no metric {metric!r}; it has {known}")
    header, *lines = format_cells(table)
    if means:
        lines = [line for line in lines if line[0] in (MEAN, RANK)]
    cells = [[escape_markdown(cell) for cell in line[: len(table.keys)]] + line[len(table.keys) :]
             for line in lines]  # fmt: skip
    head = [escape_markdown(cell) for cell in header]
    body = [f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *cells]]
    parts = [make_caption(table, results.about["seeds"]) + ":", "\n".join(body)]
    return "\n\n".join([*parts, _describe(results, name), *_mark(root, path)])


def make_table(root: Path, name: str, column: str | None = None, value: str = "") -> str:
    """Return some or all rows of a csv file of a script, in Markdown.

    Metrics in [0, 1] that have a column NAME_std are shown in %, as mean ± standard deviation.
    Columns whose values are all equal are left out if rows are chosen.

    Args:
        root: The folder of experiments.
        name: The paper and the name of the file, such as "series/means".
        column: A column by which rows are chosen; None for all rows.
        value: Its value in the rows that are shown.

    Raises:
        ValueError: No row has that value.
    """
    paper, stem = name.split("/")
    path = root / paper / "results" / f"{stem}.csv"
    with path.open() as file:
        rows = [row for row in csv.DictReader(file) if column is None or row[column] == value]
    if not rows:
        raise ValueError(f"{path} has no row whose {column} is {value!r}")
    metrics = [key for key in rows[0] if f"{key}_std" in rows[0]]
    spreads = {f"{key}_std" for key in metrics}
    keys = [key for key in rows[0] if key not in spreads]
    if column is not None:
        keys = [key for key in keys if key in metrics or len({row[key] for row in rows}) > 1]

    def show(row: dict[str, str], key: str) -> str:
        if key not in metrics:
            return escape_markdown(row[key])
        return f"{100 * float(row[key]):.1f} ± {100 * float(row[f'{key}_std']):.1f}"

    lines = [keys, ["---"] * len(keys), *([show(row, key) for key in keys] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _describe(results: Committed, name: str) -> str:
    """Return how results are made, and with what they were."""
    about = results.about
    size = "" if about["size"] is None else f" --size {about['size']}"
    versions = about["versions"]
    return (
        f"`jaxad sweep experiments/{name}.toml{size}`: jaxad {versions['jaxad']}, "
        f"jax {versions['jax']}, {', '.join(about['device'])}; "
        f"{about['seconds'] / 60:.1f} minutes of training and scoring."
    )


def _mark(root: Path, path: Path) -> list[str]:
    """Return a note on results that the last check found stale, as the page's last paragraph."""
    file = root / OUTCOME
    if not file.is_file():
        return []
    found = json.loads(file.read_text()).get(str(path.relative_to(root)), {"state": "fresh"})
    if found["state"] == "fresh":
        return []
    reasons = "\n".join(f"    - {reason}" for reason in found.get("reasons", ()))
    return [f'!!! warning "These results are {found["state"]}"\n\n{reasons}']
