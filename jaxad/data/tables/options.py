"""The options by which a table is read; every command and function takes the same."""

import difflib
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from jaxad.data.series.options import SeriesOptions
from jaxad.errors import ConfigError

__all__ = ["HeaderKind", "TableOptions", "check_options", "unknown_column"]

HeaderKind = Literal["auto", "yes", "no"]


class TableOptions(NamedTuple):
    """How a table is read, and which part each column has.

    Attributes:
        label: The label column. None: the one named label, y, anomaly or outlier, if any; "none":
            no column holds labels.
        positive: The values of labelled anomalies; (): 1 and True.
        normal: The values of verified normal rows; (): none.
        id: The column that names the rows in outputs and is not trained on. None: row numbers.
        drop: Columns that are not read.
        missing: Texts that mean a missing value, beside the empty one.
        delimiter: The delimiter of a csv file, one character. None: the one that the first lines
            suggest.
        header: Whether the first line of a csv file holds names. "auto": it does unless its values
            are numbers.
        decimal: The decimal sign of a csv file, "." or ",".
        size: The size that the pictures of a folder get; see `parse_size`.
        series: How the rows are read as series; None: they are rows of a table.
    """

    label: str | None = None
    positive: tuple[str, ...] = ()
    normal: tuple[str, ...] = ()
    id: str | None = None
    drop: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    delimiter: str | None = None
    header: HeaderKind = "auto"
    decimal: Literal[".", ","] = "."
    size: str | None = None
    series: SeriesOptions | None = None


def check_options(options: TableOptions) -> None:
    """Raise a `ConfigError` if an option has a value that is not allowed."""
    sign = options.delimiter
    if sign is not None and (
        len(sign) != 1 or sign.isalnum() or not sign.isascii() or sign in '".-+\r\n'
    ):
        raise ConfigError(
            f"delimiter (--delimiter) {sign!r} must be one character, such as ',' or ';' or a tab; "
            "not a letter, a digit, a sign, a quote or a line break"
        )
    if options.header not in get_args(HeaderKind):
        raise ConfigError(f"header (--header) {options.header!r} must be auto, yes or no")
    if options.decimal not in (".", ","):
        raise ConfigError(f"decimal (--decimal) {options.decimal!r} must be '.' or ','")
    if options.delimiter == options.decimal:
        raise ConfigError(f"delimiter and decimal are both {sign!r}; they must differ")
    roles = [name for name in (options.label, options.id, *options.drop) if name is not None]
    twice = [name for name in roles if roles.count(name) > 1]
    if twice:
        raise ConfigError(
            f"label, id and drop (--label, --id, --drop) name column {twice[0]!r} twice; a column "
            "has one part"
        )


def unknown_column(what: str, option: str, given: str, names: Sequence[str]) -> ConfigError:
    """Return the error for an option that names a column which a table does not have.

    Args:
        what: The name of the table.
        option: The option, without its dashes.
        given: The name that was given.
        names: The names of the table's columns.
    """
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    more = ", ..." if len(names) > 20 else ""
    return ConfigError(
        f"{what}: {option} (--{option}) {given!r} is not a column.{hint} Columns are "
        f"{', '.join(names[:20])}{more}"
    )
