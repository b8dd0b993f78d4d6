"""Files of word vectors in every form, with broken lines, and the lexicon made of them."""

import gzip

import numpy as np
import pytest

from jaxad.data.text.lexicon import (
    average_vectors,
    build_lexicon,
    hash_vectors,
    read_lexicon,
    write_lexicon,
)
from jaxad.data.text.vectors import find_vectors, read_vectors
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.errors import ConfigError, DataError, DataWarning

LINES = "bank 1 2\nship 3 4.5\ndollar -1e-3 0\n"
WORDS = Vocabulary(("ship", "oil", "bank"), 32)


def write(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def npz(path, words=("bank", "ship"), vectors=((1, 2), (3, 4.5)), **more):
    np.savez(path, words=np.array(words), vectors=np.array(vectors, np.float16), **more)
    return path


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.vec", "vectors.txt.gz"])
@pytest.mark.parametrize("head", ["", "3 2\n"], ids=["glove", "fasttext"])
def test_text_files_plain_and_gzipped_with_and_without_a_first_line(tmp_path, name, head):
    found = read_vectors(write(tmp_path / name, head + LINES))
    assert found.words == ("bank", "ship", "dollar") and found.broken == 0
    np.testing.assert_allclose(found.vectors, [[1, 2], [3, 4.5], [-1e-3, 0]], rtol=1e-6)


def test_npz_files_with_words_as_strings_or_as_bytes(tmp_path):
    strings = read_vectors(npz(tmp_path / "a.npz"))
    words = np.frombuffer(b"bank\nship", np.uint8)
    np.savez(tmp_path / "b.npz", words=words, vectors=strings.vectors)
    in_bytes = read_vectors(tmp_path / "b.npz")
    assert strings.words == in_bytes.words == ("bank", "ship")
    np.testing.assert_array_equal(strings.vectors, in_bytes.vectors)


def test_broken_lines_are_counted_and_the_rest_is_used(tmp_path):
    text = LINES + "short 1\nlong 1 2 3\nword x 2\nnan nan 1\ninf 1 1e99\n\nlast 5 6\nbank 9 9\n"
    with pytest.warns(DataWarning, match="6 broken"):
        found = read_vectors(write(tmp_path / "v.txt", text))
    assert found.words == ("bank", "ship", "dollar", "last") and found.broken == 6
    np.testing.assert_array_equal(found.vectors[0], [1, 2])  # of two the first


def test_bytes_that_are_no_text_break_a_line_and_not_the_file(tmp_path):
    (tmp_path / "v.txt").write_bytes(b"bank 1 2\nsh\xff\xfe 1 \xff\nship 3 4\n")
    with pytest.warns(DataWarning, match="1 broken"):
        assert read_vectors(tmp_path / "v.txt").words == ("bank", "ship")


def test_only_wanted_words_are_read_and_the_first_of_the_others(tmp_path):
    path = write(tmp_path / "v.txt", LINES)
    assert read_vectors(path, frozenset({"dollar"})).words == ("dollar",)
    assert read_vectors(path, frozenset({"dollar"}), more=1).words == ("bank", "dollar")


@pytest.mark.filterwarnings("ignore:.*broken")
@pytest.mark.parametrize(
    "content", [b"", b"no numbers here\n", b"\x1f\x8b broken gzip", b"PK\x03\x04 broken zip"]
)
@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz", "v.npz"])
def test_a_file_without_a_usable_line_is_an_error_that_names_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        read_vectors(tmp_path / name)


def test_an_npz_whose_words_and_vectors_differ_in_number_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"\(3,\) words"):
        read_vectors(npz(tmp_path / "v.npz", words=("a", "b", "c")))


def test_a_lexicon_keeps_the_numbers_of_words_and_adds_others_behind(tmp_path):
    write(tmp_path / "v.txt", LINES)
    found = build_lexicon(Vocabulary(WORDS.words, 32, tmp_path), "v.txt", more=10)
    assert found.vocabulary.words == ("ship", "oil", "bank", "dollar")
    np.testing.assert_array_equal(found.vectors[:4], [[0, 0], [3, 4.5], [0, 0], [1, 2]])
    assert found.known.tolist() == [False, True, False, True, True]
    x = found.vocabulary.encode(["oil", "ship and oil", "", "dollar"])
    assert found.count_unknown(x) == 2


def test_vectors_of_other_words_are_an_error(tmp_path):
    write(tmp_path / "v.txt", "schiff 1 2\n")
    with pytest.raises(DataError, match="none of the 3 words"):
        build_lexicon(Vocabulary(WORDS.words, 32, tmp_path), "v.txt", more=10)


def test_a_file_is_found_beside_the_data_above_it_or_in_the_data_folder(tmp_path, monkeypatch):
    inner, other = tmp_path / "text", tmp_path / "other"
    inner.mkdir(), other.mkdir()
    path = write(tmp_path / "v.txt", LINES)
    assert find_vectors("v.txt", inner) == path
    assert find_vectors("v.txt", tmp_path) == path
    monkeypatch.setenv("JAXAD_DATA", str(tmp_path))
    assert find_vectors("v.txt", other / "deeper") == path
    with pytest.raises(ConfigError, match=str(other)):
        find_vectors("w.txt", other)


def test_a_lexicon_is_written_and_read_without_pickle(tmp_path):
    write(tmp_path / "v.txt", LINES)
    found = build_lexicon(Vocabulary(WORDS.words, 32, tmp_path), "v.txt", more=10)
    write_lexicon(found, tmp_path / "l.npz")
    again = read_lexicon(tmp_path / "l.npz", (32,))
    assert again.vocabulary == found.vocabulary and again.source == found.source
    np.testing.assert_array_equal(again.vectors, found.vectors)
    (tmp_path / "l.npz").write_bytes(b"no")
    with pytest.raises(DataError, match="not the lexicon"):
        read_lexicon(tmp_path / "l.npz", (32,))


def test_hashed_vectors_are_unit_nearly_orthogonal_and_always_the_same():
    words = tuple(f"word{i}" for i in range(200))
    one = hash_vectors(words, 100)
    inner = one @ one.T
    np.testing.assert_allclose(np.diag(inner), 1, rtol=1e-5)
    off = inner[~np.eye(200, dtype=bool)]
    assert np.abs(off).max() < 0.6 and abs(off.std() - 0.1) < 0.01
    np.testing.assert_array_equal(hash_vectors(words[::-1], 100)[::-1], one)
    np.testing.assert_array_equal(
        np.sign(hash_vectors(("bank",), 8)[0]), [1, -1, 1, 1, 1, 1, -1, -1]
    )


def test_mean_vectors_are_of_norm_1_or_0():
    found = build_lexicon(WORDS, None, 0, size=16)
    x = found.vocabulary.encode(["ship oil", "ship", "", "ship oil ship oil"])
    means = average_vectors(x, found)
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), [1, 1, 0, 1], rtol=1e-5)
    np.testing.assert_allclose(means[1], found.vectors[1], rtol=1e-5)
    np.testing.assert_allclose(means[0], means[3], rtol=1e-5)
