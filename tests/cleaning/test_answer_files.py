"""Files of answers, as spreadsheets and hands leave them."""

import pytest

from jaxad.cleaning.folder import place_names, read_answers
from jaxad.errors import DataError

PLACES = {"1": 0, "2": 1, "x,y": 2}


def read(tmp_path, text, name="key"):
    path = tmp_path / "ask.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_answers(path, name, PLACES)


def test_a_name_is_first_what_is_written(tmp_path):
    """Names that only numbers make alike are told apart, and name no row by their number."""
    path = tmp_path / "ask.csv"
    path.write_text("key,label\n007,1\n7,0\n12e4,1\n120000,0\n=a,1\n'=a,1\n9.0,0\n")
    places = place_names(["7", "007", "12e4", "120000", "=a", "9"])
    told = [(1, True), (0, False), (2, True), (3, False), (4, True), (4, True), (5, False)]
    assert read_answers(path, "key", places) == told
    path.write_text("key,label\n7.0,1\n")
    with pytest.raises(DataError, match="no row whose key is '7'"):
        read_answers(path, "key", place_names(["07", "007"]))


@pytest.mark.parametrize(
    "text",
    [
        "key,label\n001,1\n002,0\n",
        "key,label\n1.0,TRUE\n2,False",
        "\ufeffkey;label\r\n1;1\r\n2;0\r\n",
        "label\tnote\tkey\r1\t\t1\r0\ta\t2\r",
        "key, label,,\n1, 1 ,,\n\n,,,\n2,normal,,\n",
        '"key","note","label"\n"1","a\nb","anomaly"\n"2","",0\n',
        "key\tlabel\r\n1\t1\r\n2\t0\r\n".encode("utf-16"),
    ],
)
def test_forms_of_spreadsheets_are_read_alike(tmp_path, text):
    assert read(tmp_path, text) == [(0, True), (1, False)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("key\n1\n", "has no column 'label' but key; the first line must hold the names"),
        (b"PK\x03\x04workbook", "is a workbook and not text; save it as csv"),
        ("key,label,label\n1,1,0\n", "has two columns 'label'"),
        ("key,key,label\n1,2,0\n", "has two columns 'key'"),
        ("key,label\n1,1\n3E+05,0\n", "line 3: the table has no row whose key is '300000'"),
        ("key,label\n1,1\n2,0\n1,normal\n", "line 4: key 1 is answered twice"),
        ('key,note,label\n1,"a\nb",1\n2,,x\n', "line 4: label 'x' has no meaning"),
        ('key,note,label\n1,"open,1\n2,,0\n', "check its quotes"),
        ("key,label\n1," + "1" * 200_000 + "\n", "line 2: a cell cannot be read"),
    ],
)
def test_files_that_cannot_be_taken_whole_are_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=r"ask\.csv") as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
