"""A cleaning as a folder that remembers: its record, the questions, and the answers of a person.

The record `session.json` is replaced whole, so that a killed process leaves the one before. It
holds the answers; everything else follows from them and the table.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxad.cleaning.answers import Answer, Told, check_label
from jaxad.cleaning.options import CleaningOptions
from jaxad.data.series.options import SeriesOptions
from jaxad.data.tables.delimited import find_format
from jaxad.data.tables.labels import as_text
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.text_stream import open_text
from jaxad.errors import DataError
from jaxad.utils.escaping import escape_csv
from jaxad.utils.files import write_atomically
from jaxad.utils.limits import read_json
from jaxad.utils.text import shorten

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["QUESTIONS", "RECORD", "SessionRecord", "place_names", "read_answers", "write_frame"]

RECORD, QUESTIONS = "session.json", "ask.csv"
_FORMAT, _VERSION = "jaxad-cleaning", 1
_ZIP = b"PK\x03\x04"  # the beginning of xlsx and ods files


@dataclass(frozen=True)
class SessionRecord:
    """What a folder remembers.

    Attributes:
        data: The table, or the file or folder of other examples, with its prefix.
        digest: The digest of its content.
        table: How it is read.
        batch: The number of examples that are asked for at a time.
        options: The options of cleaning.
        answers: What was asked and answered, in order.
    """

    data: str
    digest: str
    table: TableOptions
    batch: int
    options: CleaningOptions
    answers: tuple[Answer, ...] = ()

    def save(self, folder: Path) -> None:
        """Replace the record of a folder."""
        series = self.table.series
        table = self.table._asdict() | {"series": None if series is None else series._asdict()}
        about = {
            "format": _FORMAT,
            "version": _VERSION,
            "data": self.data,
            "digest": self.digest,
            "table": table,
            "batch": self.batch,
            "options": asdict(self.options),
            "answers": [asdict(answer) for answer in self.answers],
        }
        with write_atomically(folder / RECORD) as partial:
            partial.write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "SessionRecord":
        """Read the record of a folder.

        Raises:
            DataError: There is none, or it is broken or of another version.
        """
        what = f"{str(folder)!r} is not a folder of jaxad clean"
        if not (folder / RECORD).exists():
            raise DataError(f"{what}: it has no {RECORD}; name a table to begin with")
        about = read_json(folder / RECORD, what)
        if not isinstance(about, dict) or about.get("format") != _FORMAT:
            raise DataError(f"{what}: {RECORD} has another format")
        if about.get("version") != _VERSION:
            raise DataError(
                f"{what}: {RECORD} has version {about.get('version')}; this version of jaxad reads "
                f"{_VERSION}"
            )
        try:
            kept: dict[str, Any] = about["table"]
            series = kept.get("series")
            table: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in kept.items()
            }
            table["series"] = None if series is None else SeriesOptions(**series)
            return cls(
                str(about["data"]),
                str(about["digest"]),
                TableOptions(**table),
                int(about["batch"]),
                CleaningOptions(**about["options"]),
                tuple(Answer(**answer) for answer in about["answers"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{what}: {RECORD} is broken ({error})") from error


def write_frame(frame: "pd.DataFrame", path: Path) -> None:
    """Write a table for a spreadsheet; its text is escaped, so that it holds no formulas."""
    with write_atomically(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for line in [frame.columns.tolist(), *frame.astype(object).to_numpy().tolist()]:
            writer.writerow(["" if value is None else escape_csv(value) for value in line])


def place_names(names: Sequence[str]) -> dict[str, int]:
    """Return the row of each name, as it is, as `ask.csv` has it, and as numbers are compared.

    A spreadsheet may write 007 as 7. Where that is the name of several rows, it names none.
    """
    exact = {name.strip(): row for row, name in enumerate(names)}
    escaped = {str(escape_csv(name)).strip(): row for row, name in enumerate(names)}
    alike: dict[str, int | None] = {}
    for row, name in enumerate(names):
        text = as_text(name)
        if text is not None:
            alike[text] = None if alike.get(text, row) != row else row
    clear = {text: row for text, row in alike.items() if row is not None}
    return clear | escaped | exact


def read_answers(
    path: Path,
    name: str,
    places: Mapping[str, int],
    positive: Sequence[str] = (),
    normal: Sequence[str] = (),
) -> list[tuple[int, Told]]:
    """Read the answers of a person from a csv file, as a spreadsheet may have saved it.

    Delimiter, encoding and line ends are found from the file. Other columns, their order and empty
    lines do not matter.

    Args:
        path: The file.
        name: The column that names the rows.
        places: The row of each name, from `place_names`.
        positive: Further values that mean an anomaly.
        normal: Further values that mean a normal row.

    Returns:
        Rows and what is told of them; None where the label is empty.

    Raises:
        DataError: The file cannot be read, lacks a column or has it twice, names a row that the
            table does not have or gives a row two different labels, a label has no meaning, or a
            quoted cell does not end.
    """
    with path.open("rb") as opened:
        if opened.read(4) == _ZIP:
            raise DataError(f"{path}: is a workbook and not text; save it as csv")
    form = find_format(path, TableOptions(header="yes"))
    lacking = [column for column in (name, "label") if column not in form.names]
    if lacking:
        raise DataError(
            f"{path}: has no column {lacking[0]!r} but {shorten(', '.join(form.names), 200)}; "
            f"the first line must hold the names {name} and label"
        )
    for column in (name, "label"):
        if form.names.count(column) > 1:
            raise DataError(f"{path}: has two columns {column!r}; delete one of them")
    at, label = form.names.index(name), form.names.index("label")
    found: list[tuple[int, Told]] = []
    told: dict[int, Told] = {}
    with open_text(path) as file:
        # Strict, since a quote that is never closed would swallow the answers after it.
        reader = csv.reader(file, delimiter=form.delimiter, strict=True)
        try:
            next(reader)
            for line in reader:
                if not any(cell.strip() for cell in line):
                    continue
                text = as_text(line[at]) if at < len(line) else None
                place = None if text is None else _find_place(line[at], text, places)
                if place is None:
                    raise DataError(
                        f"the table has no row whose {name} is {text or 'empty'!r}; write it as in "
                        "ask.csv, or delete the line"
                    )
                value = line[label] if label < len(line) else ""
                found.append((place, check_label(value, positive, normal)))
                if found[-1][1] is not None and told.setdefault(*found[-1]) != found[-1][1]:
                    raise DataError(
                        f"{name} {text} is answered twice, in different ways; delete one of the "
                        "lines"
                    )
        except csv.Error as error:
            raise DataError(
                f"{path}, line {reader.line_num}: a cell cannot be read ({error}); check its quotes"
            ) from error
        except DataError as error:
            raise DataError(f"{path}, line {reader.line_num}: {error}") from error
    return found


def _find_place(cell: str, text: str, places: Mapping[str, int]) -> int | None:
    """Return the row of a name as it is written, or else as its text is compared."""
    place = places.get(cell.strip())
    return places.get(text) if place is None else place
