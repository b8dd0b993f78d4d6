"""Checks of a user's input on the host, before anything is compiled."""

import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from jaxad.data.arrays import as_documents
from jaxad.data.text.vectors import Lexicon
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.types import TrainData

__all__ = [
    "check_codes",
    "check_finite",
    "check_scorable",
    "check_seeds",
    "check_trainable",
    "check_words",
]

_LARGEST = np.finfo(np.float32).max


def check_finite(x: np.ndarray, name: str) -> None:
    """Raise a `DataError` that says where, if entries are not finite in float32."""
    if x.dtype.kind not in "fiub":
        raise DataError(f"{name} must be real numbers; given dtype {x.dtype}")
    if x.dtype.kind != "f":
        return
    if not -_LARGEST <= x.min(initial=0) <= x.max(initial=0) <= _LARGEST:  # so too if one is NaN
        bad = ~(np.abs(x) <= _LARGEST)
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"{name} must be finite in float32; given {int(bad.sum())} entries that are NaN, "
            f"infinite or too large, the first at index {first}"
        )


def check_codes(codes: np.ndarray, count: np.ndarray) -> None:
    """Raise a `DataError` that says where, if codes of rows are not finite.

    Args:
        codes: `(seeds, n, k)`.
        count: How many rows are data; one number, or one for each seed.
    """
    valid = np.arange(codes.shape[1]) < np.broadcast_to(count, len(codes))[:, None]
    bad = np.argwhere(valid & ~np.isfinite(codes).all(axis=-1))
    if len(bad):
        raise DataError(
            f"{len(bad)} rows have codes that are not finite, the first is row {bad[0, 1]} of the "
            f"seed at place {bad[0, 0]}: the autoencoder's training diverged, or the row is far "
            "too large. Scale the rows, or try a smaller learning_rate"
        )


def check_trainable(train: TrainData, detector: Detector | HostDetector) -> None:
    """Raise if a detector cannot be trained on some data.

    Raises:
        DataError: Not finite, fewer than two rows that are not labelled anomalies, arrays of
            different lengths, unknown labels, another example shape than the detector was made
            for, or masks of another shape than the images.
    """
    if not isinstance(train, TrainData):
        raise DataError(
            f"train must be a TrainData, as in `split.train`; given {type(train).__name__}"
        )
    x, label = np.asarray(train.x), np.asarray(train.label)
    count = np.asarray(train.count)
    lead = count.ndim
    if x.ndim < lead + 2:
        raise DataError(f"train.x must be (rows, features, ...); given shape {x.shape}")
    if label.shape != x.shape[: lead + 1]:
        raise DataError(f"train.label has shape {label.shape}, train.x has {x.shape}")
    if count.size == 0 or count.min() < 2:
        raise DataError(
            f"at least 2 training rows are needed; given {count.min() if count.size else 0}"
        )
    if count.max() > label.shape[-1]:
        raise DataError(f"train.count is {count.max()}; train.x has {label.shape[-1]} rows")
    if np.max(train.features) > x.shape[-1] or np.min(train.features) < 1:
        raise DataError(f"train.features is {train.features}; train.x has {x.shape[-1]} columns")
    if not np.isin(label, (-1, 0, 1)).all():
        raise DataError(
            "train.label must be -1 (labelled anomaly), 0 (unlabelled) or 1 (labelled normal); "
            f"given {sorted(set(np.unique(label).tolist()) - {-1, 0, 1})}"
        )
    valid = np.arange(label.shape[-1]) < count[..., None]
    normal = np.sum(valid & (label >= 0), axis=-1)
    if normal.min() < 2:
        raise DataError(
            "at least 2 training rows must not be labelled anomalies: the centre and the batches "
            f"of normal rows come from them; given {normal.min()}"
        )
    shape = x.shape[lead + 1 :]
    if detector.input_shape is not None and shape != tuple(detector.input_shape):
        raise DataError(
            f"the detector was made for examples of shape {detector.input_shape}; "
            f"train.x has {shape}. Make it anew for this data"
        )
    check_finite(x, "train.x")
    lexicon = detector.lexicon
    if lexicon is not None:
        check_words(x[valid], lexicon, "train.x", train.vocabulary)
    if train.mask is not None:
        _check_mask(np.asarray(train.mask), x.shape[: lead + 1], shape)


