"""Data sets of texts, from memory, from files and from folders."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxad.data.arrays import as_label_column
from jaxad.data.dataset import Dataset, from_arrays
from jaxad.data.tables.labels import as_text
from jaxad.data.text.coverage import warn_if_run_together, warn_if_unknown
from jaxad.data.text.lexicon import average_vectors, build_lexicon
from jaxad.data.text.reading import read_texts, strip_suffix
from jaxad.data.text.vocabulary import build_vocabulary, split_words
from jaxad.errors import DataError, DataWarning

__all__ = ["MEAN", "as_means", "from_texts", "read_text_dataset"]

MEAN = "mean:"  # before a file of word vectors, a colon, and a name or path


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
    warn_if_run_together((document for part in words for document in part), name)
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


def read_text_dataset(path: Path, label: str | None = None) -> Dataset:
    """Read a data set of texts; those of the split "test" are the test part.

    Raises:
        DataError: As for `read_texts`, or a text has no label.
        ConfigError: As for `read_texts`.
    """
    texts = read_texts(path, label)
    if texts.label is None and path.is_dir():
        raise DataError(f"{path}: has no labels; put the texts of each class into its own folder")
    if texts.label is None:
        raise DataError(f"{path}: has no field 'label'; name the field of labels with label=")
    texts = texts.drop_bad(str(path))
    assert texts.label is not None
    missing = [row for row, value in enumerate(texts.label) if as_text(value) is None]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} of {len(texts.label)} rows have no label, the first is row "
            f"{missing[0]}; a data set of classes needs a label for each text"
        )
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

    Warns:
        DataWarning: Some texts have no word with a vector; they are left out. Or few words have
            one.
    """
    if data.vocabulary is None:
        raise DataError(f"{data.name} does not hold texts, which {MEAN} needs; leave {MEAN} out")
    lexicon = build_lexicon(data.vocabulary, vectors, more=0)
    warn_if_unknown(data.x, lexicon, data.name)
    parts: dict[str, Any] = {"vocabulary": None}
    dropped = 0
    for x, y in (("x", "y"), ("x_test", "y_test")):
        documents = getattr(data, x)
        if documents is not None:
            known = lexicon.known[documents].any(axis=1)
            dropped += int(np.sum(~known))
            parts[x] = average_vectors(documents[known], lexicon)
            parts[y] = getattr(data, y)[known]
    if dropped:
        warnings.warn(
            f"{data.name}: {dropped} texts have no word with a vector and are left out",
            DataWarning,
            stacklevel=2,
        )
    return replace(data, **parts)
