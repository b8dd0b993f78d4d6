"""Scoring files that are read as a whole with a saved detector: npz files and texts."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from jaxad.data.sources.files import load_table
from jaxad.data.tables.options import TableOptions
from jaxad.data.text.lexicon import Lexicon
from jaxad.errors import DataError
from jaxad.saving.scored_rows import ScoredRows

if TYPE_CHECKING:
    from jaxad.saving.scoring import SavedDetector

__all__ = ["score_whole"]


def score_whole(saved: "SavedDetector", source: str, options: TableOptions) -> Iterator[ScoredRows]:
    """Score a file that is read as a whole; see `SavedDetector.score_file`."""
    import pyarrow as pa

    lexicon = saved.fitted.detector.lexicon
    label = None if options.label == "none" else options.label
    table = load_table(source, label=label, options=options, lexicon=lexicon, lenient=True)
    if (table.vocabulary is None) != (lexicon is None):
        kinds = ("numbers", "text") if lexicon is None else ("text", "numbers")
        raise DataError(
            f"{source} holds {kinds[1]}; the detector in {saved.folder} was trained on {kinds[0]}"
        )
    x = table.x
    saved.check_shape(source, x.shape[1:])
    size = saved.rows_at_once
    for start in range(0, len(x), size):
        rows = slice(start, start + size)
        bad = {i - start: why for i, why in (table.bad or {}).items() if 0 <= i - start < size}
        filled = x[rows] if lexicon is None else _fill(x[rows], bad, lexicon)
        scored = saved.score_rows(filled, bad)
        label = None if table.y is None else table.y[rows]
        ids = None if table.ids is None else pa.array(table.ids[rows].tolist())
        texts = None if table.texts is None else table.texts[rows]
        yield replace(scored, label=label, ids=ids, id=table.id, texts=texts)


def _fill(x: np.ndarray, bad: dict[int, str], lexicon: Lexicon) -> np.ndarray:
    """Return documents with a known word in those that are bad, whose scores do not count."""
    x = x.copy()
    x[list(bad), 0] = int(np.argmax(lexicon.known))
    return x
