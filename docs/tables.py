"""Tables of results in the pages, made from the files under `experiments/PAPER/results/`.

mkdocs calls `on_page_markdown` for each page. It replaces comments such as

    <!-- results ncae/table_2_dense auroc -->
    <!-- results ncae/table_2_dense auroc means -->

by the table of a metric, or by its means over data sets and classes alone, with a line that says
how to make it. Results that `make results-check` found stale are marked. Comments such as

    <!-- csv series/means data=ecg5000 -->

are replaced by the rows of a csv file of a script, whose column `data` has that value; without
`data=ecg5000`, by all rows. Comments such as

    <!-- pivot deep_one_class_thesis/table_4_2 auroc by corruption and method published -->

are replaced by one number of such a file by two of its columns, with published values in brackets.
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
# What published rows are called by the scripts.
NAMES = {"canny_edges": "edges"}

PIVOT = re.compile(
    r"^<!-- pivot (\w+/\w+) (\w+) by (\w+) and (\w+)( published)? -->$", re.MULTILINE
)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Replace the comments of a page by tables of results."""
    del page, config, files

    def replace(found: re.Match) -> str:
        return make_results(ROOT, found[1], found[2], means=bool(found[3]))

    def tabulate(found: re.Match) -> str:
        return make_table(ROOT, found[1], found[2], found[3])

    def cross(found: re.Match) -> str:
        return make_pivot(ROOT, *found.group(1, 2, 3, 4), published=bool(found[5]))

    return PIVOT.sub(cross, CSV.sub(tabulate, MARKER.sub(replace, markdown)))


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


def make_pivot(
    root: Path, name: str, value: str, rows: str, columns: str, *, published: bool = False
) -> str:
    """Return one number of a csv file of a script by two of its columns, in Markdown.

    The last row has the means of the columns.

    Args:
        root: The folder of experiments.
        name: The paper and the name of the file, such as "deep_one_class_thesis/table_4_2".
        value: The column of the numbers, in %.
        rows: The column whose values name the rows.
        columns: The column whose values name the columns.
        published: Whether published values, of the same name, follow in brackets.
    """
    paper, stem = name.split("/")
    with (root / paper / "results" / f"{stem}.csv").open() as file:
        cells = {(r[rows], r[columns]): float(r[value]) for r in csv.DictReader(file)}
    known: dict[tuple[str, str], float] = {}
    if published:
        with (root / paper / "published" / f"{stem}.csv").open() as file:
            lines = [r for r in csv.DictReader(file) if r["metric"] == value]
        known = {
            (NAMES.get(r["subset"], r["subset"]), r["method"]): float(r["mean"]) for r in lines
        }
    down, across = (list(dict.fromkeys(key[i] for key in cells)) for i in (0, 1))

    def show(row: str, column: str) -> str:
        more = f" ({known[row, column]:g})" if (row, column) in known else ""
        return f"{cells[row, column]:.1f}{more}"

    def average(column: str) -> str:
        means = [sum(v[row, column] for row in down) / len(down) for v in (cells, known) if v]
        return f"{means[0]:.1f}" + "".join(f" ({mean:.1f})" for mean in means[1:])

    body = [[row.replace("_", " "), *(show(row, column) for column in across)] for row in down]
    body.append(["mean", *map(average, across)])
    head = [[rows, *across], ["---"] * (len(across) + 1)]
    return "\n".join(f"| {' | '.join(map(escape_markdown, line))} |" for line in [*head, *body])


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
