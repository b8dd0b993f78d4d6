"""A saved detector as `jaxad score` uses it, and the scores of a file piece by piece."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxad.cli.fit import ABOUT
from jaxad.data import Scaling, load_table
from jaxad.data.sources.sequences import PREFIX, as_windows
from jaxad.data.sources.stream import Piece, TableFile, open_table
from jaxad.data.text.documents import MEAN
from jaxad.errors import DataError
from jaxad.evaluation.scoring import score as score_models
from jaxad.padding import bucket_features, bucket_rows, is_table
from jaxad.saving.folder import load
from jaxad.thresholds import SCORES, Reference, unpack
from jaxad.training.fitted import Fit

if TYPE_CHECKING:
    from jaxad.sklearn.frames import Encoding

__all__ = ["Saved", "Scored", "open_saved", "scored"]

_ESTIMATOR = "estimator.json"


class Saved(NamedTuple):
    """A saved detector and all that was saved with it.

    Attributes:
        folder: Where it is.
        fitted: The fit.
        scaling: How raw rows become its rows, if that was saved.
        columns: The names of the columns of raw rows; () where they have none.
        encoding: How columns become numbers, for an estimator of data frames.
        known: The scores of its training rows, if they were saved.
        threshold: The threshold of an estimator.
    """

    folder: Path
    fitted: Fit
    scaling: Scaling | None
    columns: tuple[str, ...] = ()
    encoding: "Encoding | None" = None
    known: Reference | None = None
    threshold: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.fitted.detector.input_shape or ())

    @property
    def piece(self) -> int:
        """How many rows to score at once: as many as the smallest program has room for."""
        shape = self.shape
        return bucket_rows(1, (bucket_features(shape[0]),) if is_table(shape) else shape)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns that the detector takes; numbers where they have no names."""
        names = self.columns if self.encoding is None else tuple(self.encoding.names)
        return names or tuple(str(i) for i in range(self.shape[-1]))

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """Raw rows as the detector takes them."""
        return x if self.scaling is None else self.scaling.apply(x)


class Scored(NamedTuple):
    """The scores of some rows of a file, one after the other.

    Attributes:
        scores: `(seeds, n)` scores, NaN for bad rows.
        bad: What is wrong with a row, by its place here.
        label: `(n,)` its label as the file has it, NaN where there is none.
        x: `(n, ...)` the rows as numbers, before scaling.
    """

    scores: Float[np.ndarray, "seeds n"]
    bad: dict[int, str]
    label: Float[np.ndarray, "n"]
    x: np.ndarray


def open_saved(folder: Path) -> Saved:
    """Load a detector that `jaxad fit`, `jaxad.save` or an estimator saved.

    Raises:
        DataError: The folder holds none, or was changed since.
    """
    if (folder / _ESTIMATOR).exists():
        from jaxad.sklearn import JaxADDetector

        found = JaxADDetector.load(folder)
        names = tuple(str(name) for name in getattr(found, "feature_names_in_", ()))
        return Saved(
            folder,
            found.fitted_,
            found.scaling_,
            names,
            found._encoding,
            found.reference_,
            found.threshold_,
        )
    fitted, scaling = load(folder)
    path = folder / SCORES
    known = unpack(path.read_bytes(), str(folder)) if path.exists() else None
    return Saved(folder, fitted, scaling, _columns(folder), known=known)


def scored(saved: Saved, source: Path, label: str | None) -> Iterator[Scored]:
    """The scores of a file's rows in order, in memory that doesn't grow with a csv or parquet file.

    Args:
        saved: What scores them.
        source: A csv, parquet or npz file, with `sequence:` in front as in training.
        label: The column of labels, which is not scored.

    Raises:
        DataError: Other columns than in training, or the file is broken.
    """
    sequences = str(source).startswith(PREFIX)
    path = Path(str(source).removeprefix(PREFIX))
    tables = path.suffix.lower() in (".csv", ".parquet") and not str(source).startswith(MEAN)
    if not tables or saved.fitted.detector.lexicon is not None:
        yield from _scored_whole(saved, source, label)
        return
    table = open_table(path, label, saved.columns)
    columns = _in_order(table, saved)
    _check_shape(saved, source, (len(columns), 1) if sequences else (len(columns),))
    needed = [*columns, table.label] if table.label is not None else columns
    for piece in table.pieces(saved.piece, needed):
        x = _rows(saved, piece, columns)
        x = as_windows(x) if sequences else x
        known = piece.labels(table.label)
        yield Scored(_scores(saved, x, piece.bad), piece.bad, known, x)


