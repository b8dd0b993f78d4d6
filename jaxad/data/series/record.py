"""What a saved detector keeps of the series that it was trained on, as values of JSON."""

from typing import Any, NamedTuple

from jaxad.data.series.options import SeriesOptions
from jaxad.errors import DataError

__all__ = ["SeriesRecord"]

_TEXTS, _MOST = 1000, 2**20


class SeriesRecord(NamedTuple):
    """How series are read and cut to windows, the same for training and for scoring.

    Attributes:
        time: The time column; None if rows are in order.
        group: The column of groups; None for one series.
        layout: How times are written; see `Times`.
        window: The number of timestamps in a window.
        stride: The number of timestamps from one window to the next.
        flat: Whether the detector takes a window as a row of a table.
    """

    time: str | None
    group: str | None
    layout: str
    window: int
    stride: int
    flat: bool

    @property
    def options(self) -> SeriesOptions:
        """The options by which further series are read."""
        return SeriesOptions(self.time, self.group, self.window, self.stride)

    def dump(self) -> dict[str, Any]:
        """Return the record as values of JSON, for `SeriesRecord.restore`."""
        return self._asdict()

    @classmethod
    def restore(cls, values: Any) -> "SeriesRecord":
        """Return the record that `dump` was called on.

        Raises:
            DataError: The values do not describe series.
        """
        if not isinstance(values, dict) or values.keys() != set(cls._fields):
            raise DataError("series: not the description of series")
        found = cls(**values)
        texts = all(
            text is None or (isinstance(text, str) and len(text) <= _TEXTS)
            for text in (found.time, found.group, found.layout)
        )
        counts = type(found.window) is int and type(found.stride) is int
        if not (texts and found.layout is not None and counts and type(found.flat) is bool):
            raise DataError("series: a part is of a wrong kind")
        if not (2 <= found.window <= _MOST and 1 <= found.stride <= _MOST):
            raise DataError("series: window or stride is out of its range")
        return found
