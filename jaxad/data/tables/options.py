"""The options by which a table is read; every command and function takes the same."""

from typing import Literal, NamedTuple

__all__ = ["HeaderKind", "TableOptions"]

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