def _scored_whole(saved: Saved, source: Path, label: str | None) -> Iterator[Scored]:
    """The scores of what is read as a whole: npz files and texts."""
    lexicon = saved.fitted.detector.lexicon
    table = load_table(source, label=label, vocabulary=lexicon and lexicon.vocabulary)
    if (table.vocabulary is None) != (lexicon is None):
        kinds = ("numbers", "text") if lexicon is None else ("text", "numbers")
        raise DataError(
            f"{source} holds {kinds[1]}; the detector in {saved.folder} was trained on {kinds[0]}"
        )
    x = table.x
    _check_shape(saved, source, x.shape[1:])
    for start in range(0, len(x), saved.piece):
        rows = slice(start, start + saved.piece)
        bad: dict[int, str] = {}
        scores = _scores(saved, x[rows], bad)
        y = np.full(scores.shape[1], np.nan) if table.y is None else table.y[rows].astype(float)
        yield Scored(scores, bad, y, x[rows])


def _rows(saved: Saved, piece: Piece, columns: Sequence[str]) -> Float[np.ndarray, "n d"]:
    """The rows of a piece as numbers, before scaling; 0 for bad rows."""
    if saved.encoding is None:
        x = np.stack([piece.numbers(name) for name in columns], axis=1)
        x[list(piece.bad)] = 0.0
        return x
    import pandas as pd

    values = {
        column.name: pd.Series(piece.numbers(name, gaps=True))
        if column.kind == "number"
        else pd.Series(piece.words(name), dtype=object)
        for name, column in zip(columns, saved.encoding.columns, strict=True)
    }
    x = saved.encoding.apply(pd.DataFrame(values))
    x[list(piece.bad)] = 0.0
    return x


def _scores(saved: Saved, x: np.ndarray, bad: dict[int, str]) -> Float[np.ndarray, "seeds n"]:
    """The scores of rows, NaN for bad ones, to which those are added that have no finite score."""
    with np.errstate(over="ignore", invalid="ignore"):
        rows = saved.scaled(x)
    if rows.dtype.kind == "f":
        finite = np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
        _add(bad, finite, "is too far from the training rows")
        rows[list(bad)] = 0.0
    scores = score_models(saved.fitted, rows)
    _add(bad, np.isfinite(scores).all(axis=0), "has no finite score")
    scores[:, list(bad)] = np.nan
    return scores


def _add(bad: dict[int, str], good: Any, reason: str) -> None:
    for row in np.flatnonzero(~np.asarray(good)).tolist():
        bad.setdefault(row, reason)


def _check_shape(saved: Saved, source: Path, shape: tuple[int, ...]) -> None:
    """Raise if examples of this shape are not the detector's."""
    if saved.encoding is not None:
        return
    if saved.shape and shape != saved.shape:
        raise DataError(
            f"{source}: rows have shape {shape}; the detector in {saved.folder} was trained on "
            f"{saved.shape}"
        )


def _columns(folder: Path) -> tuple[str, ...]:
    """The columns that a detector was trained on; () where they have no names."""
    try:
        return tuple(json.loads((folder / ABOUT).read_text())["columns"])
    except FileNotFoundError:  # saved by `jaxad.save`, which knows arrays alone
        return ()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{folder / ABOUT}: cannot be read ({error})") from error


def _in_order(table: TableFile, saved: Saved) -> list[str]:
    """The columns of training, in their order.

    Raises:
        DataError: A column is missing, or there is another one.
    """
    if not saved.columns:
        return list(table.columns)
    missing = [name for name in saved.columns if name not in table.columns]
    strange = [name for name in table.columns if name not in saved.columns]
    if missing or strange:
        raise DataError(
            f"{table.path}: columns are not those of training; missing: {_listed(missing)}; not in "
            f"training: {_listed(strange)}"
        )
    return list(saved.columns)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "none") + more
