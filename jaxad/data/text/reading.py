"""Reading of texts from JSON lines, csv files and folders of text files."""

from io import StringIO
from pathlib import Path
from typing import Any

from jaxad.data.tables.labels import is_number
from jaxad.data.text.encodings import decode_text
from jaxad.data.text.folders import holds_text_files, read_text_folder
from jaxad.data.text.texts import Texts
from jaxad.errors import ConfigError, DataError, JaxADError
from jaxad.utils.limits import parse_json, refuse_broken
from jaxad.utils.packed import open_unpacked

__all__ = ["LINES", "holds_texts", "read_suffix", "read_texts", "strip_suffix"]

LINES = (".jsonl", ".ndjson")
_GZIPPED = (*LINES, ".csv", ".tsv")
_PARTS = ("train", "test")


def read_suffix(path: Path) -> str:
    """Return a file's suffix in lower case, without the `.gz` of a gzipped text file."""
    suffix = path.suffix.lower()
    if suffix == ".gz" and Path(path.stem).suffix.lower() in _GZIPPED:
        return Path(path.stem).suffix.lower()
    return suffix


def strip_suffix(path: Path) -> str:
    """Return a file's name without its suffixes; that of a folder as it is."""
    if path.is_dir():
        return path.name
    gzipped = path.suffix.lower() == ".gz" and read_suffix(path) != ".gz"
    return Path(path.stem).stem if gzipped else path.stem


def holds_texts(path: Path) -> bool:
    """Return whether texts are read: JSON lines, csv with a column `text`, or .txt in a folder."""
    if path.is_dir():
        return holds_text_files(path)
    if read_suffix(path) in LINES:
        return True
    if read_suffix(path) != ".csv" or not path.is_file():
        return False
    from jaxad.data.tables.reading import open_table

    try:
        opened = open_table(path)
        if "text" not in opened.names:
            return False
        first = next(opened.pieces(20, ["text"])).table.column("text").to_pylist()
    except (JaxADError, StopIteration):
        return False  # the reader of tables then reports the error
    return not all(value is None or is_number(value) for value in first)


def read_texts(
    path: Path, label: str | None = None, id: str | None = None, lenient: bool = False
) -> Texts:
    """Read the field `text` of a file, and the fields `label` and `split` if it has them.

    The label of a line without one is None.

    Args:
        path: JSON lines or csv, plain or gzipped; or a folder of .txt files, as `read_text_folder`
            reads it. Their encoding is found as `decode_text` says.
        label: The name of the label field. Default: label.
        id: The name of the field that names the texts.
        lenient: Whether a line of JSON lines that is broken or has no text makes one bad document;
            else it is an error.

    Raises:
        DataError: The file is missing or broken, or some lines lack a field; the message names it.
        ConfigError: `label` or `id` is given, and no line has this field.
    """
    if path.is_dir():
        if id is not None:
            raise ConfigError(f"id={id!r} is for files with fields; {path} has names of files")
        return read_text_folder(path, label)
    lines, bad = _read_lines(path, lenient)
    if not lines:
        raise DataError(f"{path}: the file holds no texts")
    for name, value in (("label", label), ("id", id)):
        if value is not None and all(value not in line for line in lines):
            raise ConfigError(
                f"{path}: {name}={value!r} is not a field; fields are {', '.join(lines[0])}"
            )
    for row, line in enumerate(lines if lenient else ()):
        if not isinstance(line.get("text"), str):
            bad.setdefault(row, "has no field 'text' with a string")
    good = {row: line for row, line in enumerate(lines) if row not in bad}
    if not good:
        raise DataError(f"{path}: row 0: {bad[0]}; none of {len(lines)} rows can be read")

    def find(field: str, needed: bool = False) -> list[Any] | None:
        values = _find_column(good, field, path, needed)
        return None if values is None else [values.get(row) for row in range(len(lines))]

    text = ["" if value is None else value for value in find("text", needed=True) or ()]
    for row, value in enumerate(text):
        if not isinstance(value, str):
            raise DataError(f"{path}: text of row {row} is {type(value).__name__}, not a string")
    split = find("split")
    wrong = sorted({str(part) for part in split or ()} - {*_PARTS, "None"})
    if wrong:
        raise DataError(f"{path}: split holds {wrong[0]!r}; allowed are 'train' and 'test'")
    ids = None if id is None else ["" if v is None else str(v) for v in find(id, needed=True) or ()]
    labels = [line.get("label" if label is None else label) for line in lines]
    known = any(value is not None for value in labels)
    return Texts(text, labels if known else None, split, ids, id, bad)


def _read_lines(path: Path, lenient: bool) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """Return the fields of each row of a file, and why a row cannot be read, by its number."""
    with refuse_broken(f"{path}: cannot be read"):
        with open_unpacked(path) as opened:
            content = opened.read()
        try:
            text = decode_text(content)
        except ValueError as error:
            raise DataError(f"{path}: {error}") from error
        del content
        if read_suffix(path) == ".csv":
            return _parse_frame(text), {}
        return _parse_json_lines(text, path, lenient)


def _parse_json_lines(
    text: str, path: Path, lenient: bool
) -> tuple[list[dict[str, Any]], dict[int, str]]:
    lines: list[dict[str, Any]] = []
    bad: dict[int, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = parse_json(line, f"{path}: line {number} is not JSON")
            if not isinstance(value, dict):
                raise DataError(f"{path}: line {number} must be a JSON object with fields")
        except DataError as error:
            if not lenient:
                raise
            bad[len(lines)], value = str(error).removeprefix(f"{path}: "), {}
        lines.append(value)
    return lines, bad


def _parse_frame(text: str) -> list[dict[str, Any]]:
    import pandas as pd

    frame = pd.read_csv(StringIO(text, newline=""), keep_default_na=False)
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict(orient="records")]


def _find_column(
    lines: dict[int, dict[str, Any]], field: str, path: Path, needed: bool = False
) -> dict[int, Any] | None:
    """Return the values of a field by row; None if no line has it and it is not needed.

    Raises:
        DataError: Some lines lack the field.
    """
    lacking = [row for row, line in lines.items() if line.get(field) is None]
    if len(lacking) == len(lines) and not needed:
        return None
    if lacking:
        raise DataError(
            f"{path}: {len(lacking)} of {len(lines)} rows have no {field}, the first is row "
            f"{lacking[0]}"
        )
    return {row: line[field] for row, line in lines.items()}
