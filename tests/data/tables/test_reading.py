"""The one reader of tables: each kind of file, and its rows in pieces and as a whole."""

import codecs
import gzip

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
import scipy.sparse

from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.reading import as_table, open_table, read_table
from jaxad.errors import ConfigError, DataError


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file, and return its columns by name."""

    def read(content, name="rows.csv", **options):
        content = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(content)
        return read_table(tmp_path / name, TableOptions(**options)).to_pydict()

    return read


def pieces(path, size):
    return [(p.table.to_pydict(), p.bad) for p in open_table(path).pieces(size)]


ABC = {"a": ["1", "4"], "b": ["2.5", None], "c": ["x", "y z"]}


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_each_dialect_gives_the_same_table(read, sign, end, encoding, pack):
    lines = [["a", " b ", "c"], ["1", "2.5", "x"], ["4", " ", '"y z"']]
    text = end.join(sign.join(line) for line in lines) + end
    assert read(pack(text.encode(encoding))) == ABC


@pytest.mark.parametrize("end", ["\n", ""])
def test_a_header_may_be_long(tmp_path, end):
    names = [f"column {i} with a long name" for i in range(20_000)]
    (tmp_path / "x.csv").write_text("\n" + ";".join(names) + end + "1;" * 19_999 * bool(end))
    assert open_table(tmp_path / "x.csv").names == tuple(names)


def test_mixed_line_ends_lose_no_row(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"a,b\n0,0\r9,9\r1,1\n2,2\r\n\r\n3,3")
    assert pieces(tmp_path / "x.csv", 2) == [
        ({"a": ["0", "9"], "b": ["0", "9"]}, {}),
        ({"a": ["1", "2"], "b": ["1", "2"]}, {}),
        ({"a": ["3"], "b": ["3"]}, {}),
    ]


def test_a_quoted_value_may_hold_line_breaks_and_shifts_no_row(tmp_path):
    (tmp_path / "x.csv").write_bytes(b'a,b\n1,"p\nq"\n2\n\n3,"""r"""\r4,5,6\n7,8\n')
    assert pieces(tmp_path / "x.csv", 3) == [
        ({"a": ["1", None, "3"], "b": ["p\nq", None, '"r"']}, {1: "1 values for 2 columns"}),
        ({"a": [None, "7"], "b": [None, "8"]}, {0: "3 values for 2 columns"}),
    ]
    with pytest.raises(DataError, match="row 1: 1 values for 2 columns"):
        open_table(tmp_path / "x.csv").read()


def test_an_open_quote_is_an_error_that_names_its_row(read):
    with pytest.raises(DataError, match=r"rows.csv: row 1: a quote is not closed"):
        read('a,b\n1,2\n1,"2\n3,4\n5,6\n')


def test_a_header_with_fewer_names_than_values_is_an_error(tmp_path):
    (tmp_path / "x.csv").write_text("a,b,c\n1,2,3,4\n5,6,7,8\n")
    with pytest.raises(DataError, match=r"each row has 4 values, and there are 3 columns"):
        list(open_table(tmp_path / "x.csv").pieces())


def test_bytes_that_are_not_utf8_are_read_as_windows_1252(read):
    names = ["Köln", "Málaga", "Nº 5 \N{EN DASH} a"]
    text = "a,b\n" + "".join(f"{name},1\n" for name in names)
    assert read(text.encode("cp1252"))["a"] == names == read(text.encode())["a"]
    # No two bytes become the same value, and those around them stay as they are.
    values = read(b"a,b\n" + b"".join(b"x%cy,1\n" % byte for byte in range(128, 256)))["a"]
    assert len(set(values)) == 128 and all(v[0] == "x" and v[-1] == "y" for v in values)


def test_a_character_across_the_pieces_that_are_read_is_whole(read):
    start = "a,b\n" + "x" * (4096 - len("a,b\n") - 1)
    assert read((start + "ö,1\n").encode())["a"] == [start[4:] + "ö"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("1,2\n3,4\n", ["0", "1"]),
        ("0,1\n3,4\n", ["0", "1"]),  # the header of a frame without names
        (",0,1\n5,3,4\n", ["__index_level_0__", "0", "1"]),
        (",a\n5,3\n", ["__index_level_0__", "a"]),
        ("Unnamed: 0,a\n5,3\n", ["__index_level_0__", "a"]),
        ("nan,,True,1e5\n5,3,True,1\n", ["0", "1", "2", "3"]),
        ("a,,2\n5,3,2\n", ["a", "Unnamed: 1", "2"]),
        ("0\n5\n", ["0"]),
    ],
)
def test_a_first_line_of_values_is_a_row(tmp_path, text, names):
    (tmp_path / "x.csv").write_text(text)
    opened = open_table(tmp_path / "x.csv")
    assert list(opened.names) == names
    assert opened.id == ("__index_level_0__" if names[0].startswith("_") else None)
    is_header = text.startswith(("0,1", ",", "Unnamed", "a"))
    assert opened.read().num_rows == text.count("\n") - is_header


def test_the_header_can_be_settled(read, tmp_path):
    assert read("1,2\n3,4\n", header="yes") == {"1": ["3"], "2": ["4"]}
    assert read("a,2\n3,4\n", header="no") == {"0": ["a", "3"], "1": ["2", "4"]}
    (tmp_path / "x.csv").write_text("2020,2021\n3,4\n")
    assert open_table(tmp_path / "x.csv", known=("2021", "2020")).read().num_rows == 1


def test_a_decimal_comma(read):
    text = "a;b\n1,5;2.500,25\n-1.000;1,2,3\n,5;x\n"
    assert read(text, decimal=",") == {"a": ["1.5", "-1000", ".5"], "b": ["2500.25", "1,2,3", "x"]}


def test_missing_values_can_be_named(read):
    text = "a,b\nNA,-999.0\n1,-9990\n"
    assert read(text) == {"a": ["NA", "1"], "b": ["-999.0", "-9990"]}
    assert read(text, missing=("NA", "-999")) == {"a": [None, "1"], "b": [None, "-9990"]}
    table = as_table(pd.DataFrame({"a": [-999.0, 1.0], "b": [-999, 2]}), ("-999",))
    assert table.to_pydict() == {"a": [None, 1.0], "b": [None, 2]}


def test_options_that_cannot_be(read):
    for options, match in (
        ({"delimiter": ";;"}, "one character"),
        ({"delimiter": "a"}, "one character"),
        ({"header": "maybe"}, "auto, yes or no"),
        ({"decimal": "x"}, "decimal"),
        ({"decimal": ",", "delimiter": ","}, "must differ"),
        ({"id": "a", "drop": ("a",)}, "twice"),
        ({"id": "idd"}, r"id \(--id\) 'idd' is not a column. Did you mean 'id'\?"),
        ({"drop": ("x",)}, "'x' is not a column"),
    ):
        with pytest.raises(ConfigError, match=match):
            read("id,a\n1,2\n", **options)
    assert read("id,a\n1,2\n", drop=("a",)) == {"id": ["1"]}


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\r", codecs.BOM_UTF8])
def test_an_empty_file_is_an_error(read, content):
    with pytest.raises(DataError, match="the file is empty"):
        read(content)


def test_files_that_cannot_be_read(read, tmp_path):
    with pytest.raises(DataError, match="has no rows"):
        read("a,b\n")
    with pytest.raises(DataError, match="more than one column 'a'"):
        read("a, a\n1,2\n")
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read(gzip.compress(b"a,b\n1,2\n")[:-9])
    for name in ("x.parquet", "x.feather", "x.arrow"):
        with pytest.raises(DataError, match="cannot be read"):
            read(b"ARROW1 PAR1 and so on", name)
        with pytest.raises(DataError, match="no such file"):
            read_table(tmp_path / f"none{name}")


@pytest.mark.parametrize("kind", ["parquet", "feather", "arrow"])
def test_typed_files_keep_types_and_give_nulls(tmp_path, kind):
    frame = pl.DataFrame(
        {
            "a": [1, None, 3],
            " s ": ["x", "", " y"],
            "d": pl.Series(["1.5", "2.5", None]).cast(pl.Decimal(10, 2)),
            "c": pl.Series(["p", None, "q"], dtype=pl.Categorical),
            "f": [1.0, float("nan"), 2.0],
            "deep": [[1], [2], [3]],
        }
    )
    path = tmp_path / f"x.{kind}"
    write = {"parquet": "write_parquet", "feather": "write_ipc", "arrow": "write_ipc_stream"}
    getattr(frame, write[kind])(path)
    with pytest.raises(DataError, match="column 'deep' is of type large_list"):
        read_table(path)
    table = read_table(path, TableOptions(drop=("deep",)))
    assert table.to_pydict() == {
        "a": [1, None, 3],
        "s": ["x", None, "y"],
        "d": [1.5, 2.5, None],
        "c": ["p", None, "q"],
        "f": [1.0, None, 2.0],
    }
    assert [str(kind).split("<")[0] for kind in table.schema.types] == [
        *("int64", "string", "double", "dictionary", "double")
    ]
    both = [p.table for p in open_table(path).pieces(2, ["s"])]
    assert [piece.num_rows for piece in both] == [2, 1]


@pytest.mark.parametrize("index", ["key", None])
def test_an_index_of_pandas_is_the_id(tmp_path, index):
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=pd.Index(["p", "q"], name=index))
    frame.to_parquet(tmp_path / "x.parquet")
    opened = open_table(tmp_path / "x.parquet")
    name = index or "__index_level_0__"
    assert opened.id == name and opened.read().to_pydict() == {"a": [1.0, 2.0], name: ["p", "q"]}


def test_frames_arrays_and_matrices(tmp_path):
    array = np.array([[1.0, 0.0], [0.0, 2.0]])
    expected = {"0": [1.0, 0.0], "1": [0.0, 2.0]}
    for x in (array, scipy.sparse.csr_array(array), pd.DataFrame(array), array.tolist()):
        assert as_table(x).to_pydict() == expected
    masked = np.ma.masked_array(array, [[True, False], [False, False]])
    assert as_table(masked).to_pydict() == {"0": [None, 0.0], "1": [0.0, 2.0]}
    mixed = pd.DataFrame({"m": [1, "1", 1.0, True, None, 2.5], "o": [1, 2.5, None, 1, 1, 1]})
    assert as_table(mixed).to_pydict() == {
        "m": ["1", "1", "1", "true", None, "2.5"],
        "o": [1.0, 2.5, None, 1.0, 1.0, 1.0],
    }
    numbers = pd.DataFrame(
        {"c": pd.Categorical([1, 2.0, 1]), "s": pd.arrays.SparseArray([0, 0, 1])}
    )
    assert as_table(numbers).to_pydict() == {"c": ["1", "2", "1"], "s": [0, 0, 1]}
    assert open_table(numbers).read().column_names == ["c", "s"]
    for x, match in (
        (np.zeros(3), r"shape \(3,\)"),
        (np.zeros((2, 0)), "no columns"),
        (array.astype(complex), "complex128"),
        (pd.DataFrame({"a": [[1], 2]}), "holds list in row 0"),
        (pd.DataFrame({"a": pd.period_range("2020", periods=2)}), "column 'a' is of type"),
        (pd.DataFrame([[1, 2]], columns=["a", "a "]), "more than one column 'a'"),
        (7, r"shape \(\)"),
        (pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}), "'a' is of type Object"),
        (pl.DataFrame({"a": pl.Series([1], dtype=pl.Int128)}), "'a' is of type Int128"),
    ):
        with pytest.raises(DataError, match=match):
            as_table(x)


def test_a_name_that_not_all_libraries_can_keep_is_an_error_everywhere(read, tmp_path):
    frame = pd.DataFrame({"^\0": [1.0, 2.0], "b": [3.0, 4.0]})
    parquet = tmp_path / "x.parquet"
    pa.parquet.write_table(pa.table(dict(frame)), parquet)
    for act in (
        lambda: as_table(frame),
        lambda: as_table(pl.DataFrame({"^\0": [1.0], "b": [2.0]})),
        lambda: as_table(pa.table({"^\0": [1.0], "b": [2.0]})),
        lambda: read_table(parquet),
        lambda: read("^\0,b\n1,2\n"),
    ):
        with pytest.raises(DataError, match=r"column '\^\\x00' holds a NUL character; rename it"):
            act()
    frame.columns = pd.Index(["\ud800", "b"], dtype=object)
    with pytest.raises(DataError, match=r"column '\\ud800' holds a surrogate"):
        as_table(frame)


@pytest.mark.parametrize("dtype", [object, str])
def test_surrogates_in_values_become_the_replacement_character(dtype):
    # Python reads bytes that are not UTF-8 as such under the error handler "surrogateescape".
    values = np.array([["a\udcff"], ["b"], ["\ud83d\ude00"]], dtype)
    expected = {"0": ["a\ufffd", "b", "\U0001f600"]}
    assert as_table(values).to_pydict() == expected
    series = pd.Series(values[:, 0], name="0", dtype=object)
    assert as_table(series.to_frame()).to_pydict() == expected
