"""Detectors that the host trains, one seed after the other: on rows as they are, or on codes.

The codes are those of a detector of this library, which is trained first, for all seeds in one
program.
"""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jaxtyping import Float

from jaxad.detector import HostDetector, HostScore
from jaxad.types import Key, TrainData

__all__ = ["flatten_rows", "score_models", "train_models"]

_BLOCK = 4096  # rows that a model scores at once: some hold a kernel between them and their own


def train_models(
    detector: HostDetector,
    train: TrainData,
    numbers: np.ndarray,
    root: Key,
    done: Callable[[int], None],
    codes: Float[np.ndarray, "seeds n k"] | None = None,
) -> tuple[HostScore, ...]:
    """Train every seed.

    Args:
        detector: What to train.
        train: Rows and labels, with a seed axis or without.
        numbers: The seeds' numbers.
        root: The root of all randomness.
        done: Told after each seed how many are trained.
        codes: What stands in for the rows of each seed, if anything.
    """
    models = []
    for i, number in enumerate(numbers):
        one = _of_seed(train, i)
        n = int(one.count)
        words = np.asarray(jax.random.key_data(jax.random.fold_in(root, int(number))))
        rows, label = one.x if codes is None else codes[i], np.asarray(one.label[:n])
        models.append(
            detector.train(flatten_rows(np.asarray(rows[:n])), label, int(words.ravel()[-1]))
        )
        done(i + 1)
    return tuple(models)


def _of_seed(train: TrainData, i: int) -> TrainData:
    """The rows of one seed; all of them where seeds share them."""
    if np.ndim(train.count) == 0:
        return train
    return jax.tree.map(lambda leaf: np.asarray(leaf)[i], train)


def score_models(
    models: tuple[HostScore, ...], rows: Sequence[np.ndarray], count: np.ndarray
) -> np.ndarray:
    """`(seeds, n)` scores; NaN for rows of padding.

    Args:
        models: What was trained for each seed.
        rows: `(n, ...)` rows for each seed.
        count: How many rows are data; one number, or one for each seed.
    """
    scores = np.full((len(models), len(rows[0])), np.nan)
    counts = np.broadcast_to(count, len(models))
    for of_seed, model, x, n in zip(scores, models, rows, counts, strict=True):
        for start in range(0, int(n), _BLOCK):
            block = slice(start, min(start + _BLOCK, int(n)))
            of_seed[block] = model(flatten_rows(x[block]))
    return scores


def flatten_rows(x: np.ndarray) -> np.ndarray:
    """Rows as tables: images of uint8 in [0, 1], all entries side by side."""
    scale = 255 if x.dtype == np.uint8 and x.ndim == 4 else 1
    return x.reshape(len(x), -1).astype(np.float64) / scale
