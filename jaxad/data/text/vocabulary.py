"""Tokenisation of texts, and the vocabulary by which documents are encoded as word numbers."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from unicodedata import category, normalize

import jax
import numpy as np
from jaxtyping import Int32

from jaxad.errors import DataError

__all__ = [
    "LONGEST",
    "STOP_WORDS",
    "Vocabulary",
    "bucket_words",
    "build_vocabulary",
    "list_stop_words",
    "split_words",
]

LONGEST = 1024  # words of a document; longer documents are truncated
_SHORTEST = 32
_LETTERS = 3
_LETTER = r"[^\W\d_]"
_WORD = re.compile(f"{_LETTER}+")  # of texts without marks
_JOINERS = "\u200c\u200d"  # invisible, within words of Persian and of Indian languages

_STOP = """
about above after again against all also although always among and another any are around
because been before being below between both but can cannot could did does doing done down
during each either else ever every few for from further had has have having hence her here
hers herself him himself his how however into its itself just least less many may might
mine more most much must myself neither never nor not now off often once one only onto
other others our ours ourselves out over own perhaps quite rather same shall she should
since some still such than that the their theirs them themselves then there therefore
these they this those though through thus too toward towards under until upon very was
well were what when where whether which while who whom whose why will with within without
would yet you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_STOP.split())
# Words of scikit-learn's list that have a meaning of their own.
_MEANT = """
amount bill bottom call computer cry describe detail fill fire found front full interest mill mine
move part serious side sincere system thick thin top
"""


@cache
def list_stop_words() -> frozenset[str]:
    """Return English stop words: `STOP_WORDS`, and those of scikit-learn without a meaning.

    Documents are split without `STOP_WORDS`. The others, such as numbers in words, stay in
    documents, and are left out of descriptions.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return STOP_WORDS | ENGLISH_STOP_WORDS.difference(_MEANT.split())


def _choose_pattern(text: str) -> re.Pattern[str]:
    return _WORD if text.isascii() else _word_pattern()


@cache
def _word_pattern() -> re.Pattern[str]:
    """Return the pattern of a word: a letter, and the letters and marks that follow it.

    Marks (accents, vowel signs) are letters of a word to Unicode, and not to the module `re`.
    """
    codes = (code for code in range(0x300, 0x1F000) if category(chr(code)) in ("Mn", "Mc"))
    marks = re.escape("".join(map(chr, codes)))
    mark = f"[{marks}]"
    more = f"(?:{mark}|[{_JOINERS}](?={_LETTER}|{mark})){_LETTER}*"
    return re.compile(f"{_LETTER}+(?:{more})*")


def split_words(text: str) -> list[str]:
    """Split a text into its words, in lower case, composed (NFC) and in order.

    A word is a run of letters of any script with their combining marks. Other characters separate
    words, and are dropped. Words in `STOP_WORDS` are dropped too, and so are words of fewer than
    three letters in Latin, Greek and Cyrillic; in other scripts a word may be short. Scripts that
    put no spaces between words (Chinese, Japanese, Thai) must be split into words beforehand.

    Example:
        >>> split_words("The dollar fell 2.5 pct to a two-year low, dealers said.")
        ['dollar', 'fell', 'pct', 'two', 'year', 'low', 'dealers', 'said']
        >>> split_words("एक हिन्दी समाचार")
        ['एक', 'हिन्दी', 'समाचार']
    """
    found = _choose_pattern(text).findall(text)
    return [word for word in map(_normalise, found) if _is_kept(word)]


def _normalise(word: str) -> str:
    return normalize("NFC", word.lower())  # which returns an ASCII string as it is


def _is_kept(word: str) -> bool:
    return word not in STOP_WORDS and (len(word) >= _LETTERS or max(word) >= "\u0530")


@jax.tree_util.register_static
@dataclass(frozen=True, repr=False)
class Vocabulary:
    """The words of a data set, numbered from 1, and the length of documents.

    The number 0 is padding, for documents that are shorter.

    Attributes:
        words: The words with the numbers 1, 2, ...
        length: The length of documents; of longer ones the first words are kept.
        folder: The folder of the data, in which files of word vectors are also searched for.
    """

    words: tuple[str, ...]
    length: int
    folder: Path | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self.words)} words, documents of up to {self.length})"

    @cached_property
    def number(self) -> dict[str, int]:
        """The number of each word."""
        return {word: i for i, word in enumerate(self.words, 1)}

    def encode(self, texts: Iterable[str]) -> Int32[np.ndarray, "n length"]:
        """Encode texts as word numbers; unknown words are dropped.

        Args:
            texts: Documents as strings.

        Raises:
            DataError: A text is not a string.
        """
        return self.encode_words(
            [split_words(_check_text(text, i)) for i, text in enumerate(texts)]
        )

    def encode_words(self, documents: Sequence[Sequence[str]]) -> Int32[np.ndarray, "n length"]:
        """Encode documents that are already split into words."""
        out = np.zeros((len(documents), self.length), np.int32)
        for row, words in zip(out, documents, strict=True):
            numbers = [self.number[word] for word in words if word in self.number]
            numbers = numbers[: self.length]
            row[: len(numbers)] = numbers
        return out

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return the start and the end in a text of each word that `encode` keeps, in order."""
        matches = _choose_pattern(text).finditer(text)
        found = ((word.span(), _normalise(word.group())) for word in matches)
        spans = [span for span, word in found if _is_kept(word) and word in self.number]
        return spans[: self.length]

    def decode(self, x: Int32[np.ndarray, "n length"]) -> list[list[str]]:
        """Return the words of encoded documents."""
        return [[self.words[i - 1] for i in row if i > 0] for row in np.asarray(x).tolist()]


def build_vocabulary(documents: Iterable[Sequence[str]], folder: Path | None = None) -> Vocabulary:
    """Build the vocabulary of documents, with the most frequent words first.

    Args:
        documents: The words of each document.
        folder: The folder of the data.

    Raises:
        DataError: No document has a word.
    """
    counts: Counter[str] = Counter()
    longest = 0
    for words in documents:
        counts.update(words)
        longest = max(longest, len(words))
    if not counts:
        raise DataError(
            "the documents have no words; give texts with words of at least three letters that are "
            "not stop words"
        )
    order = sorted(counts, key=lambda word: (-counts[word], word))
    return Vocabulary(tuple(order), bucket_words(longest), folder)


def bucket_words(words: int) -> int:
    """Return the padded length of documents, a power of two from 32 to 1024."""
    size = _SHORTEST
    while size < min(words, LONGEST):
        size *= 2
    return size


def _check_text(text: object, row: int) -> str:
    if not isinstance(text, str):
        raise DataError(f"texts must be strings; given {type(text).__name__} in row {row}")
    return text
