"""Types of options that several commands take."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast, get_args

from tyro.conf import UseAppendAction, arg

from jaxad.data.series.options import SeriesOptions
from jaxad.data.tables.options import HeaderKind, TableOptions

__all__ = [
    "Classes",
    "Common",
    "DataDir",
    "Exposure",
    "ExposureRows",
    "Own",
    "PictureReading",
    "Settings",
    "TableFormat",
    "TableReading",
    "read_table_options",
    "show_choices",
]


def show_choices(choices: Any) -> str:
    """Return how `--help` shows the values of a `Literal` type: "{a,b}"."""
    return f"{{{','.join(map(str, get_args(choices)))}}}"


Settings = Annotated[UseAppendAction[tuple[str, ...]], arg(name="set", metavar="FIELD=VALUE")]
Classes = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="CLASS")]
Own = Annotated[int | None, arg(help_behavior_hint="(default: the detector's own)", metavar="INT")]
DataDir = Annotated[
    Path | None, arg(help_behavior_hint="(default: the environment's JAXAD_DATA)", metavar="PATH")
]
Exposure = Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="DATASET")]
ExposureRows = Annotated[int | None, arg(help_behavior_hint="(default: all)", metavar="INT")]
Column = Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="COLUMN")]
Columns = Annotated[
    UseAppendAction[tuple[tuple[str, ...], ...]],
    arg(metavar="COLUMN [COLUMN ...]", help_behavior_hint="(optional)"),
]
Values = Annotated[
    UseAppendAction[tuple[tuple[str, ...], ...]],
    arg(metavar="VALUE [VALUE ...]", help_behavior_hint="(optional)"),
]
Modules = Annotated[UseAppendAction[tuple[str, ...]], arg(name="import", metavar="MODULE")]


@dataclass(frozen=True, kw_only=True)
class Common:
    """The options of every command.

    Attributes:
        debug: On an error, print the traceback.
        imports: A Python module that registers detectors, weightings or data sets, on Python's path
            or in the current folder. Give it again for another one.
    """

    debug: bool = False
    imports: Modules = ()


@dataclass(frozen=True, kw_only=True)
class TableFormat:
    """The options of every command that reads the features of a table.

    Attributes:
        label: The label column, which is not a feature. none: no column holds labels. An npz file
            has its labels in y.
        id: The column that names the rows in outputs and is not a feature.
        drop: Columns that are not used.
        missing: Texts that mean a missing value, beside the empty one.
        delimiter: The delimiter of a csv file, one character, or tab.
        header: Whether the first line of a csv file holds names. auto: unless its values are
            numbers.
        decimal: The decimal sign of a csv file, a point or a comma.
    """

    label: Annotated[
        str | None,
        arg(
            help_behavior_hint="(default: the one named label, y, anomaly or outlier, if any)",
            metavar="COLUMN",
        ),
    ] = None
    id: Column = None
    drop: Columns = ()
    missing: Values = ()
    delimiter: Annotated[
        str | None,
        arg(help_behavior_hint="(default: by the first lines)", metavar="CHARACTER"),
    ] = None
    header: HeaderKind = "auto"
    decimal: Annotated[str, arg(metavar="{.,,}")] = "."


@dataclass(frozen=True, kw_only=True)
class PictureReading:
    """The option of every command that reads pictures to train on.

    Attributes:
        size: The size that the pictures of a folder get, in pixels: 64, or 64x48 for WIDTHxHEIGHT;
            crop(64x48) and pad(64x48) keep the aspect ratio and cut to the centre or fill up with
            black. Default: all must have one size.
    """

    size: Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="SIZE")] = None


@dataclass(frozen=True, kw_only=True)
class TableReading(TableFormat):
    """The options of every command that reads the labels of a table.

    Attributes:
        positive: The values of labelled anomalies, instead of 1 and true. If the labels have one
            other value, it means unlabelled.
        normal: The values of verified normal rows. All labels but these and those of anomalies must
            be 0, -1, false or empty: unlabelled.
    """

    positive: Values = ()
    normal: Values = ()


def read_table_options(options: TableFormat) -> TableOptions:
    """Return how a table is read, from the options of a command."""
    values: dict[str, Any] = {
        name: tuple(text for texts in getattr(options, name, ()) for text in texts)
        for name in ("drop", "missing", "positive", "normal")
    }
    series = [getattr(options, name, None) for name in SeriesOptions._fields]
    tab = options.delimiter in ("tab", "\\t")
    return TableOptions(
        label=options.label,
        id=options.id,
        delimiter="\t" if tab else options.delimiter,
        header=options.header,
        decimal=cast(Any, options.decimal),  # checked where tables are read
        series=None if all(value is None for value in series) else SeriesOptions(*series),
        size=getattr(options, "size", None),
        **values,
    )
