"""Tables: rows are data sets, classes and settings; columns are detectors."""

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from jaxad.data.protocol.settings import AXES
from jaxad.report.published import Published, read_published
from jaxad.report.significance import compute_ranks
from jaxad.sweep.experiment import Experiment
from jaxad.sweep.jobs import Job
from jaxad.utils.escaping import escape_csv_row, escape_latex, escape_markdown

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Table",
    "TableEntry",
    "format_cells",
    "format_metric",
    "list_footnotes",
    "make_caption",
    "make_table",
    "make_tables",
    "render_tables",
]

Format = Literal["markdown", "latex", "csv"]
MEAN, RANK = "mean", "mean rank"
OVER = ("dataset", "normal_class")  # the keys that means are taken over
TUNED = "† Published numbers of settings that were chosen by test labels."


class TableEntry(NamedTuple):
    """The measured values of an entry, in [0, 1], and the published value, in percent.

    Attributes:
        per_seed: `{seed: value}`.
        published: The published value, if there is one.
    """

    per_seed: dict[int, float]
    published: Published | None = None

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return float(np.mean(list(self.per_seed.values())))

    @property
    def std(self) -> float:
        """The sample standard deviation over seeds; NaN for a single seed."""
        values = list(self.per_seed.values())
        return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


class Table(NamedTuple):
    """A table of one metric of an experiment.

    Attributes:
        metric: The name of the metric.
        keys: The keys of a row, such as ("dataset", "contamination").
        rows: The entries of each row by the detector's title, by the row's values of the keys.
        titles: The titles of the detectors, in the order of the experiment.
        printed: The published mean over rows by the detector's title, where there is one.
    """

    metric: str
    keys: tuple[str, ...]
    rows: dict[tuple[Any, ...], dict[str, TableEntry]]
    titles: tuple[str, ...]
    printed: dict[str, Published] = {}  # noqa: RUF012 - never changed

    @property
    def complete(self) -> list[dict[str, TableEntry]]:
        """The rows that have every detector."""
        return [row for row in self.rows.values() if len(row) == len(self.titles)]


def make_tables(
    experiment: Experiment,
    jobs: Sequence[Job],
    rows: "pd.DataFrame",
    format: Format = "markdown",
    published: bool = True,
) -> str:
    """Return the tables of an experiment as text, one for each of its metrics.

    Args:
        experiment: The experiment.
        jobs: Its jobs.
        rows: The rows of its results, as `read_cells` returns them.
        format: "markdown", "latex" or "csv".
        published: Whether to show published values and the difference in brackets.
    """
    numbers = read_published(experiment.published, jobs) if published else {}
    made = [make_table(metric, jobs, rows, numbers) for metric in experiment.metrics]
    return render_tables(experiment, made, format)


def render_tables(experiment: Experiment, made: Sequence[Table], format: Format) -> str:
    """Return tables as text; see `make_tables`."""
    if format == "csv":
        return _csv(made)
    notes = [" ".join(note.split()) for note in list_footnotes(experiment, made)]
    if format == "markdown":
        notes = [note.replace("<", "&lt;") for note in notes]  # they may hold Markdown, not HTML
        title = escape_markdown(experiment.title)
        parts = [f"## {title}", *(_markdown(t, experiment.seeds) for t in made), *notes]
    else:
        comments = (f"% {note}" for note in notes)
        title = " ".join(experiment.title.split())
        parts = [f"% {title}", *(_latex(t, experiment.seeds) for t in made), *comments]
    return "\n\n".join(parts) + "\n"


def list_footnotes(experiment: Experiment, made: Sequence[Table]) -> list[str]:
    """List the footnotes of an experiment's tables."""
    printed = [e.published for t in made for row in t.rows.values() for e in row.values()]
    printed += [number for t in made for number in t.printed.values()]
    tuned = any(number is not None and number.tuned for number in printed)
    return [*experiment.notes, *([TUNED] if tuned else [])]


