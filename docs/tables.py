"""Tables of results in the pages, made from the files under `experiments/PAPER/results/`.

mkdocs calls `on_page_markdown` for each page. It replaces comments such as

    <!-- results ncae/table_2_dense auroc -->
    <!-- results ncae/table_2_dense auroc means -->
    <!-- results tabular/peers auroc transposed -->

by the table of a metric, by its means over data sets and classes alone, or by the table with
detectors as rows, with a line that says how to make it. Results that `make results-check` found
stale are marked. Comments such as

    <!-- csv series/means data=ecg5000 -->
    <!-- csv scarce/choose number=24; tables=left out|all tables show detector, auroc -->

are replaced by the rows of a csv file of a script, whose column `data` has that value; without
`data=ecg5000`, by all rows. The second has two conditions, one with two values, and names the
columns to show. `anoonly/published/table_2` names a file of published figures, and
`benchmarks/lenet` one of the folder of benchmarks. Comments such as

    <!-- averages scarce/weightings auroc, auprc of title by label_noise -->

are replaced by means over the other columns, such as data sets: a row for each title, with each
metric and the mean rank by the first for each value of `label_noise`; with `where dataset=mnist`
before the end, over the rows with this value. Comments such as

    <!-- pivot deep_one_class_thesis/table_4_2 auroc by corruption and method published -->
    <!-- pivot deep_one_class_thesis/table_4_2 ap by corruption and method published table_c_8 -->

are replaced by one number of such a file by two of its columns, with published values in brackets,
which are in the file of the same name or of another one.
"""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from scipy.stats import rankdata

from jaxad.report.committed import Committed, read_committed
from jaxad.report.tables import MEAN, RANK, TUNED, format_cells, make_caption
from jaxad.utils.escaping import escape_markdown

__all__ = ["make_results", "on_page_markdown"]

ROOT = Path(__file__).parents[1] / "experiments"
OUTCOME = "results-check.json"
BENCHMARKS = "benchmarks"
MARKER = re.compile(r"^<!-- results (\w+/\w+) (\w+)( means)?( transposed)? -->$", re.MULTILINE)

CSV = re.compile(
    r"^<!-- csv (\w+/(?:published/)?\w+)(?: (?!show )([\w ]+=.+?))?(?: show (.+?))? -->$",
    re.MULTILINE,
)
AVERAGES = re.compile(
    r"^<!-- averages (\w+/\w+) (\w+(?:, \w+)*) of (\w+) by (\w+)(?: where (\w+)=(.+?))? -->$",
    re.MULTILINE,
)
# What published rows are called by the scripts.
NAMES = {"canny_edges": "edges"}

PIVOT = re.compile(
    r"^<!-- pivot (\w+/\w+) (\w+) by (\w+) and (\w+)( published)?(?: (\w+))? -->$", re.MULTILINE
)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Replace the comments of a page by tables of results."""
    del page, config, files

    def replace(found: re.Match) -> str:
        return make_results(ROOT, found[1], found[2], bool(found[3]), bool(found[4]))

    def tabulate(found: re.Match) -> str:
        where = dict(one.split("=", 1) for one in found[2].split("; ")) if found[2] else {}
        return make_table(ROOT, found[1], where, found[3].split(", ") if found[3] else ())

    def average(found: re.Match) -> str:
        where = {found[5]: found[6]} if found[5] else {}
        return make_averages(ROOT, found[1], found[2].split(", "), found[3], found[4], where)

    def cross(found: re.Match) -> str:
        same = found[1].split("/")[1] if found[5] else None
        return make_pivot(ROOT, *found.group(1, 2, 3, 4), published=found[6] or same)

    for pattern, make in ((MARKER, replace), (CSV, tabulate), (AVERAGES, average), (PIVOT, cross)):
        markdown = pattern.sub(make, markdown)
    return markdown


def make_results(
    root: Path, name: str, metric: str, means: bool = False, transposed: bool = False
) -> str:
    """Return the table of a metric of committed results, in Markdown.

    Args:
        root: The folder of experiments.
        name: The paper and the name of the file, such as "ncae/table_2".
        metric: The metric, such as "auroc".
        means: Whether to show only means over data sets and classes, and ranks.
        transposed: Whether detectors are rows; for many detectors on few data sets.

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
    width = max(len(table.keys), 1)
    if means:
        lines = [line for line in lines if {MEAN, RANK} & set(line[:width])]
    cells = [[escape_markdown(cell) for cell in line[: len(table.keys)]] + line[len(table.keys) :]
             for line in lines]  # fmt: skip
    cells = [[escape_markdown(cell) for cell in header], *cells]
    if transposed:
        across = [", ".join(filter(None, line[:width])) for line in cells[1:]]
        cells = [
            ["detector", *across],
            *map(list, zip(*(line[width:] for line in cells), strict=True)),
        ]
    parts = [make_caption(table, results.about["seeds"]) + ":", _join(cells)]
    parts += [TUNED] if "†" in parts[1] else []
    return "\n\n".join([*parts, _describe(results, name), *_mark(root, path)])


