"""Saving a detector with what is needed to score further files like the one it was trained on."""

import json
from pathlib import Path

import numpy as np

from jaxad.data.protocol.training_file import TrainingFile
from jaxad.errors import DataError
from jaxad.evaluation.scoring import score
from jaxad.saving.folder import save
from jaxad.thresholds import SCORES, Reference, pack
from jaxad.thresholds.checks import warn_if_constant
from jaxad.training.fitted import Fit

__all__ = ["ABOUT", "read_columns", "save_trained"]

ABOUT = "data.json"


def save_trained(fitted: Fit, data: TrainingFile, folder: str | Path, *, file: str) -> Path:
    """Save a detector that was trained on a file, for `open_detector`.

    Beside what `jaxad.save` writes, the folder gets the names of the columns and the scores of the
    training rows, which thresholds are chosen by. It is a `DataWarning` if these are all equal.

    Args:
        fitted: The fit.
        data: What it was trained on.
        folder: The folder to create.
        file: The name of the file, for the record.

    Returns:
        The folder.

    Raises:
        DataError: Training diverged: a score of a training row is not finite.
        ConfigError: The detector cannot be saved, or the folder exists or cannot be written.
    """
    scores = score(fitted, data.train.x).mean(axis=0, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise DataError(
            "training diverged: the scores of the training rows are not finite. Nothing is saved; "
            "try a smaller learning_rate"
        )
    warn_if_constant(scores, fitted.detector.name)
    about: dict = {"columns": list(data.columns), "file": file, "rows": data.rows}
    if data.exposure is not None:
        about["exposure"] = {"name": data.exposure, "rows": len(data.train.label) - data.rows}
    text = json.dumps(about, indent=2) + "\n"
    files = {ABOUT: text.encode(), SCORES: pack(Reference(scores, data.train.label))}
    return save(fitted, folder, scaling=data.scaling, files=files)


def read_columns(folder: Path) -> tuple[str, ...]:
    """Return the names of the columns that a saved detector was trained on; () without names.

    Raises:
        DataError: The record is broken.
    """
    try:
        return tuple(json.loads((folder / ABOUT).read_text())["columns"])
    except FileNotFoundError:  # saved by `jaxad.save`, which does not know the columns
        return ()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{folder / ABOUT}: cannot be read ({error})") from error
