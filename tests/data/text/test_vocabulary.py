"""What counts as a word, and how words become numbers and come back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxad.data.text.vocabulary import (
    LONGEST,
    STOP_WORDS,
    Vocabulary,
    bucket_words,
    build_vocabulary,
    split_words,
)
from jaxad.errors import DataError

WORDS = Vocabulary(("bank", "dollar", "ship"), 32)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mln. DLRS, in 1986!", ["mln", "dlrs"]),
        ("two-for-one U.S. stock", ["two", "stock"]),
        ("the company's <CH> 3rd-quarter", ["company", "quarter"]),
        ("Käse für die Straße", ["käse", "für", "die", "straße"]),
        ("a_b snake_case", ["snake", "case"]),
        ("cafe\u0301 Z\u00fcrich", ["caf\u00e9", "z\u00fcrich"]),
        ("एक हिन्दी समाचार", ["एक", "हिन्दी", "समाचार"]),
        ("은행 금리", ["은행", "금리"]),
        (
            "\u0645\u06cc\u200c\u062e",
            ["\u0645\u06cc\u200c\u062e"],
        ),
        ("银行 利率 in 上海", ["银行", "利率", "上海"]),
        ("1987 -- 5.5 !!", []),
        ("", []),
    ],
)
def test_words_are_lower_case_of_three_letters_and_no_stop_words(text, words):
    assert split_words(text) == words


@given(st.text())
def test_no_word_has_digits_spaces_or_is_short_or_a_stop_word(text):
    for word in split_words(text):
        assert not any(c.isdecimal() or c.isspace() or c == "_" for c in word)
        assert word not in STOP_WORDS
        assert len(word) >= 3 or max(word) > "\u052f"


def test_the_most_frequent_words_come_first_and_ties_by_the_alphabet():
    found = build_vocabulary([["ship", "bank"], ["bank", "dollar"]])
    assert found.words == ("bank", "dollar", "ship")


def test_words_come_back_and_unknown_ones_are_left_out():
    x = WORDS.encode(["Ship the dollar, strange bank", "unknown", ""])
    assert x.dtype == np.int32 and x.shape == (3, 32)
    assert WORDS.decode(x) == [["ship", "dollar", "bank"], [], []]


def test_a_long_document_is_cut():
    short = Vocabulary(("bank", "ship"), 2)
    assert short.decode(short.encode(["bank ship bank ship"])) == [["bank", "ship"]]


def test_places_are_those_of_the_words_that_are_kept():
    text = "The SHIP, an odd one; a bank-ship!"
    assert [text[a:b].lower() for a, b in WORDS.places(text)] == ["ship", "bank", "ship"]


def test_lengths_are_of_few_buckets():
    assert {bucket_words(n) for n in range(5000)} == {32, 64, 128, 256, 512, LONGEST}
    assert all(bucket_words(n) >= min(n, LONGEST) for n in range(5000))


def test_what_is_no_text_is_an_error():
    with pytest.raises(DataError, match="row 1"):
        WORDS.encode(["ship", 3])
    with pytest.raises(DataError, match="no word"):
        build_vocabulary([[], []])
