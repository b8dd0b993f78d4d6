"""`jaxad recommend`: a detector to try first, with reasons."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from jaxad.cli.options import Recommend
from jaxad.cli.options.common import read_table_options
from jaxad.data import Dataset, load_dataset
from jaxad.data.images.layouts import is_image_source, parse_source
from jaxad.data.protocol.labelled_rows import LabelledRows, read_labelled_rows
from jaxad.data.series.sources import find_series
from jaxad.data.series.training import read_training_series
from jaxad.data.sources.features import check_measured
from jaxad.data.tables.options import TableOptions
from jaxad.data.text.folders import holds_text_files
from jaxad.errors import ConfigError
from jaxad.recommendation import (
    DataSource,
    Measurement,
    Recommendation,
    label_detector,
    read_measurements,
    recommend,
    suggest_commands,
)
from jaxad.recommendation.evidence import format_settings, simplify_name
from jaxad.recommendation.rules import RankedDetector

__all__ = ["execute"]

WIDTH = 120
TRAINED = 0.6  # the share of a data set without a test part that `jaxad run` trains on
OTHERS = 5  # how many detectors are shown beside the recommended one


def execute(options: Recommend) -> int:
    """Print a recommendation, the commands to run next and the results behind it.

    Returns:
        The exit code, 0.
    """
    has, is_file = _given(options) if options.data is None else _read(options)
    found = recommend(
        **has,
        measured=_of_others(options.data),
        contamination=options.contamination,
        want=options.want,
        exposure=options.exposure is not None,
    )
    source = DataSource(
        data=options.data,
        is_file=is_file,
        data_dir=None if options.data_dir is None else str(options.data_dir),
        table=read_table_options(options),
        exposure=options.exposure,
    )
    todo = suggest_commands(found, source)
    if options.json:
        print(json.dumps(_as_json(found, todo)))
    else:
        _print(found, todo)
    return 0


def _of_others(data: str | None) -> list[Measurement]:
    """Return the results on other data: those on the data itself take no part in the choice."""
    own = None if data is None else simplify_name(data).lower()
    return [one for one in read_measurements() if one.dataset.lower() != own]


def _given(options: Recommend) -> tuple[dict[str, Any], bool]:
    """Return the situation as the options describe it, without data."""
    for name, value in (*_list_table_options(options), ("data-dir", options.data_dir)):
        if value:
            raise ConfigError(f"--{name} is about a file or data set: name it")
    return {
        "kind": options.type or "table",
        "rows": options.rows,
        "columns": options.columns,
        "labelled_anomalies": options.labelled_anomalies or 0,
        "labelled_normals": options.labelled_normals or 0,
    }, True


def _read(options: Recommend) -> tuple[dict[str, Any], bool]:
    """Read the situation from the data, and return whether that is a file to train on.

    Raises:
        ConfigError: An option says what is read from the data.
    """
    name = str(options.data)
    path = Path(name.split(":")[-1])
    is_file = path.is_file() or _is_folder(name) or holds_text_files(path)
    for option in ("type", "rows", "columns"):
        _refuse(options, option, f"is read from {name}")
    if is_file:
        for option in ("labelled_anomalies", "labelled_normals"):
            _refuse(options, option, f"is read from {name}, with --label and --positive")
        series = find_series(name, read_table_options(options))
        if series is not None:
            train = read_training_series(*series).train
            label, has = train.label, {"kind": "series", "rows": len(train.label)}
        else:
            rows = read_labelled_rows(name, read_table_options(options))
            label = np.zeros(len(rows.x)) if rows.label is None else rows.label
            has = _of_examples(rows, name, len(rows.x))
        anomalies, normals = int(np.sum(label == -1)), int(np.sum(label == 1))
    else:
        for option, value in _list_table_options(options):
            if value:
                shown = "time, --group, --window or --stride" if option == "series" else option
                raise ConfigError(
                    f"--{shown} is for files to train on, and {name} is not an existing file"
                )
        data = load_dataset(name, data_dir=options.data_dir)
        anomalies, normals = options.labelled_anomalies or 0, options.labelled_normals or 0
        trained = 1.0 if data.x_test is not None else TRAINED
        has = _of_examples(data, name, round(trained * len(data.x)))
    return has | {"labelled_anomalies": anomalies, "labelled_normals": normals}, is_file


def _is_folder(name: str) -> bool:
    """Return whether a name is the path of a folder of pictures."""
    return is_image_source(name) and Path(parse_source(name).path).is_dir()


def _list_table_options(options: Recommend) -> list[tuple[str, Any]]:
    """Return the options of tables that were given, by name."""
    given, plain = read_table_options(options), TableOptions()
    return [(n, v) for n, v in given._asdict().items() if v != getattr(plain, n)]


def _refuse(options: Recommend, option: str, why: str) -> None:
    if getattr(options, option) is not None:
        raise ConfigError(f"--{option.replace('_', '-')} {why}; leave it out")


def _of_examples(data: Dataset | LabelledRows, name: str, rows: int) -> dict[str, Any]:
    """Return the kind of the examples, their number, and the columns of a table."""
    check_measured(name, data.x)
    shape = data.x.shape[1:]
    if data.vocabulary is not None or name.startswith("mean:"):
        return {"kind": "text", "rows": rows}
    if len(shape) == 1 and name.startswith(("embeddings:", "features:")):
        return {"kind": "features", "rows": rows, "columns": shape[0]}
    if len(shape) == 1:
        return {"kind": "table", "rows": rows, "columns": shape[0]}
    return {"kind": "sequence" if len(shape) == 2 else "image", "rows": rows}


def _as_json(found: Recommendation, todo: list[list[str]]) -> dict[str, Any]:
    """Return the recommendation as JSON can hold it, with everything that the text has."""
    compared = ("detector", "settings", "auroc", "auprc", "rank")
    return {
        "situation": asdict(found.situation),
        "detector": found.detector,
        "config": found.config,
        "reasons": found.reasons,
        "commands": todo,
        "compared": [{name: getattr(one, name) for name in compared} for one in found.ranked],
        "evidence": [asdict(one) | {"command": one.command} for one in found.evidence],
    }


def _print(found: Recommendation, todo: list[list[str]]) -> None:
    """Print the recommendation."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    tables = Console(highlight=False, markup=False)
    if not tables.is_terminal:
        tables.width = max(tables.width, WIDTH)
    settings = format_settings(found.config)
    console.print(f"{found.detector}{f' with {settings}' if settings else ''}\n")
    for reason in found.reasons:
        console.print(f"- {reason}")
    console.print("\nNext:")
    for command in todo:
        console.print(f"  {shlex.join(command)}")
    if found.ranked:
        console.print()
        tables.print(_compared(found))
        tables.print(_evidence(found))
        console.print("Measured by")
        for command in sorted({one.command for one in found.evidence}):
            console.print(f"  {command}")


