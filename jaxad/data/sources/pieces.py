"""Pieces of a table, and conversion of their columns to numbers or strings."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxad.data.arrays import MAX_FLOAT32

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NULLS", "Piece", "parse_number"]

NULLS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None")
NULLS += ("<NA>", "<na>")
_TRUTH = {"true": 1.0, "false": 0.0}


class Piece(NamedTuple):
    """Consecutive rows of a table.

    Attributes:
        columns: An Arrow array for each column, of text or of numbers; null where a value is
            missing.
        bad: The problem of each bad row found so far, by its index in the piece.
    """

    columns: dict[str, "pa.Array"]
    bad: dict[int, str]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def numbers(self, name: str, *, gaps: bool = False) -> Float[np.ndarray, "n"]:
        """Return a column as float64, and record bad rows.

        A value that is not a number in the range of float32 becomes NaN, and its row a bad row.

        Args:
            name: The column.
            gaps: Whether values may be missing; they become NaN.
        """
        values, wrong = _as_numbers(self.columns[name])
        with np.errstate(invalid="ignore"):
            wrong |= np.abs(values) > MAX_FLOAT32
        if not gaps:
            wrong |= np.isnan(values)
        for row in np.flatnonzero(wrong).tolist():
            held = self.columns[name][row].as_py()
            held = held.decode(errors="replace") if isinstance(held, bytes) else held
            said = "nothing" if held is None else repr(held)[:40]
            self.bad.setdefault(row, f"column {name!r} holds {said}")
            values[row] = np.nan
        return values

    def labels(self, name: str | None) -> Float[np.ndarray, "n"]:
        """Return a column of labels as float64; NaN where a label is missing or not a number."""
        if name is None:
            return np.full(len(self), np.nan)
        return _as_numbers(self.columns[name])[0]

    def words(self, name: str) -> list[str | None]:
        """Return a column as strings; None where a value is missing."""
        found = self.columns[name].to_pylist()
        return [v.decode(errors="replace") if isinstance(v, bytes) else _as_word(v) for v in found]


def _as_numbers(column: "pa.Array") -> tuple[np.ndarray, np.ndarray]:
    """Return a column as float64, NaN where a value is missing, and a mask of non-numbers."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_binary(column.type) or types.is_large_binary(column.type):
        try:
            column = column.cast(pa.string())
        except pa.ArrowInvalid:  # not UTF-8
            found = [v if v is None else v.decode(errors="replace") for v in column.to_pylist()]
            column = pa.array(found, pa.string())
    wrong = np.zeros(len(column), bool)
    try:
        safe = not types.is_integer(column.type)  # large whole numbers are rounded
        values = column.cast(pa.float64(), safe=safe).to_numpy(zero_copy_only=False)
        return np.array(values, np.float64), wrong
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        found = column.to_pylist()
    values = np.array([np.nan if v is None else parse_number(v) for v in found], np.float64)
    wrong = np.isnan(values) & np.array([v is not None for v in found])
    return values, wrong


def parse_number(value: Any) -> float:
    """Return a value as a number; NaN if it is not one."""
    if isinstance(value, str) and value.strip().lower() in _TRUTH:
        return _TRUTH[value.strip().lower()]
    try:
        return float("nan" if isinstance(value, str) and "_" in value else value)
    except (TypeError, ValueError):
        return np.nan


def _as_word(value: Any) -> str | None:
    return None if value is None else str(value)
