"""The scores that thresholds are chosen by, as the bytes of a file; no pickle."""

import io
import zipfile

import numpy as np

from jaxad.errors import DataError
from jaxad.thresholds.rules import Reference

__all__ = ["SCORES", "pack", "unpack"]

SCORES = "scores.npz"  # beside a saved detector's own files


def pack(known: Reference) -> bytes:
    """The bytes of an npz file of a reference's arrays."""
    out = io.BytesIO()
    np.savez(out, score=known.score, label=known.label, held_out=known.held_out)
    return out.getvalue()


def unpack(content: bytes, what: str) -> Reference:
    """A reference from what `pack` gave.

    Args:
        content: The bytes.
        what: Where they come from, for errors.

    Raises:
        DataError: They hold no such arrays, or scores that are not finite.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            score, label, held_out = (archive[name] for name in Reference._fields)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(f"{what}: {SCORES} holds no scores ({error})") from error
    right = score.ndim == held_out.ndim == 1 and label.shape == score.shape and label.dtype == "i1"
    for scores in (score, held_out):
        right &= scores.dtype.kind == "f" and bool(np.isfinite(scores).all())
    if not right or not np.isin(label, (-1, 0, 1)).all():
        raise DataError(f"{what}: {SCORES} holds no scores (wrong shapes or values)")
    return Reference(score, label, held_out)
