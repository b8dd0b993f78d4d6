"""The lexicon of a detector of texts: the words that it knows, and their vectors."""

import functools
import zlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from jaxad.data.text.vectors import find_vectors, read_vectors
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.errors import DataError
from jaxad.utils.limits import read_bytes, refuse_broken
from jaxad.utils.packed import parse_arrays

__all__ = [
    "Lexicon",
    "average_vectors",
    "build_lexicon",
    "drop_words",
    "hash_vectors",
    "read_lexicon",
    "write_lexicon",
]


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


def build_lexicon(
    vocabulary: Vocabulary, vectors: str | None, more: int, size: int = 100
) -> Lexicon:
    """Build the lexicon of a vocabulary.

    Args:
        vocabulary: The words of the data.
        vectors: A file of word vectors, as `find_vectors` takes it; None for `hash_vectors`.
        more: The number of words of the file that are added to those of the data, in the order of
            the file, for texts that are scored later.
        size: The length of the vectors of `hash_vectors`.

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