def check_words(
    x: np.ndarray, lexicon: Lexicon, what: str, vocabulary: Vocabulary | None = None
) -> None:
    """Raise a `DataError` if documents are not of a lexicon; warn where it has none of their words.

    Args:
        x: `(n, length)` documents as numbers of words.
        lexicon: The words that a detector knows.
        what: How to call the documents.
        vocabulary: The words that they are numbers of, if it is known.
    """
    own = lexicon.vocabulary
    as_documents(x, len(own.words), own.length, what)
    if vocabulary is not None and own.words[: len(vocabulary.words)] != vocabulary.words:
        raise DataError(
            f"{what} is in the words of another data set than the detector was made for. Make it "
            "anew for this data"
        )
    unknown = lexicon.count_unknown(x)
    if unknown:
        warnings.warn(
            f"{what}: {unknown} of {len(x)} documents have no word with a vector",
            DataWarning,
            stacklevel=3,
        )


def _check_mask(mask: np.ndarray, rows: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Raise a `DataError` if masks do not fit images of a shape."""
    if len(shape) != 3:
        raise DataError(f"train.mask is for images; train.x has examples of shape {shape}")
    if mask.shape != (*rows, *shape[:2]):
        raise DataError(f"train.mask must have shape {(*rows, *shape[:2])}; given {mask.shape}")
    if mask.dtype != np.uint8 or mask.max(initial=0) > 1:
        raise DataError(
            "train.mask must be of uint8, 0 for normal and 1 for anomalous pixels; given "
            f"{mask.dtype} of up to {mask.max(initial=0)}"
        )


def check_seeds(seeds: int | Sequence[int] | None, train: TrainData) -> Int[np.ndarray, "seeds"]:
    """The numbers of the seeds to train.

    Raises:
        ConfigError: No positive number, a negative seed, or not as many as there are splits.
    """
    splits = np.asarray(train.count)
    if seeds is None:
        return np.arange(splits.shape[0] if splits.ndim else 1)
    numbers = np.arange(seeds) if isinstance(seeds, int | np.integer) else np.asarray(seeds)
    if isinstance(seeds, bool) or numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise ConfigError(f"seeds must be a whole number or a list of them; given {seeds!r}")
    if not len(numbers) or numbers.min() < 0:
        raise ConfigError(
            f"seeds must be a whole number of at least 1, or numbers from 0; given {seeds!r}"
        )
    if splits.ndim and splits.shape[0] != len(numbers):
        raise ConfigError(
            f"train holds {splits.shape[0]} splits and seeds is {seeds}: give the same number, "
            "or leave seeds out"
        )
    return numbers


def check_scorable(x: np.ndarray, lead: int, input_shape: tuple[int, ...] | None) -> None:
    """Raise if rows cannot be scored.

    Args:
        x: `(n, ...)` rows, with a seed axis in front if `lead` is 1.
        lead: How many axes are in front of the rows.
        input_shape: The shape of one example that the detector takes; None if not known.

    Raises:
        DataError: No rows, another shape than in training, or not finite.
    """
    shape = x.shape[lead + 1 :]
    if input_shape is not None and (x.ndim <= lead or shape != tuple(input_shape)):
        raise DataError(
            f"rows to score must have shape (n, {', '.join(map(str, input_shape))}) as in "
            f"training; given {x.shape[lead:]}"
        )
    if x.shape[lead] == 0:
        raise DataError("there are no rows to score")
    check_finite(x, "x")