def _compared(found: Recommendation) -> Table:
    table = _table("Detectors by these results", "", "AUROC", "average precision (AP)", "mean rank")
    for one in found.ranked[: OTHERS + 1]:
        table.add_row(
            label_detector(one), _percent(one.auroc), _percent(one.auprc), f"{one.rank:.1f}"
        )
    return table


def _evidence(found: Recommendation) -> Table:
    """Return the results of the recommended detector, each beside the best one for its data."""
    names = ("data set", "rows", "columns", "labelled", "hidden", "AUROC", "AP")
    table = _table(f"Results of {found.detector}", *names, "best AUROC of all")
    best = find_best(found.ranked)
    for one in found.evidence:
        task = one.dataset if one.normal_class == "normal" else f"{one.dataset}, {one.normal_class}"
        most = best[(*one.task, one.hidden)]
        table.add_row(
            task,
            str(one.rows),
            str(one.columns or "-"),
            str(one.labelled),
            f"{100 * one.hidden:.0f} %",
            _percent(one.auroc),
            _percent(one.auprc),
            f"{_percent(most.auroc)} {most.detector}",
        )
    return table


def find_best(ranked: Sequence[RankedDetector]) -> dict[tuple[str, str, float], Measurement]:
    """Return the best result in hindsight for each task and share of hidden anomalies."""
    best: dict[tuple[str, str, float], Measurement] = {}
    for one in (one for other in ranked for one in other.measured):
        cell = (*one.task, one.hidden)
        if cell not in best or one.auroc > best[cell].auroc:
            best[cell] = one
    return best


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    for i, column in enumerate(columns):
        right = i > 0 and "best" not in column
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    return table


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
