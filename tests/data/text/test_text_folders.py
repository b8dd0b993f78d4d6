"""Folders of text files: layouts, encodings, and files that cannot be read."""

import codecs
import gzip

import pytest

from jaxad.data import load_dataset, load_table
from jaxad.data.text.encodings import decode_text
from jaxad.data.text.folders import holds_text_files, read_text_folder
from jaxad.data.text.reading import read_texts
from jaxad.errors import ConfigError, DataError, DataWarning


def fill(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Käse für 5 €".encode(), "Käse für 5 €"),
        (codecs.BOM_UTF8 + "Käse".encode(), "Käse"),
        ("Käse".encode("utf-16"), "Käse"),
        ("Käse und Brot".encode("utf-16-le"), "Käse und Brot"),
        ("Käse".encode("utf-32"), "Käse"),
        ("Das Käsebrötchen kostet 5 €".encode("cp1252"), "Das Käsebrötchen kostet 5 €"),
        (b"", ""),
    ],
)
def test_the_encoding_is_found_from_the_bytes(content, text):
    assert decode_text(content) == text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("銀行と利率".encode("shift-jis"), "unknown encoding.*iconv"),
        ("\u0431\u0430\u043d\u043a".encode("cp1251"), "unknown encoding.*iconv"),
        ("Käse \x81".encode("latin-1"), "unknown encoding"),
        (codecs.BOM_UTF16_LE + b"odd", "not valid UTF-16"),
        (b"%PDF-1.4\n\x00\x01\x02\x03", "binary data"),
    ],
)
def test_an_encoding_that_cannot_be_told_is_not_guessed(content, says):
    with pytest.raises(ValueError, match=says):
        decode_text(content)


def test_a_plain_folder_has_names_and_no_labels(tmp_path):
    fill(tmp_path, {"a10.txt": "ship", "a9.TXT": "port", "in/b.txt": "crew", ".x.txt": "-"})
    (tmp_path / "other.pdf").write_bytes(b"%PDF")
    found = read_text_folder(tmp_path)
    assert found.ids == ["a9.TXT", "a10.txt", "in/b.txt"] and found.id == "file"
    assert found.text == ["port", "ship", "crew"] and found.label is None
    with pytest.raises(DataError, match="has no labels; put the texts of each class"):
        load_dataset(tmp_path)
    with pytest.raises(ConfigError, match="the folders are the labels"):
        read_texts(tmp_path, "topic")


def test_folders_are_classes_and_train_and_test_are_parts(tmp_path):
    classes = {"sea/1.txt": "ship sails", "money/1.txt": "dollar", "money/deep/2.txt": "bank"}
    data = load_dataset(fill(tmp_path / "c.1", classes))
    assert data.name == "c.1" and data.class_names == ("money", "sea")
    assert data.y.tolist() == [0, 0, 1]
    parts = {f"{part}/{name}": text for part in ("train", "test") for name, text in classes.items()}
    data = load_dataset(fill(tmp_path / "p", parts))
    assert data.y_test is not None and data.y_test.tolist() == [0, 0, 1]


def test_a_bad_file_is_named_and_the_others_are_read(tmp_path):
    fill(
        tmp_path,
        {"a.txt": "ship sails", "b.txt": b"\x1f\x8bx", "c.txt": b"\xff\xfe\xff", "d.txt": "5"},
    )
    fill(tmp_path, {"e.txt": gzip.compress(b"port")})
    table = load_table(tmp_path)
    assert table.bad is not None and sorted(table.bad) == [1, 2, 3]
    assert table.bad[3] == "has no words"
    with pytest.warns(DataWarning, match=r"3 of 5 rows .* left out; b\.txt: "):
        kept = table.drop_bad("texts")
    assert kept.ids is not None and kept.ids.tolist() == ["a.txt", "e.txt"]
    with pytest.raises(DataError, match=r"b\.txt.*--strict"):
        table.drop_bad("texts", strict=True)
    fill(tmp_path / "w", {"x/a.txt": "ship", "y/b.txt": b"\0\1", "y/c.txt": "port"})
    with pytest.warns(DataWarning, match=r"1 of 3 rows cannot be used.*y/b\.txt: holds binary"):
        assert load_dataset(tmp_path / "w").class_names == ("x", "y")


def test_a_folder_without_texts_is_no_folder_of_texts(tmp_path):
    assert not holds_text_files(tmp_path) and not holds_text_files(tmp_path / "none")
    with pytest.raises(DataError, match="has no file that ends in"):
        read_text_folder(tmp_path)


def test_phrases_without_spaces_are_warned_of(tmp_path):
    with pytest.warns(DataWarning, match="2 of 3 words are in a script without spaces"):
        load_table(
            fill(tmp_path, {"a.txt": "我喜欢苹果手机和电脑 我喜欢苹果手机和电脑", "b.txt": "ship"})
        )


def test_files_in_other_encodings_and_lines_that_are_broken(tmp_path):
    (tmp_path / "t.csv").write_bytes("text\nDas Käsebrötchen\n".encode("cp1252"))
    assert read_texts(tmp_path / "t.csv").text == ["Das Käsebrötchen"]
    (tmp_path / "t.jsonl").write_bytes('{"text": "Käse", "n": 4}\n{"text"\n{}'.encode("utf-16"))
    with pytest.raises(DataError, match="line 2 is not JSON"):
        read_texts(tmp_path / "t.jsonl")
    found = read_texts(tmp_path / "t.jsonl", id="n", lenient=True)
    assert found.ids == ["4", "", ""] and found.text == ["Käse", "", ""]
    assert sorted(found.bad) == [1, 2] and "line 2 is not JSON" in found.bad[1]
    (tmp_path / "b.csv").write_bytes("text\n銀行と利率\n".encode("shift-jis"))
    with pytest.raises(DataError, match=r"b\.csv: is in an unknown encoding"):
        read_texts(tmp_path / "b.csv")
