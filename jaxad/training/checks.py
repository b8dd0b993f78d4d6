"""Checks of input on the host, before anything is compiled."""

import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from jaxad.data.arrays import as_documents
from jaxad.data.text.lexicon import Lexicon
from jaxad.data.text.vocabulary import Vocabulary
from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.types import TrainData, Windows, as_rows_or_view

__all__ = [
    "check_codes",
    "check_finite",
    "check_scorable",
    "check_seeds",
    "check_trainable",
    "check_words",
]

_LARGEST = np.finfo(np.float32).max
_MOST_SEEDS = 10_000


def check_finite(x: np.ndarray | Windows, name: str) -> None:
    """Raise a `DataError` with the place of the first entry that is not finite in float32."""
    if isinstance(x, Windows):
        x, name = np.asarray(x.series), f"{name}.series"
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
    """Raise a `DataError` with the place of the first row whose codes are not finite.

    Args:
        codes: `(seeds, n, k)`.
        count: The number of rows that are data; one number, or one for each seed.
    """
    valid = np.arange(codes.shape[1]) < np.broadcast_to(count, len(codes))[:, None]
    bad = np.argwhere(valid & ~np.isfinite(codes).all(axis=-1))
    if len(bad):
        raise DataError(
            f"codes of {len(bad)} rows are not finite, the first those of row {bad[0, 1]} for the "
            f"seed at place {bad[0, 0]}: the training of the autoencoder diverged, or the row is "
            "far too large. Scale the rows, or use a smaller learning_rate"
        )


def check_trainable(train: TrainData, detector: Detector | HostDetector) -> None:
    """Raise an error if a detector cannot be trained on some data.

    Raises:
        DataError: Not finite, fewer than two rows that are not labelled anomalies, arrays of
            different lengths, unknown labels, another example shape than the detector was made
            for, or masks of another shape than the images.
    """
    if not isinstance(train, TrainData):
        raise DataError(
            f"train must be a TrainData, as in `split.train`; given {type(train).__name__}"
        )
    x, label = as_rows_or_view(train.x), np.asarray(train.label)
    count = np.asarray(train.count)
    lead = count.ndim
    if x.ndim < lead + 2:
        raise DataError(f"train.x must be (rows, features, ...); given shape {x.shape}")
    if label.shape != x.shape[: lead + 1]:
        raise DataError(
            f"train.label must have the shape {x.shape[: lead + 1]} of the rows of train.x; given "
            f"{label.shape}"
        )
    if count.size == 0 or count.min() < 2:
        raise DataError(
            f"train must have at least 2 rows; given {count.min() if count.size else 0}"
        )
    if count.max() > label.shape[-1]:
        raise DataError(
            f"train.count must be at most the {label.shape[-1]} rows of train.x; "
            f"given {count.max()}"
        )
    if np.max(train.features) > x.shape[-1] or np.min(train.features) < 1:
        raise DataError(
            f"train.features must be in 1..{x.shape[-1]}, the columns of train.x; "
            f"given {train.features}"
        )
    if not np.isin(label, (-1, 0, 1)).all():
        raise DataError(
            "train.label must be -1 (labelled anomaly), 0 (unlabelled) or 1 (labelled normal); "
            f"given {sorted(set(np.unique(label).tolist()) - {-1, 0, 1})}"
        )
    valid = np.arange(label.shape[-1]) < count[..., None]
    normal = np.sum(valid & (label >= 0), axis=-1)
    if normal.min() < 2:
        raise DataError(
            "train must have at least 2 rows that are not labelled anomalies: the centre and the "
            f"batches of normal rows come from them; given {normal.min()}. Add unlabelled rows"
        )
    shape = x.shape[lead + 1 :]
    if detector.input_shape is not None and shape != tuple(detector.input_shape):
        raise DataError(
            f"train.x must have examples of shape {detector.input_shape}, as the detector was made "
            f"for; given {shape}. Make a detector for this data with jaxad.make"
        )
    check_finite(x, "train.x")
    _warn_of_single_rows(detector)
    lexicon = detector.lexicon
    if lexicon is not None:
        check_words(x[valid], lexicon, "train.x", train.vocabulary)
    if train.mask is not None:
        _check_mask(np.asarray(train.mask), x.shape[: lead + 1], shape)


