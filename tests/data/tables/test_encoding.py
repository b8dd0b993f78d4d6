"""One encoding of tables: what becomes of each kind of column, typed or as text."""

import io
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from fuzzing import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from jaxad.data.tables.encoding import Encoding, check_columns, fit_encoding
from jaxad.errors import DataError, DataWarning


def as_text_table(table: pa.Table) -> pa.Table:
    """Return a table as a csv file of it is read: strings, null where a cell is empty."""
    file = io.BytesIO()
    csv.write_csv(table, file)
    file.seek(0)
    types = {name: pa.string() for name in table.column_names}
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
    lines = csv.ParseOptions(ignore_empty_lines=False)
    return csv.read_csv(file, parse_options=lines, convert_options=options)


def as_parquet(table: pa.Table) -> pa.Table:
    file = io.BytesIO()
    parquet.write_table(table, file)
    file.seek(0)
    return parquet.read_table(file)


def make_table(n: int = 300, seed: int = 0) -> pa.Table:
    """A column of each kind, some with gaps."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "size": pa.array(rng.normal(size=n), mask=rng.random(n) < 0.1),
            "count": rng.integers(-3, 9, size=n),
            "exact": [Decimal(int(v)) / 8 for v in rng.integers(0, 99, size=n)],
            "ok": pa.array(rng.random(n) < 0.8, mask=rng.random(n) < 0.05),
            "colour": pa.array(
                rng.choice(["red", "green", "NA"], size=n), mask=rng.random(n) < 0.1
            ),
            "when": pd.date_range("2024-01-31", periods=n, freq="7h"),
            "zone": pd.date_range("2024-01-31", periods=n, freq="13h", tz="Europe/Berlin"),
        }
    )


def encode(values, new, **options):
    """Fit an encoding to one column and encode other values of it."""
    encoding = fit_encoding(pa.table({"c": values}), **options)
    return encoding.columns[0], encoding.apply(pa.table({"c": new}))


def test_numbers_and_booleans_by_hand():
    column, new = encode([1.0, None, 4.0, 2.0], ["3", "", " +5 ", "n/a"])
    assert column.kind == "number"
    np.testing.assert_array_equal(new.x, [[3, 0], [2, 1], [5, 0], [2, 1]])
    column, new = encode(["True", "false", "TRUE"], pa.array([True, False, None]))
    assert column.kind == "boolean"
    np.testing.assert_array_equal(new.x, [[1], [0], [1]])


def test_categories_by_hand():
    values = ["a"] * 150 + ["b"] * 98 + ["rare"] + [None]
    column, new = encode(values, ["a", "b", "rare", "never", None])
    assert column.names == ["c_a", "c_b", "c_other"]
    np.testing.assert_array_equal(new.x, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]])
    expected = [1, 1, 2 / 252, 1 / 252, 2 / 252]
    np.testing.assert_allclose(new.events.smallest, expected)
    described = [new.events.describe(row) for row in range(5)]
    kinds = ("rare category", "unseen category", "gap")
    assert described == [[], [], *([f"{kind} in `c`"] for kind in kinds)]


def test_only_the_most_frequent_categories_have_columns():
    values = [f"c{i % 40}" for i in range(4000)] + ["c0", "c1"]
    column, new = encode(values, ["c0", "c39", "new"], max_categories=2)
    assert column.names == ["c_c0", "c_c1", "c_other"]
    np.testing.assert_array_equal(new.x, [[1, 0, 0], [0, 0, 1], [0, 0, 1]])
    # A category of the 39 that are equally common is not rare.
    np.testing.assert_allclose(new.events.smallest, [1, 1, 1 / 4004])


def test_frequent_gaps_are_a_category_and_no_event():
    column, new = encode(["a", "b", None] * 100, ["a", None])
    assert column.names == ["c_a", "c_b", "c_missing", "c_other"]
    np.testing.assert_array_equal(new.x, [[1, 0, 0, 0], [0, 0, 1, 0]])
    assert not len(new.events.row)


def test_names_differ_when_a_category_is_called_other():
    encoding = fit_encoding(pa.table({"c": ["other", "x"] * 50}))
    assert encoding.names == ["c_other", "c_x", "c_other_"]
    np.testing.assert_array_equal(
        encoding.apply(pa.table({"c": ["other", "new"]})).x, [[1, 0, 0], [0, 0, 1]]
    )


def test_dates_by_hand():
    values = ["2024-01-01", "2024-01-03T12:00:00", "2024-03-02 00:00:00+00:00", None]
    column, new = encode(values, ["2024-01-02 06:00:00+06:00", None])
    assert column.kind == "date"
    assert column.names[0] == "c_days"
    assert column.parts == ("hour", "weekday", "month")
    tuesday = 2 * np.pi / 7
    expected = [1, 0, 1, np.sin(tuesday), np.cos(tuesday), 0, 1, 0]
    np.testing.assert_allclose(new.x[0], expected, atol=1e-12)
    assert new.x[1, 0] == 2.5
    assert new.x[1, -1] == 1


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["31.01.2024", "02.02.2024"], 2),
        (["31/01/2024", "02/02/2024"], 2),
        (["01/31/2024 14:00", "02/02/2024 14:00"], 2),
        (["1/31/2024 2:05 PM", "2/1/2024 2:05 AM"], 0.5),
        (["2024/1/31", "2024/2/2"], 2),
        (["31 Jan 2024", "02 Feb 2024"], 2),
        (["2024-01-31T00:00:00Z", "2024-02-02T00:00:00.5Z"], 2 + 0.5 / 86400),
        (["2024-01-31 00:00:00 UTC", "2024-02-02 00:00:00 UTC"], 2),
        (["2024-01-31", "9999-12-31"], 2913143),
    ],
)
def test_common_ways_to_write_dates(texts, days):
    column, new = encode(texts, texts)
    assert column.kind == "date"
    np.testing.assert_allclose(new.x[:, 0], [0, days])


def test_dates_whose_day_and_month_cannot_be_told_apart_are_refused():
    with pytest.raises(DataError, match=r"'c' holds dates such as .*year-month-day"):
        fit_encoding(pa.table({"c": ["01/02/2024", "03/04/2024"]}))


def test_dates_that_cannot_be_parsed_are_events():
    values = [f"2024-01-{i % 28 + 1:02}" for i in range(300)]
    _, new = encode(values, ["2024-02-01", "2024-02-30", "soon", "", "nat"])
    assert [new.events.describe(row) for row in range(5)] == [
        [],
        ["text in place of a date in `c`"],
        ["text in place of a date in `c`"],
        ["gap in `c`"],
        ["gap in `c`"],
    ]


def test_typed_columns_and_text_are_encoded_alike():
    table = make_table()
    frame = table.to_pandas()
    doors = {
        "text": as_text_table(table),
        "parquet": as_parquet(table),
        "pandas": pa.Table.from_pandas(frame),
        "polars": pl.from_arrow(table).to_arrow(),
        "pieces": pa.concat_tables([table.slice(0, 7), table.slice(7)]),
    }
    encoding = fit_encoding(table)
    expected = encoding.apply(table)
    assert np.isfinite(expected.x).all()
    for name, other in doors.items():
        fitted = fit_encoding(other)
        assert fitted == encoding, name
        np.testing.assert_array_equal(encoding.apply(other).x, expected.x, name)
        for part, right in zip(encoding.apply(other).events, expected.events, strict=True):
            np.testing.assert_array_equal(part, right)


cells = st.one_of(
    st.none(),
    st.integers(-(2**40), 2**40),
    st.floats(-1e30, 1e30),
    st.booleans(),
    st.sampled_from(["a", "b", "NA", "x y", "1.0", "1", "true", "2024-01-01", "é", "-", '"q"']),
)
columns = st.one_of(
    st.lists(st.one_of(st.none(), st.floats(-9, 9)), min_size=6, max_size=6),
    st.lists(st.one_of(st.none(), st.integers(-9, 9)), min_size=6, max_size=6),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=6, max_size=6),
    st.lists(
        st.one_of(st.none(), st.datetimes().map(lambda d: d.replace(fold=0))),
        min_size=6,
        max_size=6,
    ),
    st.lists(
        st.one_of(st.none(), cells.map(lambda v: None if v is None else str(v))),
        min_size=6,
        max_size=6,
    ),
)


@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(st.lists(columns, min_size=1, max_size=3), st.lists(columns, min_size=3, max_size=3))
@pytest.mark.filterwarnings("ignore::jaxad.errors.DataWarning")
def test_generated_tables_are_encoded_alike_typed_and_as_text(training, others):
    table = pa.table({f"x{i}": values for i, values in enumerate(training)})
    text = as_text_table(table)
    try:
        encoding = fit_encoding(table)
    except DataError as error:
        with pytest.raises(DataError) as again:
            fit_encoding(text)
        assert str(again.value) == str(error)
        return
    assert fit_encoding(text) == encoding
    assert Encoding.restore(json.loads(json.dumps(encoding.dump()))) == encoding
    new = pa.table({f"x{i}": values for i, values in enumerate(others)})
    for one in (table, new):
        expected, found = encoding.apply(one), encoding.apply(as_text_table(one))
        assert np.isfinite(expected.x).all()
        assert expected.x.shape == (6, len(encoding.names)) == (6, len(encoding.sources))
        np.testing.assert_array_equal(found.x, expected.x)
        np.testing.assert_array_equal(found.events.smallest, expected.events.smallest)


def test_a_declared_category_stays_one_in_every_type():
    frame = pd.DataFrame({"c": pd.Categorical([3, 1, 1, 2] * 30)})
    encoding = fit_encoding(pa.Table.from_pandas(frame))
    assert encoding.names == ["c_1", "c_2", "c_3", "c_other"]
    for values in ([3.0, 1.0], ["3", "1"], pa.array([3, 1], pa.int8()), ["3.0", " 1 "]):
        np.testing.assert_array_equal(
            encoding.apply(pa.table({"c": values})).x, [[0, 0, 1, 0], [1, 0, 0, 0]]
        )


@pytest.mark.parametrize("trained", [*make_table(9).column_names, "level", "empty"])
def test_any_kind_of_column_can_be_in_the_place_of_another(trained):
    kinds = make_table().append_column("level", pa.array(["low", "high"] * 150).dictionary_encode())
    kinds = kinds.append_column("empty", pa.array([None] * 300, pa.string()).dictionary_encode())
    encoding = fit_encoding(kinds.select([trained]))
    for name in kinds.column_names:
        column = kinds[name]
        typed = encoding.apply(pa.table({trained: column}))
        assert np.isfinite(typed.x).all()
        text = encoding.apply(as_text_table(pa.table({trained: column})))
        np.testing.assert_array_equal(text.x, typed.x)
        np.testing.assert_array_equal(text.events.smallest, typed.events.smallest)


def test_one_odd_entry_leaves_numbers_numbers():
    values = [str(i / 7) for i in range(499)] + ["n.a."]
    with pytest.warns(DataWarning, match=r"'c' holds numbers, and in 1 of 500 rows .*'n\.a\.'"):
        column, new = encode(values, ["1000000", "n.a.", ""])
    assert column.kind == "number"
    assert new.x[0, 0] == 1e6
    assert [new.events.describe(row) for row in range(3)] == [
        [],
        ["text in place of a number in `c`"],
        ["gap in `c`"],
    ]
    with pytest.raises(DataError, match="--missing"):
        fit_encoding(pa.table({"c": values}), strict=True)


def test_usual_words_for_gaps_are_gaps_without_a_warning():
    values = [str(i) for i in range(40)] + ["NA", "N/A", "nan", "null", "None", "?", "-", ""]
    column, _ = encode(values, values)
    assert (column.kind, column.gaps, column.odd) == ("number", 8, 0)


def test_many_odd_entries_are_an_error_and_few_numbers_a_category():
    mixed = [str(i) for i in range(90)] + ["bad", "worse"] * 5
    with pytest.raises(DataError, match=r"'c' holds numbers, and in 10 % .*'bad', 'worse'"):
        fit_encoding(pa.table({"c": mixed}))
    column, _ = encode(["1", "2", "3", "A"] * 20, ["1"])
    assert column.kind == "category"
    column, _ = encode(["A1", "B2", "C3", "4"] * 20, ["4"])
    assert column.kind == "category"


def test_identifiers_are_left_out():
    table = pa.table({"id": [f"tx{i}" for i in range(300)], "x": np.arange(300.0)})
    with pytest.warns(DataWarning, match=r"'id' has 300 different values .*left out"):
        encoding = fit_encoding(table)
    assert encoding.names == ["x"]
    assert encoding.required == ("x",)
    assert encoding.inputs == ("id", "x")
    np.testing.assert_array_equal(encoding.apply(table.select(["x"])).x[:, 0], np.arange(300))
    with pytest.raises(DataError, match="--id"):
        fit_encoding(table, strict=True)
    with (
        pytest.warns(DataWarning),
        pytest.raises(DataError, match="nothing to train on"),
    ):
        fit_encoding(table.select(["id"]))


def test_many_values_of_one_row_each_are_a_warning():
    values = [f"v{i}" for i in range(60)] + ["a", "b"] * 120
    with pytest.warns(DataWarning, match="60 values that only one of 300 rows has"):
        fit_encoding(pa.table({"c": values}))


def test_whole_numbers_are_never_taken_for_identifiers():
    column, _ = encode(np.arange(300), [5])
    assert column.kind == "number"


def test_empty_and_constant_columns():
    column, new = encode(pa.nulls(200), ["x", None])
    assert column.names == ["c_missing", "c_other"]
    np.testing.assert_array_equal(new.x, [[0, 1], [1, 0]])
    assert new.events.describe(0) == ["unseen category in `c`"]
    assert not new.events.describe(1)
    column, new = encode(["same"] * 200, ["same", "other"])
    np.testing.assert_array_equal(new.x, [[1, 0], [0, 1]])
    column, new = encode([5] * 200, [5, 6])
    np.testing.assert_array_equal(new.x, [[5], [6]])


def test_numbers_beyond_float32():
    with pytest.raises(DataError, match=r"'c' holds 1e\+39 in row 1; .*finite in float32"):
        fit_encoding(pa.table({"c": [0.0, 1e39]}))
    with pytest.raises(DataError, match="inf in row 1"):
        fit_encoding(pa.table({"c": ["0", "inf"]}))
    largest = np.finfo(np.float32).max
    _, new = encode([0.0, 1.0], ["1e39", "-inf"])
    np.testing.assert_array_equal(new.x[:, 0], [largest, -largest])


@pytest.mark.parametrize(
    "values",
    [[[1, 2], [3]], [{"a": 1}, {"a": 2}], pa.array([1, 2], pa.time32("s"))],
    ids=["lists", "structs", "times"],
)
def test_columns_of_other_kinds_are_refused_by_name(values):
    with pytest.raises(DataError, match=r"column 'c' is of type .*--drop"):
        fit_encoding(pa.table({"c": values}))


def test_durations_are_seconds():
    values = pa.array([1_000_000, 2_500_000], pa.duration("us"))
    np.testing.assert_array_equal(encode(values, values)[1].x[:, 0], [1, 2.5])


def test_tables_without_rows_or_with_two_columns_of_a_name_are_refused():
    for table in (pa.table({"x": pa.array([], pa.float64())}), make_table(3).select([])):
        with pytest.raises(DataError, match="at least one of each"):
            fit_encoding(table)
    with pytest.raises(DataError, match="'x'"):
        fit_encoding(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"]))


def test_columns_are_found_by_name():
    encoding = fit_encoding(make_table())
    table = make_table(50, seed=1)
    shuffled = table.select(table.column_names[::-1]).append_column("new", pa.nulls(50))
    np.testing.assert_array_equal(encoding.apply(shuffled).x, encoding.apply(table).x)
    with pytest.raises(DataError, match="missing: ok"):
        encoding.apply(table.drop_columns("ok"))
    with pytest.raises(DataError, match=r"f\.csv: .*missing: ok; not in training: new"):
        check_columns(encoding, [n for n in shuffled.column_names if n != "ok"], "f.csv")
    with pytest.warns(DataWarning, match=r"f\.csv: .*not in training: new; they are ignored"):
        check_columns(encoding, shuffled.column_names, "f.csv")
    with pytest.raises(DataError, match="new; drop them"):
        check_columns(encoding, shuffled.column_names, "f.csv", strict=True)


def test_no_rows_are_encoded_as_none():
    encoding = fit_encoding(make_table())
    none = encoding.apply(make_table(3).slice(3))
    assert none.x.shape == (0, len(encoding.names))
    assert none.events.rows == 0
    none = encoding.apply(as_text_table(make_table(3)).slice(3))
    assert not len(none.x)


def test_large_tables_of_categories_are_bounded():
    values = [f"c{i}" for i in range(12_000)] * 2 + ["frequent"] * 2000
    column, new = encode(values, ["frequent", "never", "c5"])
    assert len(column.categories) == 10_000
    # 2,001 categories of two rows each are not stored: none of these values is surely new.
    assert not len(new.events.row)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "list"},
        {"rows": -1},
        {"rows": 1},
        {"median": float("nan")},
        {"median": "1"},
        {"counts": [1]},
        {"counts": ["a", "b", "c"]},
        {"categories": [1, 2, 3]},
        {"own": 9},
        {"parts": ["second"]},
        {"start": 0.5},
        {"start": 2**70},
        {"rows": 10**400},
        {"median": 10**400},
        {"kind": "date", "layout": "%Q"},
        {"more": 1},
        {"name": 1},
    ],
    ids=str,
)
def test_a_changed_description_is_refused(change):
    dumped = fit_encoding(pa.table({"c": ["a", "b", "c", "a"]})).dump()
    Encoding.restore(dumped)
    dumped["columns"][0] |= change
    with pytest.raises(DataError, match="encoding"):
        Encoding.restore(dumped)


@pytest.mark.parametrize(
    "values", [None, [], {}, {"columns": []}, {"columns": [1]}, {"columns": [{}]}], ids=str
)
def test_other_values_are_no_encoding(values):
    with pytest.raises(DataError, match="encoding"):
        Encoding.restore(values)
