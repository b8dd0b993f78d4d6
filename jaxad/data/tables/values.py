"""Values of Arrow columns as numbers and as texts, the same for typed columns and for text."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxad.data.tables.arrow import load_compute
from jaxad.data.tables.labels import as_text
from jaxad.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "GAP_WORDS",
    "Numbers",
    "find_texts",
    "is_declared_category",
    "normalise",
    "read_numbers",
]

# What numeric columns of files have in place of a missing value, in lower case.
GAP_WORDS = frozenset(
    ("", "na", "n/a", "#n/a", "nan", "-nan", "+nan", "nat", "null", "none", "<na>", "?", "-", "--")
)
_TRUTH = {"true": 1.0, "false": 0.0}
_NUMBER = r"^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$"


class Numbers(NamedTuple):
    """A column as numbers.

    Attributes:
        value: `(n,)` NaN where a row has no number.
        odd: `(n,)` whether a row holds text that is neither a number nor a word for a gap.
        texts: The first of these texts.
        truth: Whether all values are "true" and "false".
    """

    value: Float[np.ndarray, "n"]
    odd: Bool[np.ndarray, "n"]
    texts: tuple[str, ...] = ()
    truth: bool = False


def normalise(column: "pa.ChunkedArray", name: str) -> "pa.ChunkedArray":
    """Return a column of one of the types float64, boolean, timestamp, string or dictionary.

    Raises:
        DataError: A column of another type, such as one of lists.
    """
    import pyarrow as pa
    from pyarrow import types

    pc = load_compute()
    kind = column.type
    if types.is_dictionary(kind):
        inner = kind.value_type
        if types.is_boolean(inner) or types.is_temporal(inner) or types.is_null(inner):
            return normalise(column.cast(inner), name)
        return column.unify_dictionaries()
    if types.is_boolean(kind) or types.is_string(kind) or types.is_large_string(kind):
        return column
    if types.is_null(kind):
        return column.cast(pa.string())
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        # Large whole numbers are rounded.
        return pc.cast(column, pa.float64(), safe=not types.is_integer(kind))
    if types.is_timestamp(kind) or types.is_date(kind):
        unit = pa.timestamp("us", kind.tz if types.is_timestamp(kind) else None)
        return pc.cast(column, unit, safe=False)
    if types.is_duration(kind):
        seconds = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}[kind.unit]
        return pc.multiply(pc.cast(pc.cast(column, pa.int64()), pa.float64()), seconds)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        found = [v if v is None else v.decode(errors="replace") for v in column.to_pylist()]
        return pa.chunked_array([pa.array(found, pa.string())])
    if "string_view" in str(kind):
        return column.cast(pa.string())
    raise DataError(
        f"column {name!r} is of type {kind}; columns must hold numbers, booleans, dates or text: "
        "convert it, or drop it (--drop)"
    )


def is_declared_category(column: "pa.ChunkedArray") -> bool:
    """Return whether a column is declared as categorical, as by pandas and polars."""
    from pyarrow import types

    return types.is_dictionary(column.type)


def read_numbers(column: "pa.ChunkedArray", *, most: int | None = None) -> Numbers | None:
    """Read a column as numbers; booleans count as 0 and 1.

    Args:
        column: A column as `normalise` returns it.
        most: The largest number of different texts that are not plain numbers; None: any.

    Returns:
        The numbers; None if there are more such texts than `most`.
    """
    import pyarrow as pa
    from pyarrow import types

    pc = load_compute()
    kind = column.type
    if types.is_dictionary(kind):
        return _read_dictionary(column)
    if types.is_timestamp(kind):
        return Numbers(np.full(len(column), np.nan), _as_mask(column.is_valid()))
    if types.is_boolean(kind) or types.is_floating(kind):
        return Numbers(_as_floats(column), np.zeros(len(column), bool), (), types.is_boolean(kind))
    nothing = np.zeros(len(column), bool)
    try:
        return Numbers(_as_floats(pc.cast(column, pa.float64())), nothing)
    except pa.ArrowInvalid:
        trimmed = pc.utf8_trim_whitespace(column)
    plain = pc.match_substring_regex(trimmed, _NUMBER)
    value = _as_floats(pc.cast(pc.if_else(plain, trimmed, None), pa.float64()))
    others = pc.if_else(plain, None, trimmed).combine_chunks().dictionary_encode()
    texts = others.dictionary.to_pylist()
    if most is not None and len(texts) > most:
        return None
    codes = _as_codes(others.indices)
    parsed = np.array([_parse_text(text) for text in texts] + [np.nan])
    wrong = np.array(
        [np.isnan(p) and t.lower() not in GAP_WORDS for p, t in zip(parsed, texts, strict=False)]
        + [False]
    )
    truth = (
        np.isnan(value).all()
        and {t.lower() for t in texts} & _TRUTH.keys()
        and all(t.lower() in _TRUTH or t.lower() in GAP_WORDS for t in texts)
    )
    value = np.where(codes < 0, value, parsed[codes])
    return Numbers(value, wrong[codes], tuple(np.array(texts, object)[wrong[:-1]]), bool(truth))


def find_texts(column: "pa.ChunkedArray") -> tuple[Int[np.ndarray, "n"], list[str]]:
    """Return the text of each value by `as_text`.

    Args:
        column: A column as `normalise` returns it.

    Returns:
        `(n,)` the number of the text, -1 for a missing value; and the different texts.
    """
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.combine_chunks()
        encoded = column if not hasattr(column, "chunks") else column.chunk(0)
    else:
        encoded = column.combine_chunks().dictionary_encode()
        encoded = encoded if not hasattr(encoded, "chunks") else encoded.chunk(0)
    codes = _as_codes(encoded.indices)
    number: dict[str, int] = {}
    places = []
    for value in encoded.dictionary.to_pylist():
        text = as_text(value)
        places.append(-1 if text is None else number.setdefault(text, len(number)))
    return np.array([*places, -1], np.int64)[codes], list(number)


def _read_dictionary(column: "pa.ChunkedArray") -> Numbers:
    codes, texts = find_texts(column)
    parsed = np.array([_parse_text(text) for text in texts] + [np.nan])
    wrong = np.array(
        [
            bool(np.isnan(p)) and t.lower() not in GAP_WORDS
            for p, t in zip(parsed, texts, strict=False)
        ]
        + [False]
    )
    return Numbers(parsed[codes], wrong[codes], tuple(np.array(texts, object)[wrong[:-1]]))


def _parse_text(text: str) -> float:
    """Return a text as a number, NaN if it is none; infinity is a number."""
    text = text.strip()
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    try:
        return np.nan if "_" in text else float(text)
    except ValueError:
        return np.nan


def _as_floats(column: Any) -> np.ndarray:
    import pyarrow as pa

    pc = load_compute()
    return np.array(pc.cast(column, pa.float64()).to_numpy(), np.float64)


def _as_codes(indices: Any) -> np.ndarray:
    import pyarrow as pa

    pc = load_compute()
    filled = pc.fill_null(pc.cast(indices, pa.int64()), -1)
    return np.asarray(filled.to_numpy(zero_copy_only=False), np.int64)


def _as_mask(column: Any) -> np.ndarray:
    return np.asarray(column.to_numpy(), bool)