def _warn_of_single_rows(detector: Detector | HostDetector) -> None:
    """Warn if BatchNorm would subtract each row from itself."""
    config = detector.config
    other = isinstance(detector, HostDetector) or detector.convolutional
    if other or getattr(config, "net", None) is not None or getattr(config, "batch_size", 2) > 1:
        return
    if getattr(config, "norm", "none").startswith("batch"):
        warnings.warn(
            f"batch_size=1 with norm={config.norm!r}: BatchNorm subtracts the only row of a batch "
            "from itself, so that nothing is learned. Use a larger batch_size, or norm='none'",
            DataWarning,
            stacklevel=3,
        )


def check_words(
    x: np.ndarray, lexicon: Lexicon, what: str, vocabulary: Vocabulary | None = None
) -> None:
    """Raise a `DataError` if documents do not fit a lexicon; warn if it has none of their words.

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
            f"{what} must use the vocabulary that the detector was made for; given that of another "
            "data set. Make a detector for this data with jaxad.make"
        )
    unknown = lexicon.count_unknown(x)
    if unknown:
        warnings.warn(
            f"{what}: {unknown} of {len(x)} documents contain no word with a vector",
            DataWarning,
            stacklevel=3,
        )


def _check_mask(mask: np.ndarray, rows: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Raise a `DataError` if masks do not fit images of a shape."""
    if len(shape) != 3:
        raise DataError(
            f"train.mask must be None unless examples are images; train.x has shape {shape}"
        )
    if mask.shape != (*rows, *shape[:2]):
        raise DataError(f"train.mask must have shape {(*rows, *shape[:2])}; given {mask.shape}")
    if mask.dtype != np.uint8 or mask.max(initial=0) > 1:
        raise DataError(
            "train.mask must be of uint8, 0 for normal and 1 for anomalous pixels; given "
            f"{mask.dtype} of up to {mask.max(initial=0)}"
        )


def check_seeds(seeds: int | Sequence[int] | None, train: TrainData) -> Int[np.ndarray, "seeds"]:
    """Return the numbers of the seeds to train.

    Raises:
        ConfigError: The number is not in [1, 10000], a seed is negative or has more than 32 bits,
            or there are not as many seeds as splits.
    """
    splits = np.asarray(train.count)
    if seeds is None:
        return np.arange(splits.shape[0] if splits.ndim else 1)
    if isinstance(seeds, int | np.integer) and seeds > _MOST_SEEDS:
        raise ConfigError(f"seeds must be at most {_MOST_SEEDS}; given {seeds}")
    numbers = np.arange(seeds) if isinstance(seeds, int | np.integer) else np.asarray(seeds)
    if isinstance(seeds, bool) or numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise ConfigError(f"seeds must be a whole number or a list of them; given {seeds!r}")
    if not len(numbers) or numbers.min() < 0 or numbers.max() >= 2**32:
        raise ConfigError(
            f"seeds must be a whole number of at least 1, or numbers in [0, 2**32); given {seeds!r}"
        )
    if splits.ndim and splits.shape[0] != len(numbers):
        raise ConfigError(
            f"seeds must be as many as the {splits.shape[0]} splits of train, or left out; given "
            f"{seeds}"
        )
    return numbers


def check_scorable(x: np.ndarray | Windows, lead: int, input_shape: tuple[int, ...] | None) -> None:
    """Raise an error if rows cannot be scored.

    Args:
        x: `(n, ...)` rows, with a seed axis in front if `lead` is 1.
        lead: The number of axes in front of the rows.
        input_shape: The shape of one example that the detector takes; None if not known.

    Raises:
        DataError: No rows, another shape than in training, or not finite.
    """
    shape = x.shape[lead + 1 :]
    if input_shape is not None and (x.ndim <= lead or shape != tuple(input_shape)):
        raise DataError(
            f"x must hold rows of shape (n, {', '.join(map(str, input_shape))}) as in training; "
            f"given {x.shape[lead:]}"
        )
    if x.shape[lead] == 0:
        raise DataError("x must have at least one row; given no rows")
    check_finite(x, "x")
