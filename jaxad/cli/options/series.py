"""Options of the commands that read series."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import arg

from jaxad.cli.options.common import Column, TableReading

__all__ = ["SeriesReading"]

Whole = Annotated[int | None, arg(help_behavior_hint="(optional)", metavar="INT")]


@dataclass(frozen=True, kw_only=True)
class SeriesReading(TableReading):
    """The options of every command that trains on series.

    Attributes:
        time: The column of timestamps or numbers of a series, which must increase. With this option
            or one of the next three, the rows of the table are timestamps, and all other columns
            are channels.
        group: The column that tells several series of one file apart; windows never cross them.
        window: The number of timestamps in a window. Default: the period of the series
            by its autocorrelation, from 10 to 300, else 50.
        stride: The number of timestamps from one window to the next. Default: a tenth of the
            window.
    """

    time: Column = None
    group: Column = None
    window: Whole = None
    stride: Whole = None
