"""`jaxad clean`: ask a person for a few labels of a training set, and drop its anomalies."""

from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxad.cleaning import Cleaning, CleaningOptions
from jaxad.cleaning.answers import describe_labels
from jaxad.cleaning.examples import Examples, TableExamples
from jaxad.cleaning.files import FileExamples
from jaxad.cleaning.folder import (
    QUESTIONS,
    RECORD,
    SessionRecord,
    place_names,
    read_answers,
    write_frame,
)
from jaxad.cleaning.rows import check_unlabelled
from jaxad.cleaning.sources import digest_source, list_paths, make_absolute, open_examples
from jaxad.cleaning.windows import SeriesExamples
from jaxad.cli.options import Clean
from jaxad.cli.options.common import Common, read_table_options
from jaxad.cli.outputs import check_distinct, name_ids
from jaxad.cli.settings import check_root, parse_configurations
from jaxad.data.series.sources import find_series
from jaxad.data.tables.labels import as_text
from jaxad.data.tables.reading import open_table
from jaxad.errors import ConfigError, DataError
from jaxad.report.cleaning import render_cleaning
from jaxad.utils.files import create_folder, lock_folder, replace_folder, write_atomically

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["execute"]

RESULT = "result"
_TAKEN = ("label", "reason", "probability", "verified")  # columns of the files that are written
_ALWAYS = {"data", "session", "finish", *(field.name for field in fields(Common))}


class _Named(NamedTuple):
    """The examples that are cleaned, and how they are named and shown.

    Attributes:
        examples: The rows, pictures, texts or windows.
        label: The training labels that they have.
        names: The name of each.
        by: The column of these names.
        shown: The further columns by which a person labels them.
    """

    examples: Examples
    label: np.ndarray
    names: list[str]
    by: str
    shown: "pd.DataFrame"


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
        named = _read_examples(record)
        if options.data and options.reference is None and not named.examples.exchangeable:
            record = replace(record, options=replace(record.options, reference=0.0))
        check_unlabelled(named.label, named.examples.noun, record.data)
        try:
            session = Cleaning(named.examples, named.label, record.options, record.answers)
        except DataError as error:
            raise DataError(f"{record.data}: {error}") from error
        if options.data is None:
            _take_answers(session, named, record, folder)
        record = _save(session, record, folder)
        if options.finish or not session.left:
            _finish(session, named, record, folder)
        else:
            _ask(session, named, record, folder)
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
    check_distinct("--session", folder, {"DATA": path})
    _check_apart(folder, str(path))
    if options.batch < 1:
        raise ConfigError(f"--batch must be at least 1; given {options.batch}")
    config = parse_configurations([options.detector], options.settings, None, None)[
        options.detector
    ]
    chosen = CleaningOptions(
        budget=options.budget,
        checks=options.checks,
        alpha=options.alpha,
        reference=CleaningOptions.reference if options.reference is None else options.reference,
        detector=options.detector,
        settings=config or None,
        label_noise=options.label_noise,
        seed=check_root(options.seed_root),
    )
    how, data = read_table_options(options), make_absolute(str(path))
    return SessionRecord(data, digest_source(data), how, options.batch, chosen)


def _check_apart(session: Path, source: str) -> None:
    """Raise a `ConfigError` if the session would be in a folder that is read."""
    for path in list_paths(source):
        if path.is_dir() and path.resolve() in session.resolve().parents:
            raise ConfigError(
                f"--session {session} is in the folder {path}, which is read; give another folder"
            )


def _read_examples(record: SessionRecord) -> _Named:
    import pandas as pd

    if digest_source(record.data) != record.digest:
        raise DataError(f"{record.data} has changed since the session began; begin another one")
    examples, label = open_examples(record.data, record.table)
    count = len(examples)
    names = [str(i) for i in range(count)]
    if examples.names is not None:
        names = ["" if value is None else str(value) for value in examples.names]
        twice = [name for name, number in Counter(map(str.strip, names)).items() if number > 1]
        if twice or any(as_text(name) is None for name in names):
            told = f"{twice[0]!r} is that of several rows" if twice else "some are empty"
            raise DataError(
                f"{record.data}: column {examples.by!r} must hold a different id for each row, and "
                f"{told}; leave --id out to go by row numbers"
            )
    label = np.zeros(count, np.int8) if label is None else label
    shown = examples.rows if isinstance(examples, TableExamples) else examples.about
    shown = pd.DataFrame(index=range(count)) if shown is None else shown
    by = name_ids(examples.by)
    by = "id" if by in _TAKEN else by
    return _Named(examples, label, names, by, shown)


