"""Files of word vectors, in text or npz format."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.utils.limits import refuse_broken
from jaxad.utils.packed import open_unpacked, read_lines, read_npz

__all__ = ["WordVectors", "find_vectors", "read_vectors"]

_LARGEST = float(np.finfo(np.float32).max)
_LONGEST = 2**20  # bytes of a line


class WordVectors(NamedTuple):
    """The content of a file of word vectors.

    Attributes:
        words: The distinct words, in the order of the file.
        vectors: `(words, d)` their vectors.
        broken: The number of lines that could not be read.
    """

    words: tuple[str, ...]
    vectors: Float32[np.ndarray, "words d"]
    broken: int = 0


def find_vectors(name: str, folder: Path | None = None) -> Path:
    """Find a file of word vectors.

    Args:
        name: A path; it may be relative to the working folder, to `folder`, to the parent of
            `folder`, or to the data folder of the environment variable `JAXAD_DATA`.
        folder: The folder of the data.

    Returns:
        The absolute path of the file.

    Raises:
        ConfigError: There is no such file; the message lists the folders that were searched.
    """
    places = [] if folder is None else [folder, folder.parent]
    if os.environ.get("JAXAD_DATA"):
        places.append(Path(os.environ["JAXAD_DATA"]).expanduser())
    for path in (Path(name).expanduser(), *(place / name for place in places)):
        if path.is_file():
            return path.resolve()
    where = ", ".join(["the working folder", *map(str, places)])
    raise ConfigError(f"vectors={name!r}: no such file; looked in {where}")


def read_vectors(
    path: str | Path, wanted: frozenset[str] | None = None, more: int = 0
) -> WordVectors:
    """Read a file of word vectors.

    Args:
        path: An npz file with `vectors` `(n, d)` and `words`, which are strings or the bytes of a
            text with one word in each line; or a text file, plain or gzipped, in the format of
            GloVe and word2vec, with a word and its numbers in each line. The header line of
            fastText is skipped.
        wanted: The words to read; None for all.
        more: The number of other words that are read too, in the order of the file.

    Returns:
        The words and their vectors; of duplicate words the first is kept. A line is broken if its
        number of columns differs from that of the first valid line, or if a value is not a finite
        number.

    Raises:
        DataError: The file is missing or broken, or has no valid line.

    Warns:
        DataWarning: Some lines are broken.
    """
    path = Path(path)
    with refuse_broken(f"{path}: cannot be read as word vectors"):
        found = _read_npz(path) if path.suffix.lower() == ".npz" else _read_text(path, wanted, more)
    if found.broken:
        warnings.warn(
            f"{path}: {found.broken} broken line(s) of word vectors are skipped",
            DataWarning,
            stacklevel=2,
        )
    if not len(found.words):
        raise DataError(
            f"{path}: has no valid line, and {found.broken} broken ones; give a text file with a "
            "word and its numbers in each line, or an npz file with words and vectors"
        )
    return _choose_words(found, wanted, more)


def _choose_words(found: WordVectors, wanted: frozenset[str] | None, more: int) -> WordVectors:
    """Keep each wanted word once, and the first `more` of the others."""
    kept: dict[str, int] = {}
    for i, word in enumerate(found.words):
        if word in kept:
            continue
        if wanted is not None and word not in wanted:
            if more <= 0:
                continue
            more -= 1
        kept[word] = i
    vectors = found.vectors[list(kept.values())].astype(np.float32)
    return WordVectors(tuple(kept), vectors, found.broken)


def _read_npz(path: Path) -> WordVectors:
    """Read the words and vectors of an npz file, without loading pickles."""
    arrays = read_npz(path)
    words, vectors = arrays["words"], arrays["vectors"]
    if words.dtype == np.uint8:
        words = np.array(words.tobytes().decode().split("\n"))
    if vectors.ndim != 2 or words.shape != (len(vectors),):
        raise ValueError(f"{words.shape} words and vectors of shape {vectors.shape}")
    good = np.isfinite(vectors.astype(np.float32)).all(axis=1)
    return WordVectors(tuple(words[good].tolist()), vectors[good], int(np.sum(~good)))


def _read_text(path: Path, wanted: frozenset[str] | None, more: int) -> WordVectors:
    """Read the words and vectors of a text file; words that are not needed are skipped."""
    words, rows, broken, columns = [], [], 0, 0
    for number, line in enumerate(_read_lines(path)):
        word, *texts = line.rstrip().split(" ") if line.strip() else ("",)
        if number == 0 and len(texts) == 1 and word.isdigit() and texts[0].isdigit():
            continue
        skipped = wanted is not None and word not in wanted and more <= 0
        row = texts if skipped and len(texts) == columns else _parse_row(texts)
        if not word or row is None or (columns and len(row) != columns):
            broken += 1
            continue
        columns = len(row)
        if not skipped:
            more -= wanted is not None and word not in wanted
            words.append(word)
            rows.append(row)
    return WordVectors(tuple(words), np.array(rows, np.float32).reshape(len(rows), -1), broken)


def _read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file; invalid bytes become U+FFFD, which makes a line broken."""
    with open_unpacked(path) as opened:
        for line in read_lines(opened, _LONGEST):
            yield line.decode(errors="replace")


def _parse_row(texts: list[str]) -> Float[np.ndarray, "d"] | None:
    """Return strings as numbers; None if one is not a number that is finite in float32."""
    try:
        row = np.array(texts, np.float64)
    except ValueError:
        return None
    # NaN fails the comparison too.
    return row if len(row) and (np.abs(row) <= _LARGEST).all() else None
