"""Saving a detector with what is needed to score further files like the one it was trained on."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Num

from jaxad.data.images.sizes import ImageFormat
from jaxad.data.protocol.training_file import TrainingFile
from jaxad.data.scaling import Scaling
from jaxad.data.series.record import SeriesRecord
from jaxad.data.tables.encoding import Encoding
from jaxad.data.tables.events import raise_scores
from jaxad.data.tables.legacy import describe_numbers
from jaxad.data.tables.profile import PROFILE, Profile, dump_profile
from jaxad.errors import DataError
from jaxad.evaluation.scoring import score
from jaxad.saving.folder import save
from jaxad.saving.series import refer_to_training
from jaxad.thresholds import SCORES, Reference, pack
from jaxad.thresholds.checks import warn_if_constant
from jaxad.training.fitted import Fit
from jaxad.utils.limits import read_json

__all__ = ["ABOUT", "TrainedColumns", "read_columns", "save_trained"]

ABOUT = "data.json"


class TrainedColumns(NamedTuple):
    """The columns of the file that a saved detector was trained on.

    Attributes:
        names: Their names; () without names.
        encoding: How they become numbers; None if they are no table.
        id: The name of the column of ids, if the file has one.
        others: The names of the columns that are not features, such as that of labels.
        series: How the file was read as series; None if it was not.
        images: The format of the pictures of a folder; None for other files.
    """

    names: tuple[str, ...] = ()
    encoding: Encoding | None = None
    id: str | None = None
    others: tuple[str, ...] = ()
    series: SeriesRecord | None = None
    images: ImageFormat | None = None


def save_trained(
    fitted: Fit,
    data: TrainingFile,
    folder: str | Path,
    *,
    file: str,
    profile: Profile | None = None,
) -> Path:
    """Save a detector that was trained on a file, for `open_detector`.

    Beside what `jaxad.save` writes, the folder gets the names of the columns and the scores of the
    training rows and of those held out, which thresholds are chosen by. It is a `DataWarning` if
    the scores of the training rows are all equal.

    Args:
        fitted: The fit.
        data: What it was trained on.
        folder: The folder to create.
        file: The name of the file, for the record.
        profile: The profile of the file's columns, for `monitor`.

    Returns:
        The folder.

    Raises:
        DataError: Training diverged: a score is not finite.
        ConfigError: The detector cannot be saved, or the folder exists or cannot be written.
    """
    if data.series is not None:
        known = refer_to_training(fitted, data.series, data.train.x)
    else:
        known = Reference(_score(fitted, data.train.x, "training"), data.train.label)
    warn_if_constant(known.score, fitted.detector.name)
    if data.held_out is not None:
        held = _score(fitted, data.held_out.x, "held-out")
        if data.held_out.events is not None:
            held = raise_scores(held, data.held_out.events, known.score)
        known = known._replace(held_out=held)
    about: dict = {"columns": list(data.columns), "file": file, "rows": data.rows}
    if data.encoding is not None:
        about["encoding"] = data.encoding.dump()
    if data.images is not None:
        about["images"] = data.images.dump()
    elif data.id is not None:
        about["id"] = data.id
    if data.others:
        about["others"] = list(data.others)
    if data.series is not None:
        flat = data.train.x.flat
        about["series"] = data.series.record._replace(flat=flat).dump()
    if data.exposure is not None:
        about["exposure"] = {"name": data.exposure, "rows": len(data.train.label) - data.rows}
    text = json.dumps(about, indent=2) + "\n"
    files = {ABOUT: text.encode(), SCORES: pack(known)}
    if profile is not None:
        files[PROFILE] = dump_profile(profile)
    scaling = data.scaling
    if data.series is not None and data.train.x.flat:
        scaling = scaling.repeat(data.series.record.window)
    return save(fitted, folder, scaling=scaling, files=files)


def _score(fitted: Fit, x: Num[np.ndarray, "n *shape"], kind: str) -> Float[np.ndarray, "n"]:
    """Return the mean scores over seeds; `kind` names the rows in the error."""
    scores = score(fitted, x).mean(axis=0, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise DataError(
            f"training diverged: the scores of the {kind} rows are not finite. Nothing is saved; "
            "try a smaller learning_rate"
        )
    return scores


def read_columns(folder: Path, scaling: Scaling | None) -> TrainedColumns:
    """Return the columns that a saved detector was trained on.

    A table that jaxad 0.2 or before was trained on has numbers without gaps in all columns; a gap
    in further rows is replaced by a value of the training rows.

    Args:
        folder: The folder.
        scaling: The scaling that was saved with the detector.

    Raises:
        DataError: The record is broken.
    """
    path = folder / ABOUT
    if not path.exists():  # saved by `jaxad.save`, which does not know the columns
        return TrainedColumns()
    about = read_json(path, f"{path}: cannot be read")
    try:
        names, id = tuple(about["columns"]), about.get("id")
        others = tuple(about.get("others", ()))
        if not all(isinstance(name, str) for name in (*names, *others, id or "")):
            raise TypeError("names must be strings")
        if "images" in about:
            return TrainedColumns(images=ImageFormat.restore(about["images"]))
        if "encoding" in about:
            series = about.get("series")
            series = None if series is None else SeriesRecord.restore(series)
            return TrainedColumns(names, Encoding.restore(about["encoding"]), id, others, series)
        if scaling is None or not names or scaling.shift.shape != (len(names),):
            return TrainedColumns(names, None, id, others)
        return TrainedColumns(
            names, describe_numbers(names, int(about["rows"]), scaling.shift.tolist())
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