def make_table(
    metric: str,
    jobs: Sequence[Job],
    rows: "pd.DataFrame",
    published: dict[tuple[str, str], Published],
) -> Table:
    """Make the table of one metric from the jobs that have results."""
    values: dict[str, dict[int, float]] = {}
    good = rows.loc[rows.error.isna() & rows[metric].notna()]
    for job, seed, value in zip(good.job, good.seed, good[metric], strict=True):
        values.setdefault(job, {})[int(seed)] = float(value)
    fields = dict.fromkeys(field for job in jobs for field, _ in job.variant.rows)
    settings = [dict.fromkeys(fields, "") | _settings(job) for job in jobs]
    keys = _keys(settings)
    found: dict[tuple[Any, ...], dict[str, TableEntry]] = {}
    for job, setting in zip(jobs, settings, strict=True):
        if job.name in values:
            entry = TableEntry(values[job.name], published.get((job.name, metric)))
            found.setdefault(tuple(setting[k] for k in keys), {})[job.variant.title] = entry
    titles = tuple(dict.fromkeys(job.variant.title for job in jobs))
    means = {title: published[title, metric] for title in titles if (title, metric) in published}
    return Table(metric, keys, found, titles, means)


def _keys(settings: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Return the keys of rows: the data set if there are several, and what its jobs differ in."""
    values: dict[str, dict[str, set]] = {}
    for setting in settings:
        for key, value in setting.items():
            values.setdefault(key, {}).setdefault(setting["dataset"], set()).add(value)
    several = [k for k, of_set in values.items() if any(len(v) > 1 for v in of_set.values())]
    return ("dataset", *several) if len(values.get("dataset", ())) > 1 else tuple(several)


def _settings(job: Job) -> dict[str, Any]:
    request = {k: AXES[k].none if v is None else v for k, v in job.protocol.axes.items()}
    classes = {"dataset": job.dataset, "normal_class": job.class_label}
    return classes | request | dict(job.variant.rows)


def format_cells(t: Table) -> list[list[str]]:
    """Return a header and the rows as text; the best mean of a row is in asterisks."""
    header = [*(t.keys or ("",)), *t.titles]
    lines = [header]
    for key, row in t.rows.items():
        best = max(round(entry.mean, 3) for entry in row.values())
        several = len(row) > 1
        cells = [
            _entry(row[title], several and round(row[title].mean, 3) >= best)
            if title in row
            else ""
            for title in t.titles
        ]
        lines.append([*(map(str, key) if key else [""]), *cells])
    for key, rows in _by_setting(t).items():
        if len(rows) > 1:
            lines.append([*key, *(_entry(_mean(t, title, rows), False) for title in t.titles)])
    if len(t.complete) > 1 and len(t.titles) > 1:
        mean_ranks = _ranks(t)
        blanks = [""] * (max(len(t.keys), 1) - 1)
        lines.append([RANK, *blanks, *(f"{mean_ranks[title]:.2f}" for title in t.titles)])
    return lines


def _by_setting(t: Table) -> dict[tuple[str, ...], list[dict[str, TableEntry]]]:
    """Group complete rows that differ only in data set and class by the keys of their mean."""
    over = [i for i, key in enumerate(t.keys) if key in OVER]
    if not over:
        return {}
    groups: dict[tuple[str, ...], list[dict[str, TableEntry]]] = {}
    for key, row in t.rows.items():
        blank = {i: MEAN if i == over[0] else "" for i in over}
        name = tuple(blank.get(i, str(value)) for i, value in enumerate(key))
        if len(row) == len(t.titles):
            groups.setdefault(name, []).append(row)
    return groups


def _mean(t: Table, title: str, rows: Sequence[dict[str, TableEntry]]) -> TableEntry:
    """Return the mean over rows, seed by seed, and the published one if every row has one."""
    entries = [row[title] for row in rows]
    seeds = set.intersection(*(set(e.per_seed) for e in entries))
    per_seed = {s: float(np.mean([e.per_seed[s] for e in entries])) for s in seeds}
    if title in t.printed:
        return TableEntry(per_seed, t.printed[title])
    printed = [e.published for e in entries if e.published is not None]
    if len(printed) < len(entries):
        return TableEntry(per_seed)
    mean = round(float(np.mean([number.mean for number in printed])), 1)
    return TableEntry(per_seed, Published(mean, None, any(number.tuned for number in printed)))


def _ranks(t: Table) -> dict[str, float]:
    """Compute mean ranks over complete rows, 1 is the best; ties get the mean of their ranks."""
    means = np.array([[row[title].mean for title in t.titles] for row in t.complete])
    return dict(zip(t.titles, compute_ranks(means).mean(axis=0).tolist(), strict=True))


def _entry(entry: TableEntry, best: bool) -> str:
    """Format an entry: `**97.1 ± 0.8** (97.5 ± 0.3; -0.4)`.

    The measured value, and in brackets the published one and the difference.
    """
    text = f"{100 * entry.mean:.1f}"
    if not np.isnan(entry.std):
        text += f" ± {100 * entry.std:.1f}"
    text = f"**{text}**" if best else text
    if entry.published is None:
        return text
    return f"{text} ({entry.published}; {100 * entry.mean - entry.published.mean:+.1f})"


def _markdown(t: Table, seeds: int) -> str:
    header, *lines = _escape_cells(t, escape_markdown, str)
    rule = ["---"] * len(header)
    body = "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *lines])
    return f"{make_caption(t, seeds)}\n\n{body}"


def _latex(t: Table, seeds: int) -> str:
    head, *rows = (
        " & ".join(line) + r" \\" for line in _escape_cells(t, escape_latex, _as_latex_entry)
    )
    columns = "l" * max(len(t.keys), 1) + "r" * len(t.titles)
    top = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head, r"\midrule"]
    body = "\n".join([*top, *rows, r"\bottomrule", r"\end{tabular}"])
    return f"% {make_caption(t, seeds)}\n{body}"


def _escape_cells(
    t: Table, names: Callable[[str], str], entries: Callable[[str], str]
) -> list[list[str]]:
    """Escape the cells of a table: those of the header and the keys as names, the others so."""
    header, *lines = format_cells(t)
    width = max(len(t.keys), 1)
    body = [[*map(names, line[:width]), *map(entries, line[width:])] for line in lines]
    return [[*map(names, header)], *body]


def _as_latex_entry(cell: str) -> str:
    """Return an entry for LaTeX, bold where it is in asterisks."""
    if not cell.startswith("**"):
        return escape_latex(cell)
    _, best, rest = cell.split("**")
    return rf"\textbf{{{escape_latex(best)}}}{escape_latex(rest)}"


def format_metric(metric: str) -> str:
    """Return a metric in words: "AUROC, seen" for `auroc_seen`."""
    if metric.startswith("audit_"):
        return f"{metric.removeprefix('audit_').upper()} of the audit"
    first, _, rest = metric.partition("_")
    if first in ("auroc", "auprc"):
        return f"{first.upper()}, {rest}" if rest else first.upper()
    return metric.replace("_", " ").replace("f1", "F1")


def make_caption(t: Table, seeds: int) -> str:
    """Return the caption of a table."""
    name = format_metric(t.metric)
    printed = t.printed or any(e.published for row in t.rows.values() for e in row.values())
    beside = "; in brackets as published, and the difference" if printed else ""
    over = "one seed" if seeds == 1 else f"mean ± deviation over {seeds} seeds"
    return f"{name} in %, {over}{beside}"


def _csv(made: Sequence[Table]) -> str:
    """Return all metrics in long form, in percent; text that is a formula is escaped."""
    import csv

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    keys = made[0].keys if made else ()
    writer.writerow(
        [*keys, "detector", "metric", "mean", "std", "seeds", "published", "difference"]
    )
    for t in made:
        for key, row in t.rows.items():
            for title, entry in row.items():
                mean, std = 100 * entry.mean, 100 * entry.std
                printed = entry.published
                beside = (
                    ["", ""] if printed is None else [printed.mean, f"{mean - printed.mean:.2f}"]
                )
                numbers = [f"{mean:.2f}", "" if np.isnan(std) else f"{std:.2f}"]
                values = [*key, title, t.metric, *numbers, len(entry.per_seed), *beside]
                writer.writerow(escape_csv_row(values))
    return out.getvalue()
