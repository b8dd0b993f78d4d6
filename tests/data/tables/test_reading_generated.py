"""Generated csv files: whole, in pieces, by Python's csv and by pandas they hold the same rows."""

import csv
import gzip
import io
from typing import NamedTuple

import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxad.data.tables.delimited import find_format, read_csv_batches
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.reading import open_table
from jaxad.errors import DataError

QUICK = settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=examples(2_000))
BLOCK = 512  # bytes; longer than the longest row, and shorter than most files
CELLS = st.one_of(
    st.floats(allow_nan=False, width=32).map(str),
    st.integers(-9, 99).map(str),
    st.text('ab;,\t|" \n\ré€', max_size=6),
    st.sampled_from(["", "NA", "nan", '"', '""', "\r\n", "\n\r", "  "]),
)


class File(NamedTuple):
    """A csv file and what it holds."""

    content: bytes
    text: str
    names: list[str]
    rows: list[list[str]]  # all of them, also those with too few or too many values
    delimiter: str
    encoding: str


@st.composite
def files(draw, ragged=True):
    width = draw(st.integers(2, 4))
    names = [f"n{i}" for i in range(width)]
    sizes = st.integers(1, 5) if ragged else st.just(width)
    rows = [
        draw(st.lists(CELLS, min_size=size, max_size=size))
        for size in draw(st.lists(sizes, min_size=1, max_size=12))
    ]
    delimiter = draw(st.sampled_from(",;\t|"))
    ends = st.sampled_from(draw(st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]])))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    text = ""
    for row in [names, *rows]:
        line = io.StringIO(newline="")
        # With this line end, the writer quotes values with either of its characters.
        csv.writer(line, delimiter=delimiter, lineterminator="\r\n", quoting=quoting).writerow(row)
        blank = draw(st.sampled_from(["", "", "", "\n", "\r\n"]))
        text += blank + line.getvalue().removesuffix("\r\n") + draw(ends)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]))
    pack = draw(st.sampled_from([bytes, gzip.compress]))
    return File(pack(text.encode(encoding)), text, names, rows, delimiter, encoding)


def clean(row):
    return [cell.strip() or None for cell in row]


def list_rows(table):
    return [list(row.values()) for row in table.to_pylist()]


def check(path, file, size):
    """Compare all ways to read a file."""
    path.write_bytes(file.content)
    options = TableOptions(delimiter=file.delimiter)
    width = len(file.names)
    wrong = {i: f"{len(row)} values for {width} columns" for i, row in enumerate(file.rows)}
    wrong = {i: told for i, told in wrong.items() if len(file.rows[i]) != width}
    expected = [[None] * width if i in wrong else clean(row) for i, row in enumerate(file.rows)]
    opened = open_table(path, options)
    assert list(opened.names) == file.names
    if len(wrong) == len(expected):
        with pytest.raises(DataError, match="each row has"):
            list(opened.pieces(size))
        return
    pieces = list(opened.pieces(size))
    assert all(piece.table.num_rows == size for piece in pieces[:-1])
    assert [row for piece in pieces for row in list_rows(piece.table)] == expected
    assert {i * size + k: t for i, p in enumerate(pieces) for k, t in p.bad.items()} == wrong
    # Small blocks, so that values and line ends are cut everywhere.
    start, found, bad = 0, [], {}
    form = find_format(path, options)
    for table, problems in read_csv_batches(path, form, form.names, block=BLOCK):
        bad |= {start + row: told for row, told in problems.items()}
        start += table.num_rows
        found += [clean([cell or "" for cell in row]) for row in list_rows(table)]
    assert (found, bad) == (expected, wrong)
    if wrong:
        with pytest.raises(DataError, match=f"row {min(wrong)}: {wrong[min(wrong)]}"):
            opened.read()
        return
    assert list_rows(opened.read()) == expected
    lines = csv.reader(io.StringIO(file.text, newline=""), delimiter=file.delimiter)
    assert [clean(row) for row in lines if row][1:] == expected
    frame = pd.read_csv(
        io.BytesIO(file.text.encode()), sep=file.delimiter, dtype=str, keep_default_na=False
    )
    assert [clean(row) for row in frame.to_numpy().tolist()] == expected


@given(file=files(), size=st.integers(1, 7))
@QUICK
def test_all_ways_to_read_a_file_agree(tmp_path_factory, file, size):
    check(tmp_path_factory.getbasetemp() / "generated.csv", file, size)


@pytest.mark.slow
@given(file=files(), size=st.integers(1, 7))
@LONG
def test_all_ways_to_read_two_thousand_files_agree(tmp_path_factory, file, size):
    check(tmp_path_factory.getbasetemp() / "generated.csv", file, size)


@given(content=st.binary(max_size=200), pack=st.sampled_from([bytes, gzip.compress]))
@settings(QUICK, max_examples=examples(300))
def test_any_bytes_are_a_table_or_one_clear_error(tmp_path_factory, content, pack):
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(pack(content))
    try:
        opened = open_table(path)
        assert sum(piece.table.num_rows for piece in opened.pieces(3)) >= 0
    except DataError as error:
        assert "bytes.csv" in str(error)