def make_table(
    root: Path, name: str, where: Mapping[str, str] | None = None, shown: Sequence[str] = ()
) -> str:
    """Return some or all rows of a csv file of a script, in Markdown.

    Metrics in [0, 1] that have a column NAME_std are shown in %, as mean ± standard deviation.
    Columns whose values are all equal are left out if rows are chosen and columns are not.

    Args:
        root: The folder of experiments.
        name: The paper and the name of the file, such as "series/means".
        where: Columns and their values in the rows that are shown; `|` separates values. None for
            all rows.
        shown: The columns to show; empty for all.

    Raises:
        ValueError: No row has these values.
    """
    where = where or {}
    path, rows = _read_rows(root, name)
    choices = {column: values.split("|") for column, values in where.items()}
    rows = [row for row in rows if all(row[key] in values for key, values in choices.items())]
    if not rows:
        wanted = " and ".join(f"{column} is {value!r}" for column, value in where.items())
        raise ValueError(f"{path} has no row" + (f" whose {wanted}" if where else ""))
    metrics = [key for key in rows[0] if f"{key}_std" in rows[0]]
    spreads = {f"{key}_std" for key in metrics}
    keys = list(shown) or [key for key in rows[0] if key not in spreads]
    if where and not shown:
        keys = [key for key in keys if key in metrics or len({row[key] for row in rows}) > 1]

    def show(row: dict[str, str], key: str) -> str:
        if key not in metrics:
            return escape_markdown(row[key])
        return f"{100 * float(row[key]):.1f} ± {100 * float(row[f'{key}_std']):.1f}"

    return _join([keys, *([show(row, key) for key in keys] for row in rows)])


