"""Scoring files with a saved detector, in pieces that fit into memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Num

from jaxad.data.frames import Encoding
from jaxad.data.scaling import Scaling
from jaxad.data.sources.files import load_table
from jaxad.data.sources.pieces import Piece
from jaxad.data.sources.sequences import PREFIX, as_windows
from jaxad.data.sources.stream import TableFile, open_table
from jaxad.data.tables.labels import as_training_labels
from jaxad.data.text.documents import MEAN
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.scoring import score
from jaxad.padding import bucket_features, bucket_rows, is_table
from jaxad.saving.estimator import ESTIMATOR, read_record
from jaxad.saving.folder import load
from jaxad.saving.training_file import read_columns
from jaxad.thresholds import SCORES, Reference, Rule, threshold, unpack
from jaxad.training.fitted import Fit
from jaxad.types import TestData

__all__ = ["SavedDetector", "ScoredRows", "open_detector"]


class ScoredRows(NamedTuple):
    """The scores of consecutive rows of a file.

    Attributes:
        scores: `(seeds, n)` scores, higher is more anomalous; NaN for bad rows.
        bad: Why a row could not be scored, by its place among these rows.
        label: `(n,)` labels as the file has them, NaN where a row has none.
        x: `(n, ...)` the rows as numbers, before scaling.
    """

    scores: Float[np.ndarray, "seeds n"]
    bad: dict[int, str]
    label: Float[np.ndarray, "n"]
    x: Num[np.ndarray, "n *shape"]

    @property
    def good(self) -> Bool[np.ndarray, "n"]:
        """Which rows have a score."""
        where = np.ones(self.scores.shape[1], bool)
        where[list(self.bad)] = False
        return where

    @property
    def mean(self) -> Float[np.ndarray, "n"]:
        """The mean score over seeds, in float64."""
        return self.scores.mean(axis=0, dtype=np.float64)


class SavedDetector(NamedTuple):
    """A saved detector with everything that was saved with it; see `open_detector`.

    Attributes:
        folder: Its folder.
        fitted: The fit.
        scaling: How raw rows are scaled; None if that was not saved.
        columns: The names of the columns of raw rows; () where they have none.
        encoding: How columns become numbers, for an estimator of data frames.
        reference: The scores of the training rows; None if they were not saved.
        threshold: The threshold of an estimator; None for others.
    """

    folder: Path
    fitted: Fit
    scaling: Scaling | None
    columns: tuple[str, ...] = ()
    encoding: Encoding | None = None
    reference: Reference | None = None
    threshold: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.fitted.detector.input_shape or ())

    @property
    def rows_at_once(self) -> int:
        """How many rows are scored at once: as many as the smallest program has room for."""
        shape = self.shape
        return bucket_rows(1, (bucket_features(shape[0]),) if is_table(shape) else shape)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns that the detector takes; numbers where they have no names."""
        names = self.columns if self.encoding is None else tuple(self.encoding.names)
        return names or tuple(str(i) for i in range(self.shape[-1]))

    def scale(self, x: Num[np.ndarray, "n *shape"]) -> Num[np.ndarray, "..."]:
        """Scale raw rows as the training rows were scaled.

        Returns:
            `(n, ...)` rows; `(seeds, n, ...)` where each seed has a scaling of its own.
        """
        return x if self.scaling is None else self.scaling.apply(x)

    def score_file(self, source: str | Path, label: str | None = None) -> Iterator[ScoredRows]:
        """Score the rows of a file in order; memory does not grow with a csv or parquet file.

        Args:
            source: A csv, parquet or npz file with the columns of training, or a file of texts;
                with `sequence:` in front if the detector was trained so.
            label: The column of labels, which is not scored. Default: the one named label, y,
                anomaly or outlier, unless the detector was trained on it.

        Yields:
            The scores of consecutive rows.

        Raises:
            DataError: Other columns than in training, or the file is broken.
        """
        name = str(source)
        path = Path(name.removeprefix(PREFIX))
        streamed = path.suffix.lower() in (".csv", ".parquet") and not name.startswith(MEAN)
        if not streamed or self.fitted.detector.lexicon is not None:
            yield from self._score_whole(name, label)
            return
        table = open_table(path, label, self.columns)
        columns = self._order_columns(table)
        windows = name.startswith(PREFIX)
        self._check_shape(name, (len(columns), 1) if windows else (len(columns),))
        needed = [*columns, table.label] if table.label is not None else columns
        for piece in table.pieces(self.rows_at_once, needed):
            x = self._read_rows(piece, columns)
            x = as_windows(x) if windows else x
            yield ScoredRows(self._score(x, piece.bad), piece.bad, piece.labels(table.label), x)

    def read_reference(self, source: str | Path, label: str | None = None) -> Reference:
        """Score the rows of a file that a threshold is chosen by.

        Args:
            source: A file as for `score_file`; its labels are 1 for an anomaly, and 0, -1 or
                nothing for an unlabelled row.
            label: The column of labels.

        Returns:
            The mean scores over seeds and the labels; all rows but anomalies count as held out.

        Raises:
            DataError: The file has no rows, a row that cannot be scored, or other labels.
        """
        scores, labels, count = [], [], 0
        for part in self.score_file(source, label):
            for row, reason in part.bad.items():
                raise DataError(f"{source}: row {count + row}: {reason}")
            scores.append(part.mean)
            labels.append(part.label)
            count += len(part.label)
        if not count:
            raise DataError(f"{source}: has no rows")
        found, values = np.concatenate(labels), np.concatenate(scores)
        known = as_training_labels(found, what=f"the label column of {source}")
        return Reference(values, known, values[known >= 0])

    def choose_threshold(
        self, rule: Rule | None, reference: Reference | None = None
    ) -> float | None:
        """Choose the score above which a row is anomalous.

        Args:
            rule: How; None for an estimator's own threshold.
            reference: The scores that the rule goes by; None for those of the training rows.

        Returns:
            The threshold; None if there is no rule and the detector has none of its own.

        Raises:
            ConfigError: The rule needs scores that were not saved.
        """
        if rule is None:
            return self.threshold
        known = self.reference if reference is None else reference
        if rule.name == "fixed":
            return threshold(rule, Reference(np.zeros(0), np.zeros(0, np.int8)))
        if known is None or (rule.name == "conformal" and not len(known.held_out)):
            what = "of rows held out of training" if known else "of its training rows"
            raise ConfigError(
                f"--threshold {rule.name}: {self.folder} has no scores {what}; give a file of such "
                "rows with --reference"
            )
        return threshold(rule, known)

    def _score_whole(self, source: str, label: str | None) -> Iterator[ScoredRows]:
        """Score a file that is read as a whole: an npz file or texts."""
        lexicon = self.fitted.detector.lexicon
        table = load_table(source, label=label, vocabulary=lexicon and lexicon.vocabulary)
        if (table.vocabulary is None) != (lexicon is None):
            kinds = ("numbers", "text") if lexicon is None else ("text", "numbers")
            raise DataError(
                f"{source} holds {kinds[1]}; the detector in {self.folder} was trained on "
                f"{kinds[0]}"
            )
        x = table.x
        self._check_shape(source, x.shape[1:])
        for start in range(0, len(x), self.rows_at_once):
            rows = slice(start, start + self.rows_at_once)
            bad: dict[int, str] = {}
            scores = self._score(x[rows], bad)
            y = np.full(scores.shape[1], np.nan) if table.y is None else table.y[rows].astype(float)
            yield ScoredRows(scores, bad, y, x[rows])

    def _score(self, x: np.ndarray, bad: dict[int, str]) -> Float[np.ndarray, "seeds n"]:
        """Score rows, NaN for bad ones; add those to `bad` that have no finite score."""
        with np.errstate(over="ignore", invalid="ignore"):
            rows = self.scale(x)
        lead = rows.ndim - x.ndim  # 1 where each seed has a scaling of its own
        if rows.dtype.kind == "f":
            others = tuple(axis for axis in range(rows.ndim) if axis != lead)
            _add_reasons(bad, np.isfinite(rows).all(others), "is too far from the training rows")
            rows[(slice(None),) * lead + (list(bad),)] = 0.0
        if lead:
            marks = np.zeros(rows.shape[:2], np.int8)
            count = np.full(len(rows), len(x), np.int32)
            scores = score(self.fitted, TestData(rows, marks, count, marks.astype(bool)))
        else:
            scores = score(self.fitted, rows)
        _add_reasons(bad, np.isfinite(scores).all(axis=0), "has no finite score")
        scores[:, list(bad)] = np.nan
        return scores

    def _read_rows(self, piece: Piece, columns: Sequence[str]) -> Float[np.ndarray, "n d"]:
        """Return the rows of a piece as numbers, before scaling; 0 for bad rows."""
        if self.encoding is None:
            x = np.stack([piece.numbers(name) for name in columns], axis=1)
            x[list(piece.bad)] = 0.0
            return x
        import pandas as pd

        values = {
            column.name: pd.Series(piece.numbers(name, gaps=True))
            if column.kind == "number"
            else pd.Series(piece.words(name), dtype=object)
            for name, column in zip(columns, self.encoding.columns, strict=True)
        }
        x = self.encoding.apply(pd.DataFrame(values))
        x[list(piece.bad)] = 0.0
        return x

    def _check_shape(self, source: str, shape: tuple[int, ...]) -> None:
        """Raise a `DataError` if examples of this shape are not the detector's."""
        if self.encoding is None and self.shape and shape != self.shape:
            raise DataError(
                f"{source}: rows have shape {shape}; the detector in {self.folder} was trained on "
                f"{self.shape}"
            )

    def _order_columns(self, table: TableFile) -> list[str]:
        """Return the columns of training, in their order.

        Raises:
            DataError: A column is missing, or there is a further one.
        """
        if not self.columns:
            return list(table.columns)
        missing = [name for name in self.columns if name not in table.columns]
        further = [name for name in table.columns if name not in self.columns]
        if missing or further:
            raise DataError(
                f"{table.path}: columns are not those of training; missing: {_join(missing)}; not "
                f"in training: {_join(further)}"
            )
        return list(self.columns)


def open_detector(folder: str | Path) -> SavedDetector:
    """Load a detector that `jaxad fit`, `jaxad.save` or an estimator saved.

    Args:
        folder: The folder.

    Returns:
        The detector, ready to score files.

    Raises:
        DataError: The folder holds no saved detector, or was changed since it was saved.
    """
    folder = Path(folder)
    fitted, scaling = load(folder)  # which checks every file
    path = folder / SCORES
    known = unpack(path.read_bytes(), str(folder)) if path.exists() else None
    if not (folder / ESTIMATOR).exists():
        return SavedDetector(folder, fitted, scaling, read_columns(folder), reference=known)
    about = read_record(folder, scaling)
    names = about.names_in or ()
    return SavedDetector(folder, fitted, scaling, names, about.encoding, known, about.threshold)


def _add_reasons(bad: dict[int, str], good: Any, reason: str) -> None:
    for row in np.flatnonzero(~np.asarray(good)).tolist():
        bad.setdefault(row, reason)


def _join(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "none") + more
