"""`jaxad clean`: ask a person for the labels of few rows of a table, and drop its anomalies."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxad.cleaning import Cleaning, CleaningOptions
from jaxad.cleaning.folder import (
    QUESTIONS,
    RECORD,
    SessionRecord,
    digest_file,
    read_answers,
    write_frame,
)
from jaxad.cli.options import Clean
from jaxad.cli.options.common import Common, read_table_options
from jaxad.cli.outputs import check_distinct, name_ids
from jaxad.cli.settings import check_root, parse_configurations
from jaxad.data.series.sources import PREFIX as SERIES
from jaxad.data.sources.files import is_table
from jaxad.data.sources.sequences import PREFIX
from jaxad.data.tables.labels import as_text
from jaxad.data.tables.reading import open_table
from jaxad.data.tables.rows import read_rows
from jaxad.errors import ConfigError, DataError
from jaxad.report.cleaning import render_cleaning
from jaxad.utils.escaping import escape_csv
from jaxad.utils.files import create_folder, lock_folder, replace_folder, write_atomically

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["execute"]

RESULT = "result"
_TAKEN = ("label", "reason", "probability", "verified")  # columns of the files that are written
_ALWAYS = {"data", "session", "finish", *(field.name for field in fields(Common))}


class _Table(NamedTuple):
    """The table that is cleaned.

    Attributes:
        features: The feature columns.
        label: The training labels that it has.
        names: The name of each row.
        by: The column of these names.
    """

    features: "pd.DataFrame"
    label: np.ndarray
    names: list[str]
    by: str


def execute(options: Clean) -> int:
    """Begin a session or go on with one: read answers, then ask or write the result.

    Returns:
        The exit code, 0.
    """
    folder = options.session.absolute()
    if options.data is None:
        _refuse_options(options)
        SessionRecord.load(folder)  # before a folder is made for the lock
    with lock_folder(folder, "jaxad clean", "give another folder"):
        record = _begin(options, folder) if options.data else SessionRecord.load(folder)
        table = _read_table(record)
        session = Cleaning(table.features, table.label, record.options, record.answers)
        if options.data is None:
            _take_answers(session, table, record, folder)
        record = _save(session, record, folder)
        if options.finish or not session.left:
            _finish(session, table, record, folder)
        else:
            _ask(session, table, record, folder)
    return 0


def _refuse_options(options: Clean) -> None:
    """Raise for an option that only the beginning of a session takes."""
    for field in fields(Clean):
        if field.name not in _ALWAYS and getattr(options, field.name) != field.default:
            name = "set" if field.name == "settings" else field.name.replace("_", "-")
            raise ConfigError(f"--{name} is fixed when a session begins; leave it out to go on")


def _begin(options: Clean, folder: Path) -> SessionRecord:
    """Return the record of a new session."""
    path = options.data
    assert path is not None
    if (folder / RECORD).exists():
        raise ConfigError(
            f"--session {options.session} holds a session already: leave {path} out to go on with "
            "it, or give another folder"
        )
    if str(path).startswith(PREFIX) or not is_table(path):
        raise ConfigError(f"{path} must be a table: csv, parquet or feather")
    if str(path).startswith(SERIES):
        raise ConfigError(
            f"{path} must be a table; windows of series are not cleaned: rank them by `jaxad audit`"
        )
    check_distinct("--session", folder, {"DATA": path})
    if options.batch < 1:
        raise ConfigError(f"--batch must be at least 1; given {options.batch}")
    config = parse_configurations([options.detector], options.settings, None, None)[
        options.detector
    ]
    chosen = CleaningOptions(
        budget=options.budget,
        checks=options.checks,
        alpha=options.alpha,
        reference=options.reference,
        detector=options.detector,
        settings=config or None,
        label_noise=options.label_noise,
        seed=check_root(options.seed_root),
    )
    table = read_table_options(options)
    return SessionRecord(str(path.absolute()), digest_file(path), table, options.batch, chosen)


def _read_table(record: SessionRecord) -> _Table:
    path = Path(record.data)
    if digest_file(path) != record.digest:
        raise DataError(f"{path} has changed since the session began; begin another one")
    rows = read_rows(path, record.table)
    label = rows.read_labels(record.table)
    count = rows.features.num_rows
    names = [str(i) for i in range(count)]
    if rows.ids is not None:
        names = ["" if value is None else str(value) for value in rows.ids.to_pylist()]
        texts = {as_text(name) for name in names}
        if None in texts or len(texts) < count:
            raise DataError(
                f"{path}: column {rows.roles.id!r} must hold a different id for each row; leave "
                "--id out to go by row numbers"
            )
    label = np.zeros(count, np.int8) if label is None else label
    by = name_ids(rows.roles.id)
    by = "id" if by in _TAKEN else by
    return _Table(rows.features.to_pandas(), label, names, by)


def _take_answers(session: Cleaning, table: _Table, record: SessionRecord, folder: Path) -> None:
    """Read the answers in the folder; without any new one the questions stay as they are."""
    path, how = folder / QUESTIONS, record.table
    if not path.exists():
        return
    places = {escape_csv(as_text(name)): row for row, name in enumerate(table.names)}
    places |= {as_text(name): row for row, name in enumerate(table.names)}
    told = read_answers(path, table.by, places, how.positive, how.normal)
    labels = [(row, label) for row, label in told if label is not None]
    before = {a.row: a.label for a in session.answers}
    pending = {a.row for a in session.answers if a.pending}
    session.tell(labels)
    for row, label in dict(labels).items():
        if before.get(row) not in (None, label):
            print(f"{table.by} {table.names[row]}: the new answer replaces the earlier one")
    answered = {row for row, _ in labels}
    if answered & pending:  # the file has been worked on: what it leaves empty is refused
        session.tell([(row, None) for row in pending - answered])


def _save(session: Cleaning, record: SessionRecord, folder: Path) -> SessionRecord:
    """Write the record with the answers of the session, and return it."""
    record = replace(record, answers=tuple(session.answers))
    record.save(folder)
    return record


def _ask(session: Cleaning, table: _Table, record: SessionRecord, folder: Path) -> None:
    asked = session.ask(record.batch)
    _save(session, record, folder)
    asked = asked.assign(suspicion=asked.suspicion.round(4))
    lines = _tabulate(asked, table, ("suspicion", "reason")).assign(label="")
    write_frame(lines, folder / QUESTIONS)
    number = "1 row is" if len(asked) == 1 else f"{len(asked)} rows are"
    print(
        f"{session.spent} of {record.options.budget} answers; {number} asked for in "
        f"{folder / QUESTIONS}. Fill in its column label (1 anomaly, 0 normal), then run jaxad "
        "clean again with --session alone"
    )


def _tabulate(frame: "pd.DataFrame", table: _Table, last: tuple[str, ...]) -> "pd.DataFrame":
    """Return rows with their name, their columns and some columns of a frame."""
    import pandas as pd

    rows = frame["row"].to_numpy()
    out = {table.by: [table.names[row] for row in rows]}
    for name in table.features.columns:
        column = table.features[name].iloc[rows]
        taken = name in (table.by, "label", *last)
        out[f"{name} (column)" if taken else name] = column.astype(object).where(column.notna(), "")
    out |= {name: frame[name].tolist() for name in last}
    return pd.DataFrame({name: list(values) for name, values in out.items()})


def _finish(session: Cleaning, table: _Table, record: SessionRecord, folder: Path) -> None:
    """Write the result in place of an earlier one."""
    from pyarrow import csv

    result, out = session.result(), folder / RESULT
    dropped = result.suspects.assign(probability=result.suspects.probability.round(4))
    suspects = _tabulate(dropped, table, ("probability", "verified"))
    whole = open_table(Path(record.data), record.table._replace(drop=())).read()
    with (replace_folder if out.exists() else create_folder)(out) as new:
        new.mkdir(exist_ok=True)
        write_frame(suspects, new / "suspects.csv")
        csv.write_csv(whole.filter(result.kept), new / "clean.csv")
        result.detector.save(new / "detector")
        page = render_cleaning(result, session, Path(record.data).name, suspects)
        with write_atomically(new / "report.html") as partial:
            partial.write_text(page, encoding="utf-8")
    for line in result.describe():
        print(line)
    print(f"result in {out}: suspects.csv, clean.csv, detector, report.html")
