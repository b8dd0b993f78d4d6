"""The options by which a table is read as one or several series."""

from typing import NamedTuple

from jaxad.errors import ConfigError

__all__ = ["SeriesOptions", "check_series_options"]


class SeriesOptions(NamedTuple):
    """How a table is read as series.

    Attributes:
        time: The column of timestamps or numbers. None: rows are in order and evenly spaced.
        group: The column that tells several series of one table apart; None: there is one series.
        window: The number of timestamps in a window, at least 2. None: chosen by the
            autocorrelation; see `choose_window`.
        stride: The number of timestamps from one window to the next, at least 1. None: a tenth of
            the window, at least 1.
    """

    time: str | None = None
    group: str | None = None
    window: int | None = None
    stride: int | None = None


def check_series_options(options: SeriesOptions) -> None:
    """Raise a `ConfigError` if an option has a value that is not allowed."""
    if options.window is not None and options.window < 2:
        raise ConfigError(
            f"window (--window) must be at least 2 timestamps; given {options.window}. For single "
            "timestamps, read the file as a table, without --time, --window and --group"
        )
    if options.stride is not None and options.stride < 1:
        raise ConfigError(f"stride (--stride) must be at least 1; given {options.stride}")
    if options.time is not None and options.time == options.group:
        raise ConfigError(
            f"time and group (--time, --group) both name column {options.time!r}; a column has one "
            "part"
        )
