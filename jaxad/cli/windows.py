"""Windows of series in the form that a detector takes."""

from jaxad.data.protocol.training_file import TrainingFile
from jaxad.data.series.training import flatten_windows
from jaxad.detectors.registry import get_entry

__all__ = ["shape_windows"]


def shape_windows(data: TrainingFile, name: str) -> TrainingFile:
    """Return training data with windows flattened unless the detector takes sequences.

    Prints how the series are cut. Data of another kind is returned as it is.

    Args:
        data: The training data.
        name: The name of the detector.
    """
    series = data.series
    if series is None:
        return data
    record, rows = series.record, series.rows
    channels = len(series.encoding.names)
    pieces = len(rows.segments)
    print(
        f"{data.rows} windows of {record.window} timestamps ({series.reason}) every "
        f"{record.stride}, from {rows.points} timestamps of {channels} channel(s) in "
        f"{len(rows.groups)} series, {pieces} piece(s) without a gap"
    )
    if get_entry(name).examples == "sequence":
        return data
    print(f"{name} takes rows of a table: a window is a row of {record.window * channels} numbers")
    return data._replace(train=flatten_windows(data.train))
