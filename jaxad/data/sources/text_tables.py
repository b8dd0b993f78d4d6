"""Texts of a file or folder as rows: numbers of words, or mean word vectors."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxad.data.arrays import as_label_column
from jaxad.data.sources.loaded import Table
from jaxad.data.tables.labels import as_text
from jaxad.data.text.coverage import warn_if_few, warn_if_run_together
from jaxad.data.text.documents import MEAN
from jaxad.data.text.lexicon import Lexicon, average_vectors, build_lexicon
from jaxad.data.text.reading import holds_texts, read_texts
from jaxad.data.text.texts import Texts
from jaxad.data.text.vocabulary import Vocabulary, build_vocabulary, split_words
from jaxad.errors import ConfigError, DataError

__all__ = ["load_means", "load_texts", "number_labels", "split_mean"]


def load_texts(
    path: Path,
    label: str | None = None,
    id: str | None = None,
    *,
    vocabulary: Vocabulary | None = None,
    lexicon: Lexicon | None = None,
) -> Table:
    """Read texts as rows of word numbers.

    Args:
        path: A file or folder as `read_texts` takes it.
        label: The field of labels.
        id: The field that names the texts.
        vocabulary: The words by which texts are encoded. Default: those of the texts.
        lexicon: The words that a detector knows, in place of `vocabulary`. Lines that cannot be
            read are then bad rows, and not an error.

    Returns:
        The rows. Those without a word, or without a word of which the lexicon has a vector, are
        bad.

    Raises:
        DataError: As for `read_texts`, or no text has a word.
        ConfigError: As for `read_texts`.

    Warns:
        DataWarning: Words run together, or few have a vector.
    """
    texts = read_texts(path, label, id, lenient=lexicon is not None)
    words = [split_words(text) for text in texts.text]
    warn_if_run_together(words, str(path))
    if lexicon is not None:
        vocabulary = lexicon.vocabulary
    vocabulary = vocabulary or build_vocabulary(words, path.resolve().parent)
    x, bad = vocabulary.encode_words(words), dict(texts.bad)
    for row, document in enumerate(words):
        if not document:
            bad.setdefault(row, "has no words")
    if lexicon is not None:
        known = lexicon.known[x]
        count = sum(min(len(document), vocabulary.length) for document in words)
        warn_if_few(int(known.sum()), count, str(path))
        for row in np.flatnonzero(~known.any(axis=1)).tolist():
            bad.setdefault(row, f"none of its {len(words[row])} words has a vector")
    y, names = number_labels(texts, str(path))
    return Table(
        x,
        y,
        class_names=names,
        vocabulary=vocabulary,
        ids=None if texts.ids is None else np.array(texts.ids, object),
        id=texts.id,
        bad=bad,
        texts=np.array(texts.text, object),
    )


def load_means(
    source: str, label: str | None = None, id: str | None = None, lenient: bool = False
) -> Table:
    """Read the texts of `mean:VECTORS:NAME` as rows of mean word vectors.

    Args:
        source: The source.
        label: The field of labels.
        id: The field that names the texts.
        lenient: Whether lines that cannot be read are bad rows, and not an error.

    Raises:
        DataError: There are no texts, or the word vectors cannot be read.
        ConfigError: The source is malformed, or there is no such file of word vectors.
    """
    vectors, name = split_mean(source)
    path = Path(name)
    if not holds_texts(path):
        raise DataError(f"{name} does not hold texts, which {MEAN} needs; leave {MEAN} out")
    texts = read_texts(path, label, id, lenient=lenient)
    words = (split_words(text) for text in texts.text)
    lexicon = build_lexicon(build_vocabulary(words, path.resolve().parent), vectors, more=0)
    table = load_texts(path, label, id, lexicon=lexicon)
    return table._replace(x=average_vectors(table.x, lexicon), vocabulary=None)


def split_mean(source: str) -> tuple[str, str]:
    """Split `mean:VECTORS:NAME` into the file of word vectors and the name of the data set.

    Raises:
        ConfigError: One of the two is missing.
    """
    vectors, colon, name = source.removeprefix(MEAN).partition(":")
    if not (vectors and colon and name):
        raise ConfigError(
            f"{source!r} must have the form mean:VECTORS:NAME, with a file of word vectors and a "
            "data set of texts"
        )
    return vectors, name


def number_labels(texts: Texts, what: str) -> tuple[Any, tuple[str, ...]]:
    """Return `(n,)` class numbers of texts and the names of classes; None without labels.

    Texts that cannot be read get the number 0. If some have no label, all labels are names, and
    that of a missing label is "".
    """
    if texts.label is None:
        return None, ()
    good = [row for row in range(len(texts.text)) if row not in texts.bad]
    labels = [texts.label[row] for row in good]
    if None in labels:
        labels = [as_text(label) or "" for label in labels]
    known, names = as_label_column(labels, f"{what}: label")
    y = np.zeros(len(texts.text), np.int64)
    y[good] = known
    return y, names