def _take_answers(session: Cleaning, named: _Named, record: SessionRecord, folder: Path) -> None:
    """Read the answers in the folder; without any new one the questions stay as they are."""
    path, how = folder / QUESTIONS, record.table
    if not path.exists():
        return
    told = read_answers(path, named.by, place_names(named.names), how.positive, how.normal)
    labels = [(row, label) for row, label in told if label is not None]
    for row, label in labels:
        if named.label[row] and label != "?" and label != (named.label[row] < 0):
            raise DataError(
                f"{path}: {named.by} {named.names[row]} has a label in {record.data} already, and "
                "the answer is another; delete the line, or change the table and begin again"
            )
    before = {a.row: a.label for a in session.answers}
    pending = {a.row for a in session.answers if a.pending}
    session.tell(labels)
    for row, label in dict(labels).items():
        if before.get(row) not in (None, label):
            done = "is taken back" if label == "?" else "is replaced by the new one"
            print(f"{named.by} {named.names[row]}: the earlier answer {done}")
    answered = {row for row, _ in labels}
    if answered & pending:  # the file has been worked on: what it leaves empty is refused
        session.tell([(row, None) for row in pending - answered])


def _save(session: Cleaning, record: SessionRecord, folder: Path) -> SessionRecord:
    """Write the record with the answers of the session, and return it."""
    record = replace(record, answers=tuple(session.answers))
    record.save(folder)
    return record


def _ask(session: Cleaning, named: _Named, record: SessionRecord, folder: Path) -> None:
    asked = session.ask(record.batch)
    _save(session, record, folder)
    asked = asked.assign(suspicion=asked.suspicion.round(4))
    lines = _tabulate(asked, named, ("suspicion", "reason")).assign(label="")
    write_frame(lines, folder / QUESTIONS)
    noun = named.examples.noun
    number = f"1 {noun[:-1]} is" if len(asked) == 1 else f"{len(asked)} {noun} are"
    anomaly, normal = describe_labels(record.table.positive, record.table.normal)
    print(
        f"{session.spent} of {record.options.budget} answers; {number} asked for in "
        f"{folder / QUESTIONS}. Fill in its column label ({anomaly}; {normal}; ? if it cannot be "
        "told), then run jaxad clean again with --session alone"
    )


def _tabulate(frame: "pd.DataFrame", named: _Named, last: tuple[str, ...]) -> "pd.DataFrame":
    """Return rows with their name, their columns and some columns of a frame."""
    import pandas as pd

    rows = frame["row"].to_numpy()
    out = {named.by: [named.names[row] for row in rows]}
    for name in named.shown.columns:
        column = named.shown[name].iloc[rows]
        taken = name in (named.by, "label", *last)
        out[f"{name} (column)" if taken else name] = column.astype(object).where(column.notna(), "")
    out |= {name: frame[name].tolist() for name in last}
    return pd.DataFrame({name: list(values) for name, values in out.items()})


def _finish(session: Cleaning, named: _Named, record: SessionRecord, folder: Path) -> None:
    """Write the result in place of an earlier one."""
    result, out = session.result(), folder / RESULT
    dropped = result.suspects.assign(probability=result.suspects.probability.round(4))
    suspects = _tabulate(dropped, named, ("probability", "verified"))
    with (replace_folder if out.exists() else create_folder)(out) as new:
        new.mkdir(exist_ok=True)
        write_frame(suspects, new / "suspects.csv")
        _write_kept(result.kept, named, record, new / "clean.csv")
        if result.detector is not None:
            result.detector.save(new / "detector")
        page = render_cleaning(result, session, Path(record.data).name, suspects)
        with write_atomically(new / "report.html") as partial:
            partial.write_text(page, encoding="utf-8")
    for line in result.describe():
        print(line)
    if result.detector is None:
        print("no detector is trained, as those of texts need word vectors: name one by --detector")
    elif result.alarms is not None and not isinstance(named.examples, TableExamples):
        limit = result.alarms.threshold
        if limit is not None:
            print(f'score further data by this threshold: --threshold "fixed({limit:.9g})"')
    detector = "" if result.detector is None else " detector,"
    print(f"result in {out}: suspects.csv, clean.csv,{detector} report.html")


def _write_kept(kept: np.ndarray, named: _Named, record: SessionRecord, path: Path) -> None:
    """Write what is not dropped: the rows of a table or of series, or names and texts."""
    import pyarrow as pa
    from pyarrow import csv

    examples = named.examples
    if isinstance(examples, FileExamples):
        names = [name for name, keep in zip(named.names, kept, strict=True) if keep]
        texts = examples.rows.texts
        columns = {named.by: names} | ({} if texts is None else {"text": list(texts[kept])})
        write_frame(named.shown.__class__(columns), path)
        return
    source, how = find_series(record.data, record.table) or (record.data, record.table)
    whole = open_table(Path(source), how._replace(drop=())).read()
    if isinstance(examples, SeriesExamples):
        rows = examples.series.rows
        remains = np.ones(rows.points, bool)
        remains[rows.row[examples.find_dropped(~kept)]] = False
        if how.series is None or how.series.time is None:  # else a cut would not be seen
            name = "time" if "time" not in whole.column_names else "time (row)"
            whole = whole.add_column(0, name, pa.array(np.arange(rows.points)))
        kept = remains
    csv.write_csv(whole.filter(pa.array(kept)), path)
