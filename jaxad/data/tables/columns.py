"""The description of an encoded column: plain values that are stored as JSON and read strictly."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

from jaxad.data.arrays import MAX_FLOAT32
from jaxad.errors import DataError

__all__ = [
    "COMMON_ROWS",
    "DATE_PARTS",
    "MAX_STORED",
    "RARE",
    "ROUNDED",
    "Column",
    "ColumnKind",
    "DatePart",
    "dump_columns",
    "restore_columns",
    "smooth",
]

ColumnKind = Literal["number", "boolean", "date", "category", "left out"]
DatePart = Literal["hour", "weekday", "month"]
DATE_PARTS: tuple[DatePart, ...] = get_args(DatePart)

RARE = 0.01  # an event with at most this smoothed frequency raises the score
COMMON_ROWS = 10  # a category in so many rows may have a column of its own, however rare it is
ROUNDED = 1e-6  # how far from a number, as a share of it, another one is the same
MAX_STORED = 10_000  # categories whose counts are stored
_MOST_DAYS = 5e7  # some hundred thousand years; as microseconds they fit into int64
_LATEST = int(_MOST_DAYS) * 86_400_000_000


class Column(NamedTuple):
    """The description of a column of the training rows.

    Attributes:
        name: The name of the column.
        kind: "number", "boolean", "date", "category", or "left out" for a column that is not
            encoded because nearly all of its values differ.
        rows: The number of training rows.
        gaps: The number of training rows without a value.
        odd: The number of training rows with text in a column of numbers, booleans or dates.
        median: The value that gaps are replaced by; for dates in days since `start`.
        start: The first date, in microseconds since 1970.
        layout: How dates are written as text; see `jaxad.data.tables.dates`.
        parts: The parts of dates that vary in training.
        categories: Categories by falling frequency.
        counts: The number of training rows of each category.
        own: The number of categories with a column of their own, the first ones.
        constant: Whether a column of numbers or booleans has at least `COMMON_ROWS` values in
            training, all the same up to `ROUNDED`; False in detectors of jaxad 0.2 and before.
    """

    name: str
    kind: ColumnKind
    rows: int = 0
    gaps: int = 0
    odd: int = 0
    median: float = 0.0
    start: int = 0
    layout: str = ""
    parts: tuple[DatePart, ...] = ()
    categories: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    own: int = 0
    constant: bool = False

    @property
    def has_indicator(self) -> bool:
        """Whether the column of numbers or dates has an indicator of gaps."""
        return self.gaps + self.odd > 0

    @property
    def has_missing(self) -> bool:
        """Whether the value "missing" of a category has a column of its own."""
        return self.gaps > 0 and (
            self.gaps >= COMMON_ROWS or smooth(self.gaps, self.rows) > RARE or not self.categories
        )

    @property
    def stored(self) -> int:
        """The number of training rows whose categories are stored."""
        return sum(self.counts)

    @property
    def names(self) -> list[str]:
        """The names of the encoded columns."""
        if self.kind == "left out":
            return []
        if self.kind == "category":
            last = [f"{self.name}_missing"] if self.has_missing else []
            own = [f"{self.name}_{category}" for category in self.categories[: self.own]]
            return [*own, *last, f"{self.name}_other"]
        names = [self.name]
        if self.kind == "date":
            names = [f"{self.name}_days"]
            names += [f"{self.name}_{part}_{f}" for part in self.parts for f in ("sin", "cos")]
        return [*names, f"missingindicator_{self.name}"] if self.has_indicator else names


def smooth(count: Any, rows: int) -> Any:
    """Return the smoothed frequency of an event that `count` of `rows` training rows had."""
    return (count + 1) / (rows + 2)


def dump_columns(columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """Return descriptions as values of JSON, without the fields that have their defaults."""
    default = Column._field_defaults
    return [
        {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in column._asdict().items()
            if name not in default or value != default[name]
        }
        for column in columns
    ]


def restore_columns(values: Any) -> tuple[Column, ...]:
    """Return the descriptions that `dump_columns` was given.

    Raises:
        DataError: The values do not describe columns.
    """
    if not isinstance(values, list) or not values:
        raise DataError("encoding: not a list of columns")
    columns = tuple(_restore_column(value) for value in values)
    if len({column.name for column in columns}) < len(columns):
        raise DataError("encoding: two columns have the same name")
    if not any(column.names for column in columns):
        raise DataError("encoding: all columns are left out")
    return columns


def _restore_column(value: Any) -> Column:
    if not isinstance(value, Mapping) or not {"name", "kind"} <= value.keys():
        raise DataError(f"encoding: not a column: {str(value)[:80]}")
    unknown = value.keys() - set(Column._fields)
    if unknown:
        raise DataError(f"encoding: unknown field {sorted(map(str, unknown))[0]!r}")
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
    column = Column(**fields)
    whole = (column.rows, column.gaps, column.odd, column.own, *column.counts)
    right = (
        all(isinstance(text, str) for text in (column.name, column.layout))
        and column.kind in get_args(ColumnKind)
        and all(_is_whole(number) and number >= 0 for number in whole)
        and _is_whole(column.start)
        and abs(column.start) <= _LATEST
        and isinstance(column.median, int | float)
        and not isinstance(column.median, bool)
        and abs(column.median) <= (_MOST_DAYS if column.kind == "date" else MAX_FLOAT32)
        and isinstance(column.constant, bool)
        and isinstance(column.parts, tuple)
        and column.parts == tuple(part for part in DATE_PARTS if part in column.parts)
        and isinstance(column.categories, tuple)
        and all(isinstance(category, str) for category in column.categories)
        and len(set(column.categories)) == len(column.categories) == len(column.counts)
        and len(column.categories) <= MAX_STORED
        and list(column.counts) == sorted(column.counts, reverse=True)
        and column.own <= len(column.categories)
        and column.gaps + column.odd + column.stored <= column.rows
    )
    if not right:
        raise DataError(f"encoding: the description of column {str(column.name)!r} is broken")
    return column._replace(median=float(column.median))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62
