"""The part that each column of a table has: id, label or feature."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxad.data.tables.labels import as_text
from jaxad.data.tables.options import TableOptions, check_options, unknown_column
from jaxad.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "LABEL_NAMES",
    "LAST",
    "LIKE_LABELS",
    "NAMED",
    "Roles",
    "assign_roles",
    "find_label_like",
]

LABEL_NAMES = ("label", "y", "anomaly", "outlier")
# Names, without blanks, signs and a leading "is", of columns that look like labels.
LIKE_LABELS = (
    *("class", "target", "label", "labels", "fraud", "fraudulent", "anomaly", "anomalous"),
    *("outlier", "abnormal", "attack", "intrusion", "malicious", "malware", "defect", "defective"),
    *("fault", "faulty", "failure", "truth", "groundtruth", "ytrue", "classlabel", "positive"),
)
# Why a column of 0 and 1 looks like a label.
NAMED, LAST = "its name is that of a label", "it is the last column"


class Roles(NamedTuple):
    """The part of each column.

    Attributes:
        id: The column that names the rows; None for row numbers.
        label: The column of labels; None if there is none.
        features: All other columns, in order, without those of `drop` and of an index.
    """

    id: str | None
    label: str | None
    features: tuple[str, ...]


def assign_roles(
    table: Any,
    options: TableOptions | None = None,
    known: Sequence[str] = (),
    *,
    index: Sequence[str] = (),
    what: str = "X",
) -> Roles:
    """Assign a part to each column.

    Args:
        table: An Arrow table, or the names of its columns alone. Of an Arrow table, a column of 0
            and 1 that looks like a label is an error, unless the label is settled.
        options: The columns that are named.
        known: The names of the columns of training; none of them is taken as the label by its name.
        index: The columns of an index of pandas; the only one names the rows unless `options.id`
            does.
        what: The name of the table in errors.

    Returns:
        The parts. Under `known`, the features are the columns that are also among those.

    Raises:
        ConfigError: A named column does not exist, several columns have usual names of labels, or a
            column looks like a label.
        DataError: No column is a feature.
    """
    options = options or TableOptions()
    check_options(options)
    names = tuple(table.column_names if hasattr(table, "column_names") else table)
    named = {"label": options.label, "id": options.id}
    for option, name in named.items():
        if name is not None and name not in names and (option, name) != ("label", "none"):
            raise unknown_column(what, option, name, names)
    label = _find_label(names, options, known, what)
    ids = options.id or (index[0] if len(index) == 1 and index[0] != label else None)
    others = {ids, label, *options.drop, *index}
    if known:
        # A column of training is a feature even if it is the index of this table.
        features = tuple(n for n in names if n in known and n not in {label, options.id})
        return Roles(None if ids in features else ids, label, features)
    features = tuple(name for name in names if name not in others)
    if not features:
        raise DataError(f"{what}: has no columns but the label, the id and those of --drop")
    if label is None and options.label is None and hasattr(table, "column_names"):
        _refuse_labels(table, features, what)
    return Roles(ids, label, features)


def _find_label(
    names: tuple[str, ...], options: TableOptions, known: Sequence[str], what: str
) -> str | None:
    if options.label is not None:
        return None if options.label == "none" and "none" not in names else options.label
    taken = {*known, *options.drop, options.id}
    found = [n for n in names if n.strip().lower() in LABEL_NAMES and n not in taken]
    if len(found) > 1:
        raise ConfigError(
            f"{what}: any of {', '.join(found)} may be the label column; choose one with --label "
            "COLUMN, or --label none if none is"
        )
    return found[0] if found else None


def _refuse_labels(table: "pa.Table", features: tuple[str, ...], what: str) -> None:
    """Raise a `ConfigError` if a feature looks like a label."""
    found = find_label_like(features, table.column)
    if found:
        name, held, why = found
        raise ConfigError(
            f"{what}: column {name!r} holds only {held}, and {why}. Say whether it is the label: "
            f"--label {name} if it is, --label none if it is a feature"
        )


def find_label_like(
    features: Sequence[str], column: Callable[[str], "pa.ChunkedArray"]
) -> tuple[str, str, str] | None:
    """Find the first feature that looks like a label.

    It does if it has a name of `LIKE_LABELS` and holds nothing but 0 and 1 (or false and true), or
    two other values; or if it holds 0 and 1 and is the last of several columns.

    Args:
        features: The names of the features.
        column: Returns the values of a feature; called for those that come into question.

    Returns:
        Its name, the values that it holds, and why it looks like a label; None if there is none.
    """
    for place, name in enumerate(features, 1):
        like = re.sub(r"[^a-z]", "", name.lower())
        alike = like in LIKE_LABELS or like.removeprefix("is") in LIKE_LABELS
        last = 1 < place == len(features)
        if not (alike or last):
            continue
        values = _list_values(column(name))
        truths = values <= {"0", "1"}
        binary = len(values) == 2
        if (alike and (binary or (values and truths))) or (last and binary and truths):
            held = "0 and 1" if truths else " and ".join(sorted(values))
            return name, held, NAMED if alike else LAST
    return None


def _list_values(column: "pa.ChunkedArray") -> set[str]:
    """Return the values of a column, "1" for true and "0" for false; nothing if they are many."""
    unique = column.unique()
    if len(unique) > 5:  # 0, 1, true, false and null at most
        return set()
    texts = {as_text(value) for value in unique.to_pylist()} - {None}
    same = {"true": "1", "false": "0"}
    return {same.get(text, text) for text in texts if text is not None}
