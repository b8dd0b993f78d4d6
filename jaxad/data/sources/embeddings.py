"""Vectors of texts by any encoder, one a text, with the texts beside them."""

from pathlib import Path

import numpy as np

from jaxad.data.sources.loaded import Table
from jaxad.data.sources.text_tables import number_labels
from jaxad.data.text.reading import holds_texts, read_texts
from jaxad.errors import ConfigError, DataError

__all__ = ["EMBEDDINGS", "add_texts", "split_embeddings"]

EMBEDDINGS = "embeddings:"  # before a file of vectors, and perhaps a colon and their texts


def split_embeddings(source: str) -> tuple[str, str | None]:
    """Split `embeddings:FILE` or `embeddings:FILE:TEXTS` into the files of vectors and of texts.

    Raises:
        ConfigError: One of the two is empty.

    Example:
        >>> split_embeddings("embeddings:vectors.npz:news.jsonl")
        ('vectors.npz', 'news.jsonl')
    """
    file, colon, texts = source.removeprefix(EMBEDDINGS).partition(":")
    if not file or (colon and not texts):
        raise ConfigError(
            f"{source!r} must have the form embeddings:FILE or embeddings:FILE:TEXTS, with a file "
            "of vectors and perhaps the texts in the same order"
        )
    return file, texts or None


def add_texts(table: Table, source: str) -> Table:
    """Return vectors with their texts, and with the names and labels of texts that have some.

    Args:
        table: The rows of the file of vectors.
        source: The source, as `split_embeddings` takes it.

    Raises:
        DataError: The rows are not vectors, or there is not one vector for each text.
    """
    file, texts = split_embeddings(source)
    if table.x.ndim != 2:
        raise DataError(
            f"{file}: rows have shape {table.x.shape[1:]}; give one vector for each text, (n, d)"
        )
    if texts is None:
        return table
    if not holds_texts(Path(texts)):
        raise DataError(f"{texts} does not hold texts: JSON lines, csv with a column text, or .txt")
    found = read_texts(Path(texts), lenient=True)
    if len(found.text) != len(table.x):
        raise DataError(
            f"{file} has {len(table.x)} vectors and {texts} has {len(found.text)} texts; give one "
            "vector a text, in the same order"
        )
    y, names = number_labels(found, texts) if table.y is None else (table.y, table.class_names)
    ids, id = table.ids, table.id
    if ids is None and found.ids is not None:
        ids, id = np.array(found.ids, object), found.id
    shown = np.array(found.text, object)
    return table._replace(y=y, class_names=names, ids=ids, id=id, texts=shown)
