"""The scores that thresholds are computed from, as the bytes of a file without pickle."""

import io
from typing import Any

import numpy as np

from jaxad.errors import DataError
from jaxad.thresholds.rules import Reference
from jaxad.utils.packed import parse_arrays

__all__ = ["SCORES", "pack", "unpack"]

SCORES = "scores.npz"  # beside a saved detector's own files


def pack(known: Reference) -> bytes:
    """Return the bytes of an npz file with the arrays of a reference."""
    out = io.BytesIO()
    training: dict[str, Any] = {"training": known.training} if len(known.training) else {}
    np.savez(out, score=known.score, label=known.label, held_out=known.held_out, **training)
    return out.getvalue()


def unpack(content: bytes, what: str) -> Reference:
    """Return the reference that `pack` was given.

    Args:
        content: The bytes.
        what: Where they come from, for errors.

    Raises:
        DataError: The bytes do not hold such arrays, or a score is not finite.
    """
    score, label, held_out, training = parse_arrays(
        content, ("score", "label", "held_out"), f"{what}: {SCORES} holds no scores", ("training",)
    )
    right = label.shape == score.shape and label.dtype == "i1"
    for scores in (score, held_out, training):
        right &= scores.ndim == 1 and scores.dtype.kind == "f" and bool(np.isfinite(scores).all())
    if not right or not np.isin(label, (-1, 0, 1)).all():
        raise DataError(f"{what}: {SCORES} holds no scores: wrong shapes or values")
    return Reference(score, label, held_out, training)
