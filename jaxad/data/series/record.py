"""What a saved detector keeps of the series that it was trained on, as values of JSON."""

from math import isfinite
from typing import Any, NamedTuple

from jaxad.data.series.options import SeriesOptions
from jaxad.errors import DataError

__all__ = ["SeriesRecord"]

_TEXTS, _MOST = 1000, 2**20
_LATER = {"step", "steps"}  # which earlier versions do not save


class SeriesRecord(NamedTuple):
    """How series are read and cut to windows, the same for training and for scoring.

    Attributes:
        time: The time column; None if rows are in order.
        group: The column of groups; None for one series.
        layout: How times are written; see `Times`.
        window: The number of timestamps in a window.
        stride: The number of timestamps from one window to the next.
        flat: Whether the detector takes a window as a row of a table.
        step: The median step, over the series of training; None where it was not saved.
        steps: The median steps of series of training with another one, by their names.
    """

    time: str | None
    group: str | None
    layout: str
    window: int
    stride: int
    flat: bool
    step: float | None = None
    steps: dict[str, float] = {}  # noqa: RUF012  # never changed

    @property
    def options(self) -> SeriesOptions:
        """The options by which further series are read."""
        return SeriesOptions(self.time, self.group, self.window, self.stride)

    def find_step(self, name: str) -> float | None:
        """Return the median step of a series in training; for another series, that of all."""
        return self.steps.get(name, self.step)

    def dump(self) -> dict[str, Any]:
        """Return the record as values of JSON, for `SeriesRecord.restore`."""
        return self._asdict()

    @classmethod
    def restore(cls, values: Any) -> "SeriesRecord":
        """Return the record that `dump` was called on.

        Raises:
            DataError: The values do not describe series.
        """
        if not isinstance(values, dict) or values.keys() | _LATER != set(cls._fields):
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
        steps: list[Any] = [None] if not isinstance(found.steps, dict) else [*found.steps.values()]
        steps += [] if found.step is None else [found.step]
        if not all(isinstance(s, float | int) and isfinite(s) and s > 0 for s in steps):
            raise DataError("series: a step is not a positive number")
        return found
