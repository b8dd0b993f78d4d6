"""Word vectors: files in text or npz format, and the lexicon of a detector."""

import functools
import os
import warnings
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from jaxad.data.text.vocabulary import Vocabulary
from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.utils.limits import read_bytes, refuse_broken
from jaxad.utils.packed import open_unpacked, parse_arrays, read_lines, read_npz

__all__ = [
    "Lexicon",
    "WordVectors",
    "average_vectors",
    "build_lexicon",
    "drop_words",
    "find_vectors",
    "hash_vectors",
    "read_lexicon",
    "read_vectors",
    "write_lexicon",
]

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


@dataclass(frozen=True, eq=False)
class Lexicon:
    """The words that a detector knows, and their vectors.

    Attributes:
        vocabulary: The words of the training data with their numbers, followed by further words.
        vectors: `(1 + words, d)`; zeros in row 0 (padding) and for words without a vector.
        source: A description of the vectors.
    """

    vocabulary: Vocabulary
    vectors: Float32[np.ndarray, "words d"]
    source: str

    @property
    def known(self) -> np.ndarray:
        """The words that have a vector, `(1 + words,)` bool."""
        return np.any(self.vectors != 0, axis=1, keepdims=True)[:, 0]

    def count_unknown(self, x: np.ndarray) -> int:
        """Count the documents that have no word with a vector.

        Args:
            x: `(..., length)` documents as word numbers.
        """
        return int(np.sum(~self.known[x].any(axis=-1)))


def drop_words(lexicon: Lexicon, words: Collection[str]) -> Lexicon:
    """Return a lexicon in which some words have no vector: detectors then pass them over."""
    vectors = lexicon.vectors.copy()
    dropped = [lexicon.vocabulary.number[w] for w in words if w in lexicon.vocabulary.number]
    vectors[dropped] = 0
    return replace(lexicon, vectors=vectors)


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


def build_lexicon(
    vocabulary: Vocabulary, vectors: str | None, more: int, size: int = 100
) -> Lexicon:
    """Build the lexicon of a vocabulary.

    Args:
        vocabulary: The words of the data.
        vectors: A file of word vectors, as `find_vectors` takes it; None for `hash_vectors`.
        more: The number of words of the file that are added to those of the data, in the order of
            the file, for texts that are scored later.
        size: The length of the vectors if there is no file.

    Raises:
        ConfigError: The file does not exist.
        DataError: The file cannot be read, or has none of the words of the data.
    """
    if vectors is not None:
        path = find_vectors(vectors, vocabulary.folder)
        return _load_lexicon(path, path.stat().st_mtime_ns, vocabulary, more)
    table = np.zeros((1 + len(vocabulary.words), size), np.float32)
    table[1:] = hash_vectors(vocabulary.words, size)
    return Lexicon(vocabulary, table, "random vectors by a hash of each word")


@functools.lru_cache(maxsize=4)
def _load_lexicon(path: Path, modified: int, vocabulary: Vocabulary, more: int) -> Lexicon:
    """Build a lexicon from a file; `modified` is only part of the cache's key."""
    del modified
    found = read_vectors(path, frozenset(vocabulary.number), more)
    number = dict(vocabulary.number)
    others = [word for word in found.words if word not in number]
    number |= {word: i for i, word in enumerate(others, len(number) + 1)}
    if len(others) == len(found.words):
        raise DataError(
            f"{path}: has a vector for none of the {len(vocabulary.words)} words of the data; give "
            "a file of word vectors in the language of the texts"
        )
    table = np.zeros((1 + len(number), found.vectors.shape[1]), np.float32)
    table[[number[word] for word in found.words]] = found.vectors
    grown = replace(vocabulary, words=(*vocabulary.words, *others))
    checksum = zlib.crc32(np.ascontiguousarray(found.vectors).tobytes())
    return Lexicon(grown, table, f"{path.name} (crc32 of what was read {checksum:08x})")


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


def hash_vectors(words: tuple[str, ...], size: int) -> Float32[np.ndarray, "words size"]:
    """Compute vectors of norm 1 from a hash of each word, the same on every machine.

    Each coordinate is `+-1 / sqrt(size)`, so that different words are nearly orthogonal. The mean
    vector of a document then represents which words it has, but not the similarity of words.
    """
    seed = np.array(
        [zlib.crc32(w.encode()) | zlib.adler32(w.encode()) << 32 for w in words], np.uint64
    )
    z = seed[:, None] + np.arange(1, size + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    # The finaliser of SplitMix64 (Steele et al. 2014): the last bit depends on every bit of z.
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    sign = np.where(z >> np.uint64(63), 1.0, -1.0)
    return (sign / np.sqrt(size)).astype(np.float32)


def write_lexicon(lexicon: Lexicon, path: Path) -> None:
    """Write a lexicon as an npz file of plain arrays, without pickles."""
    words = np.frombuffer("\n".join(lexicon.vocabulary.words).encode(), np.uint8)
    source = np.frombuffer(lexicon.source.encode(), np.uint8)
    np.savez(path, words=words, vectors=lexicon.vectors, source=source)


def read_lexicon(path: Path, shape: tuple[int, ...]) -> Lexicon:
    """Read a lexicon that `write_lexicon` has written.

    Args:
        path: The file.
        shape: The shape of an example, `(length,)` of documents.

    Raises:
        DataError: The file is missing or broken.
    """
    what = f"{path}: not the lexicon of a saved detector"
    with refuse_broken(what):
        content = read_bytes(path)
        *codes, vectors = parse_arrays(content, ("words", "source", "vectors"), what)
        texts = [code.tobytes().decode() for code in codes]
        words = tuple(texts[0].split("\n"))
        if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != 1 + len(words):
            raise ValueError(f"{len(words)} words, vectors of {vectors.dtype} {vectors.shape}")
        if len(set(words)) < len(words) or not np.isfinite(vectors).all() or vectors[0].any():
            raise ValueError("words are not unique, or vectors are not finite")
        (length,) = shape
    return Lexicon(Vocabulary(words, length), vectors, texts[1])


def average_vectors(x: np.ndarray, lexicon: Lexicon) -> Float32[np.ndarray, "n d"]:
    """Compute the mean word vector of each document, scaled to norm 1.

    Args:
        x: `(n, length)` documents as word numbers.
        lexicon: The word vectors.

    Returns:
        `(n, d)` vectors; zeros for documents that have no word with a vector.
    """
    out = np.stack([lexicon.vectors[row[row > 0]].sum(axis=0) for row in x])
    norm = np.linalg.norm(out, axis=1, keepdims=True)
    return (out / np.where(norm > 0, norm, 1)).astype(np.float32)
