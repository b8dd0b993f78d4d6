"""Warnings about texts whose words word vectors hardly know."""

import re
import warnings
from collections.abc import Iterable, Sequence

from jaxtyping import Int
from numpy import ndarray

from jaxad.data.text.lexicon import Lexicon
from jaxad.errors import DataWarning

__all__ = ["warn_if_few", "warn_if_run_together", "warn_if_unknown"]

# Thai, Lao, Myanmar, Khmer, kana and Chinese characters, which are written without spaces.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_LONG = 6  # letters; the mean length of words that were split is at most about 4
_SHARE = 0.1
_FEW = 0.5  # of the words


def warn_if_run_together(documents: Iterable[Sequence[str]], name: str) -> None:
    """Warn if words are those of a script without spaces, and too long to be single words.

    Args:
        documents: The words of each document.
        name: The source, for the message.

    Warns:
        DataWarning: It concerns at least a tenth of the words.
    """
    words = letters = unspaced = 0
    for document in documents:
        words += len(document)
        for word in document:
            if not word.isascii() and _UNSPACED.match(word):
                unspaced, letters = unspaced + 1, letters + len(word)
    if unspaced and unspaced >= _SHARE * words and letters > _LONG * unspaced:
        warnings.warn(
            f"{name}: {unspaced} of {words} words are in a script without spaces, with "
            f"{letters / unspaced:.0f} letters on average: whole phrases count as words. Split the "
            "texts into words with spaces between them first",
            DataWarning,
            stacklevel=3,
        )


def warn_if_unknown(x: Int[ndarray, "n length"], lexicon: Lexicon, name: str) -> None:
    """Warn if less than half of the words of documents have a vector.

    Args:
        x: Documents as numbers of all of their words.
        lexicon: The word vectors.
        name: The source, for the message.

    Warns:
        DataWarning: Less than half of the words have a vector.
    """
    known = lexicon.known[x[x > 0]]
    warn_if_few(int(known.sum()), len(known), name)


def warn_if_few(known: int, words: int, name: str) -> None:
    """Warn if less than half of the words are known."""
    if known < _FEW * words:
        warnings.warn(
            f"{name}: only {known} of {words} words have a vector; use word vectors in the "
            "language of the texts",
            DataWarning,
            stacklevel=4,
        )
