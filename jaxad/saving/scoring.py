"""Scoring files with a saved detector, in pieces that fit into memory."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, Num

from jaxad.data.images.layouts import is_image_source
from jaxad.data.images.sizes import ImageFormat
from jaxad.data.scaling import Scaling
from jaxad.data.series.record import SeriesRecord
from jaxad.data.sources.embeddings import EMBEDDINGS
from jaxad.data.sources.features import FEATURES
from jaxad.data.sources.sequences import PREFIX, as_windows
from jaxad.data.tables.encoding import Encoding
from jaxad.data.tables.events import Events, describe_mismatches, raise_scores
from jaxad.data.tables.labels import as_training_labels
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.reading import TableSource, open_table
from jaxad.data.tables.roles import assign_roles
from jaxad.data.text.documents import MEAN
from jaxad.data.text.reading import LINES
from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.evaluation.scoring import score
from jaxad.padding import bucket_features, bucket_rows, is_table
from jaxad.saving.estimator import ESTIMATOR, read_record
from jaxad.saving.folder import load
from jaxad.saving.pictures import score_pictures
from jaxad.saving.piece_reading import encode_piece, select_columns
from jaxad.saving.scored_rows import ScoredRows
from jaxad.saving.series import score_series
from jaxad.saving.training_file import TrainedColumns, read_columns
from jaxad.saving.whole_files import score_whole
from jaxad.thresholds import SCORES, Reference, Rule, threshold, unpack
from jaxad.training.fitted import Fit
from jaxad.types import TestData

__all__ = ["SavedDetector", "open_detector"]


class SavedDetector(NamedTuple):
    """A saved detector with everything that was saved with it; see `open_detector`.

    Attributes:
        folder: Its folder.
        fitted: The fit.
        scaling: How raw rows are scaled; None if that was not saved.
        columns: The names of the columns of raw rows; () where they have none.
        encoding: How the columns of a table become numbers; None where rows are numbers already.
        reference: The scores of the training rows; None if they were not saved.
        threshold: The threshold of an estimator; None for others.
        id: The name of the column of ids in the training file.
        others: The names of its further columns that are not features, which are passed over.
        series: How series are read and cut to windows; None for a detector of other rows.
        images: The format of the pictures that it was trained on; None for other files.
    """

    folder: Path
    fitted: Fit
    scaling: Scaling | None
    columns: tuple[str, ...] = ()
    encoding: Encoding | None = None
    reference: Reference | None = None
    threshold: float | None = None
    id: str | None = None
    others: tuple[str, ...] = ()
    series: SeriesRecord | None = None
    images: ImageFormat | None = None

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

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the columns of a table in training; numbers where they have no names."""
        return self.features if self.encoding is None else self.encoding.inputs

    @property
    def sources(self) -> Int[np.ndarray, "d"]:
        """`(d,)` the index in `inputs` of the column that each of `features` comes from."""
        return np.arange(len(self.features)) if self.encoding is None else self.encoding.sources

    def scale(self, x: Num[np.ndarray, "n *shape"]) -> Num[np.ndarray, "..."]:
        """Scale raw rows as the training rows were scaled.

        Returns:
            `(n, ...)` rows; `(seeds, n, ...)` where each seed has a scaling of its own.
        """
        return x if self.scaling is None else self.scaling.apply(x)

    def score_file(
        self,
        source: str | Path,
        options: TableOptions | None = None,
        *,
        strict: bool = False,
    ) -> Iterator[ScoredRows]:
        """Score the rows of a file in order; memory does not grow with a table.

        Args:
            source: A table or an npz file with the columns of training, a folder of pictures (see
                `score_pictures`), or a file of texts; with `sequence:` in front if the detector
                was trained so.
            options: How a table is read, and its columns of labels and ids. Default: labels are in
                the column named label, y, anomaly or outlier, unless the detector was trained on
                it; ids in the column that was named in training, if there is one.
            strict: Whether columns that training did not have are an error; else they are ignored
                with a warning.

        Yields:
            The scores of consecutive rows.

        Raises:
            DataError: A column of training is missing, or the file is broken.
            ConfigError: An option is wrong.
        """
        options = options or TableOptions()
        if self.series is not None:
            yield from score_series(self, source, options, strict)
            return
        name = str(source)
        if is_image_source(name):
            yield from score_pictures(self, name, options)
            return
        path = Path(name.removeprefix(PREFIX))
        prefixed = name.startswith((MEAN, FEATURES, EMBEDDINGS))
        whole = prefixed or path.suffix.lower() in (".npz", *LINES)
        if whole or self.fitted.detector.lexicon is not None:
            yield from score_whole(self, name, options)
            return
        table = open_table(path, options, self.columns)
        yield from self.score_table(table, options, strict, windows=name.startswith(PREFIX))

    def score_table(
        self, table: TableSource, options: TableOptions, strict: bool, *, windows: bool = False
    ) -> Iterator[ScoredRows]:
        """Score a table in pieces; see `score_file`. With `windows`, columns are points in time."""
        if options.id is None and self.id in table.names:
            options = options._replace(id=self.id)
        roles = assign_roles(table.names, options, self.columns, index=table.index, what=table.name)
        trained = TrainedColumns(self.columns, self.encoding, self.id, self.others)
        columns = select_columns(trained, table, roles, options, strict)
        if self.encoding is None:
            self.check_shape(table.name, (len(columns), 1) if windows else (len(columns),))
        needed = [*columns, *(n for n in (roles.label, roles.id) if n not in (None, *columns))]
        for number, piece in enumerate(table.pieces(self.rows_at_once, needed)):
            x, events = encode_piece(self.encoding, piece.table, columns, piece.bad)
            for mismatch in (
                describe_mismatches(events) if events is not None and not number else ()
            ):
                message = f"{table.name}: {mismatch}; is it of the kind that it has in training?"
                warnings.warn(message, DataWarning, stacklevel=2)
            x = as_windows(x) if windows else x
            label, ids = (None if n is None else piece.table[n] for n in (roles.label, roles.id))
            scored = self.score_rows(x, piece.bad, events)
            yield replace(scored, label=label, ids=ids, id=roles.id, table=piece.table)

    def warm_up(self) -> None:
        """Compile what scores rows, so that the first ones do not wait for it."""
        self.score_rows(np.zeros((1, *self.shape), np.float32), {})

    def read_reference(self, source: str | Path, options: TableOptions | None = None) -> Reference:
        """Score the rows of a file that a threshold is chosen by.

        Args:
            source: A file as for `score_file`.
            options: As for `score_file`. Labels have the meaning of `as_training_labels`.

        Returns:
            The mean scores over seeds and the labels; all rows but labelled anomalies count as held
            out.

        Raises:
            DataError: The file has no rows, a row that cannot be scored, or other labels.
        """
        options = options or TableOptions()
        scores, labels, count = [], [], 0
        for part in self.score_file(source, options):
            for row, reason in part.bad.items():
                raise DataError(f"{source}: row {count + row}: {reason}")
            scores.append(part.mean)
            labels += [None] * part.count if part.label is None else _list_values(part.label)
            count += part.count
        if not count:
            raise DataError(f"{source}: has no rows")
        given = (options.positive or None, options.normal or None)
        known = as_training_labels(np.array(labels, object), *given, f"{source}: the labels")
        values = np.concatenate(scores)
        reached = ~np.isnan(values)  # all rows but the rim of series
        values, known = values[reached], known[reached]
        training = np.zeros(0) if self.reference is None else self.reference.of_training
        return Reference(values, known, values[known >= 0], training)

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
                "rows with --reference, or hold rows out with `jaxad fit --calibration`"
            )
        return threshold(rule, known)

    def score_rows(
        self, x: np.ndarray, bad: dict[int, str], events: Events | None = None
    ) -> ScoredRows:
        """Score rows, NaN for bad ones; add those to `bad` that have no finite score."""
        rows = self.scale(x)
        lead = rows.ndim - x.ndim  # 1 where each seed has a scaling of its own
        if lead:
            marks = np.zeros(rows.shape[:2], np.int8)
            count = np.full(len(rows), len(x), np.int32)
            scores = score(self.fitted, TestData(rows, marks, count, marks.astype(bool)))
        else:
            scores = score(self.fitted, rows)
        _add_reasons(bad, np.isfinite(scores).all(axis=0), "has no finite score")
        scores[:, list(bad)] = np.nan
        mean = scores.mean(axis=0, dtype=np.float64)
        if events is not None and self.reference is not None:
            mean = raise_scores(mean, events, self.reference.of_training)
        return ScoredRows(scores, mean, bad, x, events=events)

    def check_shape(self, source: str, shape: tuple[int, ...]) -> None:
        """Raise a `DataError` if examples of this shape are not the detector's."""
        if self.shape and shape != self.shape:
            raise DataError(
                f"{source}: rows have shape {shape}; the detector in {self.folder} was trained on "
                f"{self.shape}"
            )


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
        columns = read_columns(folder, scaling)
        return SavedDetector(
            folder,
            fitted,
            scaling,
            columns.names,
            columns.encoding,
            known,
            id=columns.id,
            others=columns.others,
            series=columns.series,
            images=columns.images,
        )
    about = read_record(folder, scaling)
    names = about.names_in or ()
    return SavedDetector(
        *(folder, fitted, scaling, names, about.encoding, known, about.threshold),
        id=about.parameters.get("id"),
    )


def _add_reasons(bad: dict[int, str], good: Any, reason: str) -> None:
    for row in np.flatnonzero(~np.asarray(good)).tolist():
        bad.setdefault(row, reason)


def _list_values(labels: Any) -> list[Any]:
    return labels.to_pylist() if hasattr(labels, "to_pylist") else labels.tolist()