def make_averages(
    root: Path,
    name: str,
    metrics: Sequence[str],
    rows: str,
    columns: str,
    where: Mapping[str, str] | None = None,
) -> str:
    """Return means of a csv file over all but two of its columns, in Markdown.

    Each value of `columns` has the metrics in %, and the mean rank by the first of them, from 1 for
    the highest. Rows are sorted by the first column of numbers.

    Args:
        root: The folder of experiments.
        name: The paper and the name of the file, such as "scarce/weightings".
        metrics: Columns with numbers in [0, 1]. Rows are grouped by the columns to the left of the
            first of them.
        rows: The column whose values name the rows.
        columns: The column whose values name the columns.
        where: Columns and the values of the rows that count.

    Raises:
        ValueError: No row has these values.
    """
    path, lines = _read_rows(root, name)
    lines = [line for line in lines if (where or {}).items() <= line.items()]
    if not lines:
        raise ValueError(f"{path} has no row with {where}")
    before = list(lines[0])[: list(lines[0]).index(metrics[0])]
    keys = [key for key in _find_keys(lines[0], metrics) if key in before]
    rest = [key for key in keys if key not in (rows, columns)]
    groups: dict[tuple[str, ...], dict[str, float]] = {}
    means: dict[str, dict[tuple[str, str], list[float]]] = {}
    for line in lines:
        for metric in metrics:
            numbers = means.setdefault(line[rows], {}).setdefault((metric, line[columns]), [])
            numbers.append(100 * float(line[metric]))
        place = (line[columns], *(line[key] for key in rest))
        groups.setdefault(place, {})[line[rows]] = float(line[metrics[0]])
    for place, group in groups.items():
        for title, rank in zip(group, rankdata([-value for value in group.values()]), strict=True):
            means[title].setdefault(("rank", place[0]), []).append(float(rank))
    values = list(dict.fromkeys(line[columns] for line in lines))
    across = [(metric, value) for value in values for metric in (*metrics, "rank")]
    body = {
        title: [fmean(found[key]) for key in across if key in found]
        for title, found in means.items()
    }
    head = [f"{metric}, {columns} {value}" for metric, value in across]
    digits = [2 if metric == "rank" else 1 for metric, _ in across]
    cells = [
        [title, *(f"{number:.{n}f}" for number, n in zip(numbers, digits, strict=True))]
        for title, numbers in sorted(body.items(), key=lambda item: -item[1][0])
    ]
    return _join([list(map(escape_markdown, line)) for line in [[rows, *head], *cells]])


def make_pivot(
    root: Path, name: str, value: str, rows: str, columns: str, *, published: str | None = None
) -> str:
    """Return one number of a csv file of a script by two of its columns, in Markdown.

    The last row has the means of the columns.

    Args:
        root: The folder of experiments.
        name: The paper and the name of the file, such as "deep_one_class_thesis/table_4_2".
        value: The column of the numbers, in %.
        rows: The column whose values name the rows.
        columns: The column whose values name the columns.
        published: The file of published values, which follow in brackets; None for none.
    """
    paper, _ = name.split("/")
    cells = {(r[rows], r[columns]): float(r[value]) for r in _read_rows(root, name)[1]}
    known: dict[tuple[str, str], float] = {}
    if published:
        with (root / paper / "published" / f"{published}.csv").open() as file:
            lines = [r for r in csv.DictReader(file) if r["metric"] == value]
        known = {
            (NAMES.get(r["subset"], r["subset"]), r["method"]): float(r["mean"]) for r in lines
        }
    down, across = (list(dict.fromkeys(key[i] for key in cells)) for i in (0, 1))

    def show(row: str, column: str) -> str:
        more = f" ({known[row, column]:g})" if (row, column) in known else ""
        return f"{cells[row, column]:.1f}{more}"

    def average(column: str) -> str:
        full = [v for v in (cells, known) if all((row, column) in v for row in down)]
        means = [sum(v[row, column] for row in down) / len(down) for v in full]
        return f"{means[0]:.1f}" + "".join(f" ({mean:.1f})" for mean in means[1:])

    body = [[row.replace("_", " "), *(show(row, column) for column in across)] for row in down]
    body.append(["mean", *map(average, across)])
    return _join([list(map(escape_markdown, line)) for line in [[rows, *across], *body]])


def _read_rows(root: Path, name: str) -> tuple[Path, list[dict[str, str]]]:
    """Return the path and the rows of a csv file of results, published figures or benchmarks."""
    paper, *folder, stem = name.split("/")
    inside = root / paper / (folder or ["results"])[0]
    path = (root.parent / BENCHMARKS if paper == BENCHMARKS else inside) / f"{stem}.csv"
    with path.open() as file:
        return path, list(csv.DictReader(file))


def _find_keys(row: Mapping[str, str], metrics: Sequence[str]) -> list[str]:
    """Return the columns that have neither metrics nor their deviations nor numbers of seeds."""
    return [
        key
        for key in row
        if key not in metrics and key != "seeds" and f"{key.removesuffix('_std')}_std" not in row
    ]


def _join(lines: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; the first line is its head."""
    head, *body = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *body])


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
