"""Data sets of texts from memory, JSON lines files and csv files."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxad.data.arrays import as_label_column
from jaxad.data.dataset import Dataset, from_arrays
from jaxad.data.tables.labels import is_number
from jaxad.data.tables.text_stream import open_text
from jaxad.data.text.vectors import average_vectors, build_lexicon
from jaxad.data.text.vocabulary import build_vocabulary, split_words
from jaxad.errors import ConfigError, DataError, DataWarning, JaxADError
from jaxad.utils.limits import parse_json, refuse_broken
from jaxad.utils.packed import open_unpacked, read_lines

__all__ = [
    "MEAN",
    "Texts",
    "as_means",
    "from_texts",
    "holds_texts",
    "read_suffix",
    "read_text_dataset",
    "read_texts",
    "strip_suffix",
]

MEAN = "mean:"  # before a file of word vectors, a colon, and a name or path
LINES = (".jsonl", ".ndjson")
_GZIPPED = (*LINES, ".csv", ".tsv")
_PARTS = ("train", "test")


class Texts(NamedTuple):
    """The texts of a file.

    Attributes:
        text: The documents as strings.
        label: The label of each document; None if the file has no labels.
        split: "train" or "test" for each document; None if the file has no splits.
    """

    text: list[str]
    label: list[Any] | None
    split: list[str] | None


def from_texts(
    texts: Sequence[str],
    y: Any,
    *,
    name: str = "texts",
    class_names: Sequence[str] = (),
    anomaly: bool | None = None,
    texts_test: Sequence[str] | None = None,
    y_test: Any = None,
    folder: Path | None = None,
) -> Dataset:
    """Build a data set of texts, with documents as word numbers of a vocabulary.

    The vocabulary is built from all texts, including those of the test part: it reveals nothing
    about labels, and word vectors are not learned from it. The length of documents is that of the
    longest, up to 1,024 words, padded to a power of two; longer documents are truncated.

    Args:
        texts: Documents as strings; `split_words` defines their words.
        y: True classes, as in `from_arrays`.
        name: The name in results.
        class_names: Names of the classes 0, 1, ...
        anomaly: Whether y is 0 normal and 1 anomaly; see `from_arrays`.
        texts_test: Documents of a test part.
        y_test: True classes of the test part.
        folder: A folder in which files of word vectors are also searched for.

    Raises:
        DataError: A text is not a string, no text has a word, or as for `Dataset`.

    Warns:
        DataWarning: Some documents have no word.

    Example:
        >>> from_texts(["Dollar falls", "Bank buys dollars", "Goal!"], [0, 0, 1])
        Dataset('texts': 3 rows of text with 6 words, 1 anomalies)
    """
    parts = [texts] if texts_test is None else [texts, texts_test]
    for part in parts:
        for row, text in enumerate(part):
            if not isinstance(text, str):
                kind = type(text).__name__
                raise DataError(f"{name}: row {row} is {kind}; texts must be strings")
    words = [[split_words(text) for text in part] for part in parts]
    vocabulary = build_vocabulary((document for part in words for document in part), folder)
    empty = sum(not document for part in words for document in part)
    if empty:
        warnings.warn(f"{name}: {empty} documents have no words", DataWarning, stacklevel=2)
    encoded = [vocabulary.encode_words(part) for part in words]
    return from_arrays(
        encoded[0],
        y,
        name=name,
        class_names=class_names,
        anomaly=anomaly,
        x_test=None if texts_test is None else encoded[1],
        y_test=y_test,
        vocabulary=vocabulary,
    )


def read_suffix(path: Path) -> str:
    """Return a file's suffix in lower case, without the `.gz` of a gzipped text file."""
    suffix = path.suffix.lower()
    if suffix == ".gz" and Path(path.stem).suffix.lower() in _GZIPPED:
        return Path(path.stem).suffix.lower()
    return suffix


def strip_suffix(path: Path) -> str:
    """Return a file's name without its suffixes."""
    gzipped = path.suffix.lower() == ".gz" and read_suffix(path) != ".gz"
    return Path(path.stem).stem if gzipped else path.stem


def holds_texts(path: Path) -> bool:
    """Return whether a file holds texts: JSON lines, or csv with a column `text` of strings."""
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


