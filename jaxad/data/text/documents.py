"""Texts as data sets: in memory, in files of JSON lines, and in csv files."""

import gzip
import json
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxad.data.arrays import as_label_column
from jaxad.data.dataset import Dataset, from_arrays
from jaxad.data.text.vectors import average_vectors, build_lexicon
from jaxad.data.text.vocabulary import build_vocabulary, split_words
from jaxad.errors import ConfigError, DataError, DataWarning

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

MEAN = "mean:"  # in front of a file of word vectors, a colon, and a name or path
LINES = (".jsonl", ".ndjson")
_GZIPPED = (*LINES, ".csv")
_PARTS = ("train", "test")


class Texts(NamedTuple):
    """The texts of a file.

    Attributes:
        text: Documents as they were written.
        label: The label of each, or None where the file has none.
        split: "train" or "test" for each, or None.
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
    """A data set of texts: documents as numbers of words, and the vocabulary that numbers them.

    The vocabulary is that of all texts, the test part's too: which words there are says nothing
    of labels, and what a word means comes from elsewhere. Documents are as long as the longest,
    up to 1,024 words; what is longer is cut.

    Args:
        texts: Documents as they were written; see `split_words` for what counts as a word.
        y: Their true classes, as in `from_arrays`.
        name: What to call it in results.
        class_names: Names of the classes 0, 1, ...
        anomaly: Whether y is 0 normal and 1 anomaly; see `from_arrays`.
        texts_test: Documents of a test part.
        y_test: Their classes.
        folder: Where files of word vectors may be, too.

    Raises:
        DataError: A text is no string, there is no word at all, or as `Dataset`.

    Example:
        >>> from_texts(["Dollar falls", "Bank buys dollars", "Goal!"], [0, 0, 1])
        Dataset('texts': 3 rows of text with 6 words, 1 anomalies)
    """
    parts = [texts] if texts_test is None else [texts, texts_test]
    for part in parts:
        for row, text in enumerate(part):
            if not isinstance(text, str):
                raise DataError(f"{name}: row {row} is {type(text).__name__}; texts are strings")
    words = [[split_words(text) for text in part] for part in parts]
    vocabulary = build_vocabulary((document for part in words for document in part), folder)
    empty = sum(not document for part in words for document in part)
    if empty:
        warnings.warn(f"{name}: {empty} documents have no word", DataWarning, stacklevel=2)
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
    """A file's suffix in lower case, without the `.gz` of a gzipped text file."""
    suffix = path.suffix.lower()
    if suffix == ".gz" and Path(path.stem).suffix.lower() in _GZIPPED:
        return Path(path.stem).suffix.lower()
    return suffix


def strip_suffix(path: Path) -> str:
    """A file's name without its suffixes."""
    gzipped = path.suffix.lower() == ".gz" and read_suffix(path) != ".gz"
    return Path(path.stem).stem if gzipped else path.stem


def holds_texts(path: Path) -> bool:
    """Whether a file holds texts: JSON lines, or a csv file with a column `text` of words."""
    if read_suffix(path) in LINES:
        return True
    if read_suffix(path) != ".csv" or not path.is_file():
        return False
    import pandas as pd

    try:
        first = pd.read_csv(path, nrows=20, encoding_errors="replace")
    except (ValueError, OSError, EOFError, zlib.error):
        return False  # who reads the table says what is wrong
    return "text" in first.columns and not pd.api.types.is_numeric_dtype(first["text"])


def read_texts(path: Path, label: str | None = None) -> Texts:
    """Read the fields `text`, `label` and `split` of a file, the last two if they are there.

    Args:
        path: JSON lines or csv, plain or gzipped.
        label: The field of labels, if it has another name.

    Raises:
        DataError: The file is missing or broken, or a line lacks a field; the message says which.
        ConfigError: No line has a field named by `label`.
    """
    try:
        found = _read_frame(path) if read_suffix(path) == ".csv" else list(_read_json_lines(path))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    if not found:
        raise DataError(f"{path}: holds no texts")
    field = "label" if label is None else label
    if label is not None and all(label not in line for line in found):
        raise ConfigError(f"{path}: no field {label!r}; fields are {', '.join(found[0])}")
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
    """The data set of a file of texts, its test part those of the split "test".

    Raises:
        DataError: As `read_texts`, or there are no labels.
    """
    texts = read_texts(path, label)
    if texts.label is None:
        raise DataError(f"{path}: has no field label; name it with label=")
    _, names = as_label_column(texts.label, f"{path}: label")
    is_test = np.array([part == "test" for part in texts.split or [""] * len(texts.text)])
    parts = {}
    for test in (False, True):
        where = np.flatnonzero(is_test == test).tolist()
        parts[test] = [texts.text[i] for i in where], [texts.label[i] for i in where]
    if texts.split is not None and not parts[False][0]:
        raise DataError(f"{path}: no row is of the split 'train'")
    test_part = parts[True] if parts[True][0] else (None, None)
    if names:
        # Numbers of both parts must be those of one list of names.
        number = {name: i for i, name in enumerate(names)}
        as_numbers = {test: [number[str(v)] for v in parts[test][1]] for test in parts}
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
    """The same data as a table: the mean word vector of each document, of norm 1.

    Args:
        data: A data set of texts.
        vectors: A file of word vectors; see `find_vectors`.

    Raises:
        DataError: The data is no text, or the vectors cannot be read.
        ConfigError: There is no such file.
    """
    if data.vocabulary is None:
        raise DataError(f"{data.name} is no text: only texts have mean word vectors")
    lexicon = build_lexicon(data.vocabulary, vectors, more=0)
    x = average_vectors(data.x, lexicon)
    x_test = None if data.x_test is None else average_vectors(data.x_test, lexicon)
    return replace(data, x=x, x_test=x_test, vocabulary=None)


def _read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    gzipped = path.suffix.lower() == ".gz"
    with gzip.open(path) if gzipped else path.open("rb") as opened:
        for number, line in enumerate(opened, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}: line {number} is no JSON ({error})") from error
            if not isinstance(value, dict):
                raise DataError(f"{path}: line {number} is no JSON object with fields")
            yield value


def _read_frame(path: Path) -> list[dict[str, Any]]:
    import pandas as pd

    frame = pd.read_csv(path, keep_default_na=False)
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict(orient="records")]


def _find_column(
    lines: list[dict[str, Any]], field: str, path: Path, needed: bool = False
) -> list[Any] | None:
    """The values of a field, or None where no line has it."""
    lacking = [i for i, line in enumerate(lines) if line.get(field) is None]
    if len(lacking) == len(lines) and not needed:
        return None
    if lacking:
        raise DataError(
            f"{path}: {len(lacking)} of {len(lines)} rows have no {field}, the first is row "
            f"{lacking[0]}"
        )
    return [line[field] for line in lines]
