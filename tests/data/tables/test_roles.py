"""The part of each column, and columns that look like labels."""

import pyarrow as pa
import pytest

from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.roles import Roles, assign_roles
from jaxad.errors import ConfigError, DataError

CARDS = pa.table({"time": [1.5, 2.5], "amount": [3, 4], "Class": ["0", "1"]})


def test_the_label_is_named_or_has_a_usual_name():
    table = pa.table({"a": [1.0], "Label ": [1], "b": [2]})
    assert assign_roles(table) == Roles(None, "Label ", ("a", "b"))
    assert assign_roles(table, TableOptions(label="none")).features == ("a", "Label ", "b")
    assert assign_roles(table, TableOptions(label="b")) == Roles(None, "b", ("a", "Label "))
    assert assign_roles(table, known=("a", "Label ")) == Roles(None, None, ("a", "Label "))
    with pytest.raises(ConfigError, match="any of label, y may be the label column"):
        assign_roles(["a", "label", "y"])
    with pytest.raises(ConfigError, match=r"'clas' is not a column. Did you mean 'Class'\?"):
        assign_roles(CARDS, TableOptions(label="clas"))


@pytest.mark.parametrize("name", ["Class", "is_fraud", "IsFraud", "attack", "target", "y_true"])
@pytest.mark.parametrize("values", [[0, 1], [0.0, None], ["true", "false"], [True, False]])
def test_a_column_that_looks_like_a_label_is_never_silently_a_feature(name, values):
    table = pa.table({name: values, "a": [1.5, 2.5]})
    with pytest.raises(ConfigError, match=f"--label {name}.*--label none") as error:
        assign_roles(table)
    assert repr(name) in str(error.value)
    assert assign_roles(table, TableOptions(label=name)).features == ("a",)
    assert assign_roles(table, TableOptions(label="none")).features == (name, "a")
    assert assign_roles(table, known=("a",)).features == ("a",)


def test_two_words_in_a_column_with_the_name_of_a_label_too():
    table = pa.table({"a": [1.0, 2.0, 3.0], "Class": ["fraud", "ok", None]})
    with pytest.raises(ConfigError, match=r"'Class' holds only fraud and ok.*--label Class"):
        assign_roles(table)
    assert assign_roles(table, TableOptions(label="none")).features == ("a", "Class")
    assert assign_roles(table.rename_columns(["a", "city"])).features == ("a", "city")
    three = pa.table({"a": [1.0, 2.0, 3.0], "class": ["first", "second", "third"]})
    assert assign_roles(three).features == ("a", "class")


def test_the_last_column_of_0_and_1_too():
    table = pa.table({"a": [1.5, 2.5], "flag": [0, 1]})
    with pytest.raises(ConfigError, match="column 'flag' holds only 0 and 1, and it is the last"):
        assign_roles(table)
    for other in ({"flag": [0, 1], "a": [1.5, 2.5]}, {"flag": [0, 1]}, {"a": [1, 2], "b": [0, 0]}):
        assert assign_roles(pa.table(other)).features == tuple(other)
    assert assign_roles(pa.table({"a": [1], "class": ["x"]})).features == ("a", "class")


def test_ids_and_an_index_are_no_features():
    options = TableOptions(id="amount", label="Class")
    assert assign_roles(CARDS, options) == Roles("amount", "Class", ("time",))
    options = TableOptions(label="Class", drop=("time",))
    assert assign_roles(CARDS, options) == Roles(None, "Class", ("amount",))
    options = TableOptions(label="Class")
    assert assign_roles(CARDS, options, index=["time"]) == Roles("time", "Class", ("amount",))
    # A column of training is a feature even where it is the index.
    roles = assign_roles(CARDS, options, known=("time", "amount"), index=["time"])
    assert roles == Roles(None, "Class", ("time", "amount"))
    with pytest.raises(DataError, match="no columns but"):
        assign_roles(["label"])
