"""Examples to clean from a file or folder, whatever it holds."""

import hashlib
from pathlib import Path

import numpy as np
from jaxtyping import Int8

from jaxad.cleaning.examples import Examples, TableExamples
from jaxad.cleaning.files import FileExamples
from jaxad.cleaning.windows import SeriesExamples
from jaxad.data.protocol.labelled_rows import read_labelled_rows
from jaxad.data.series.sources import find_series
from jaxad.data.series.training import read_training_series
from jaxad.data.sources.files import is_table
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.rows import read_rows
from jaxad.errors import DataError

__all__ = ["digest_source", "list_paths", "make_absolute", "open_examples"]


def open_examples(
    source: str | Path, options: TableOptions | None = None
) -> tuple[Examples, Int8[np.ndarray, "n"] | None]:
    """Read the examples of a file or folder, and their labels.

    Args:
        source: A table, texts, pictures, vectors or sequences, as `load_training_file` takes them;
            or a table of series, by the prefix `series:` or by `options.series`.
        options: How it is read.

    Returns:
        The examples, and their training labels; None without labels.

    Raises:
        DataError: It cannot be read.
        ConfigError: An option is wrong.
    """
    options, name = options or TableOptions(), str(source)
    series = find_series(name, options)
    if series is not None:
        found = SeriesExamples(read_training_series(*series), str(series[0]))
        return found, found.label
    if is_table(name) and not name.startswith("sequence:"):
        rows = read_rows(name, options)
        ids = None if rows.ids is None else np.array(rows.ids.to_pylist(), object)
        examples = TableExamples(rows.features.to_pandas(), ids, rows.roles.id)
        return examples, rows.read_labels(options)
    rows = read_labelled_rows(name, options)
    return FileExamples(rows, name), rows.label


def list_paths(source: str) -> list[Path]:
    """Return the files and folders that a source names, such as two for `embeddings:A:B`."""
    if Path(source).exists():
        return [Path(source)]
    paths = [Path(part) for part in source.split(":")[1:]]
    return [path for path in paths if path.exists()]


def make_absolute(source: str) -> str:
    """Return a source with absolute paths, so that it can be read from any folder."""
    if ":" not in source or Path(source).exists():
        return str(Path(source).absolute())
    head, *parts = source.split(":")
    return ":".join([head, *(str(p.absolute()) if (p := Path(s)).exists() else s for s in parts)])


def digest_source(source: str) -> str:
    """Return the digest of the content of a file or folder.

    Raises:
        DataError: It cannot be read, or does not exist.
    """
    paths = list_paths(source)
    if not paths:
        raise DataError(f"{source}: cannot be read (No such file or directory)")
    if len(paths) == 1 and paths[0].is_file():
        return _digest_file(paths[0])
    found = hashlib.sha256()
    for path in paths:
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            name = file.relative_to(path) if path.is_dir() else file.name
            found.update(f"{name}\0{_digest_file(file)}\n".encode(errors="surrogateescape"))
    return found.hexdigest()


def _digest_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
