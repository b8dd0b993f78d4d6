"""Scoring the lines of a stream with a saved detector, as soon as they are there."""

from collections.abc import Iterator
from typing import IO

from jaxad.data.tables.lines import STDIN, open_stream
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError
from jaxad.saving.scored_rows import ScoredRows
from jaxad.saving.scoring import SavedDetector
from jaxad.saving.series_stream import score_series_stream

__all__ = ["score_stream"]


def score_stream(
    saved: SavedDetector,
    stream: IO[bytes],
    options: TableOptions | None = None,
    *,
    strict: bool = False,
) -> Iterator[ScoredRows]:
    """Score the lines of a csv stream, such as standard input, as soon as they are there.

    Lines that are there together are scored together, and none waits for a further one, except that
    a timestamp of series waits for the windows that hold it (see `score_series_stream`). Memory
    does not grow with the stream.

    Args:
        saved: The detector.
        stream: The stream; see `open_stream`.
        options: As for `SavedDetector.score_file`.
        strict: As for `SavedDetector.score_file`.

    Yields:
        The scores of consecutive rows.

    Raises:
        DataError: The stream is empty, or a column of training is missing.
        ConfigError: An option is wrong, or the detector takes texts or images.
    """
    options = options or TableOptions()
    if saved.series is not None:
        yield from score_series_stream(saved, stream, options, strict=strict)
        return
    if saved.fitted.detector.lexicon is not None or len(saved.shape) != 1:
        raise ConfigError(
            f"{STDIN}: lines of a stream are rows of a table or of series; the detector in "
            f"{saved.folder} takes examples of shape {saved.shape}; give a file"
        )
    saved.warm_up()
    table = open_stream(stream, options, saved.inputs if saved.columns else ())
    yield from saved.score_table(table, options, strict)