def read_texts(path: Path, label: str | None = None) -> Texts:
    """Read the field `text` of a file, and the fields `label` and `split` if it has them.

    Args:
        path: JSON lines or csv, plain or gzipped.
        label: The name of the label field. Default: label.

    Raises:
        DataError: The file is missing or broken, or some lines lack a field; the message names it.
        ConfigError: `label` is given, and no line has this field.
    """
    with refuse_broken(f"{path}: cannot be read"):
        found = _read_frame(path) if read_suffix(path) == ".csv" else list(_read_json_lines(path))
    if not found:
        raise DataError(f"{path}: the file holds no texts")
    field = "label" if label is None else label
    if label is not None and all(label not in line for line in found):
        raise ConfigError(
            f"{path}: label={label!r} is not a field; fields are {', '.join(found[0])}"
        )
    text = _find_column(found, "text", path, needed=True) or []
    for i, value in enumerate(text):
        if not isinstance(value, str):
            raise DataError(f"{path}: text of row {i} is {type(value).__name__}, not a string")
    split = _find_column(found, "split", path)
    wrong = sorted({str(part) for part in split or ()} - set(_PARTS))
    if wrong:
        raise DataError(f"{path}: split holds {wrong[0]!r}; allowed are 'train' and 'test'")
    return Texts(text, _find_column(found, field, path), split)


def read_text_dataset(path: Path, label: str | None = None) -> Dataset:
    """Read a data set of texts; those of the split "test" are the test part.

    Raises:
        DataError: As for `read_texts`, or the file has no labels.
        ConfigError: As for `read_texts`.
    """
    texts = read_texts(path, label)
    if texts.label is None:
        raise DataError(f"{path}: has no field 'label'; name the field of labels with label=")
    _, names = as_label_column(texts.label, f"{path}: label")
    is_test = np.array([part == "test" for part in texts.split or [""] * len(texts.text)])
    parts = {}
    for test in (False, True):
        where = np.flatnonzero(is_test == test).tolist()
        parts[test] = [texts.text[i] for i in where], [texts.label[i] for i in where]
    if texts.split is not None and not parts[False][0]:
        raise DataError(f"{path}: no row has the split 'train'; mark the training rows with it")
    test_part = parts[True] if parts[True][0] else (None, None)
    if names:
        # Both parts must use the same class numbers.
        number = {name: i for i, name in enumerate(names)}
        # NumPy's strings do not end with NUL.
        as_numbers = {test: [number[str(v).rstrip("\0")] for v in parts[test][1]] for test in parts}
        test_part = (test_part[0], None if test_part[0] is None else as_numbers[True])
        parts[False] = parts[False][0], as_numbers[False]
    return from_texts(
        *parts[False],
        name=strip_suffix(path),
        class_names=names,
        texts_test=test_part[0],
        y_test=test_part[1],
        folder=path.resolve().parent,
    )


def as_means(data: Dataset, vectors: str) -> Dataset:
    """Convert a data set of texts to a table of mean word vectors, each of norm 1.

    Args:
        data: A data set of texts.
        vectors: A file of word vectors; see `find_vectors`.

    Raises:
        DataError: The data set is not of texts, or the vectors cannot be read.
        ConfigError: The file does not exist.
    """
    if data.vocabulary is None:
        raise DataError(f"{data.name} does not hold texts, which {MEAN} needs; leave {MEAN} out")
    lexicon = build_lexicon(data.vocabulary, vectors, more=0)
    x = average_vectors(data.x, lexicon)
    x_test = None if data.x_test is None else average_vectors(data.x_test, lexicon)
    return replace(data, x=x, x_test=x_test, vocabulary=None)


def _read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with open_unpacked(path) as opened:
        for number, line in enumerate(read_lines(opened), 1):
            if not line.strip():
                continue
            value = parse_json(line, f"{path}: line {number} is not JSON")
            if not isinstance(value, dict):
                raise DataError(f"{path}: line {number} must be a JSON object with fields")
            yield value


def _read_frame(path: Path) -> list[dict[str, Any]]:
    import pandas as pd

    with open_text(path) as file:
        frame = pd.read_csv(file, keep_default_na=False)
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict(orient="records")]


def _find_column(
    lines: list[dict[str, Any]], field: str, path: Path, needed: bool = False
) -> list[Any] | None:
    """Return the values of a field; None if no line has it and it is not needed.

    Raises:
        DataError: Some lines lack the field.
    """
    lacking = [i for i, line in enumerate(lines) if line.get(field) is None]
    if len(lacking) == len(lines) and not needed:
        return None
    if lacking:
        raise DataError(
            f"{path}: {len(lacking)} of {len(lines)} rows have no {field}, the first is row "
            f"{lacking[0]}"
        )
    return [line[field] for line in lines]
