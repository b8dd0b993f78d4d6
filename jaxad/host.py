"""Detectors that the host trains: one seed after the other, without JAX."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from jaxad.types import Key, TrainData

__all__ = ["HostDetector", "models_of", "scores_of"]

Score = Callable[[np.ndarray], Float[np.ndarray, "n"]]
Train = Callable[[np.ndarray, np.ndarray, int], Score]


class HostDetector(NamedTuple):
    """A detector of another library, under the same registry as those of this one.

    Attributes:
        train: `(rows (n, d), labels (n,), random number) -> score function of (m, d) rows`.
        name: The detector's registered name.
        config: The configuration that made it, a frozen dataclass.
        input_shape: The shape of one example it takes; longer ones than tables are flattened.
    """

    train: Train
    name: str = "custom"
    config: Any = None
    input_shape: tuple[int, ...] | None = None

    @property
    def lexicon(self) -> None:
        """It knows no words: texts are rows of a table to it, or nothing."""
        return None


def models_of(
    detector: HostDetector,
    train: TrainData,
    numbers: np.ndarray,
    root: Key,
    done: Callable[[int], None],
) -> tuple[Score, ...]:
    """Train every seed.

    Args:
        detector: What to train.
        train: Rows and labels, with a seed axis or without.
        numbers: The seeds' numbers.
        root: The root of all randomness.
        done: Told after each seed how many are trained.
    """
    models = []
    for i, number in enumerate(numbers):
        one = _of_seed(train, i)
        n = int(one.count)
        words = np.asarray(jax.random.key_data(jax.random.fold_in(root, int(number))))
        rows, label = flat(np.asarray(one.x[:n])), np.asarray(one.label[:n])
        models.append(detector.train(rows, label, int(words.ravel()[-1])))
        done(i + 1)
    return tuple(models)


def _of_seed(train: TrainData, i: int) -> TrainData:
    """The rows of one seed; all of them where seeds share them."""
    if np.ndim(train.count) == 0:
        return train
    return jax.tree.map(lambda leaf: np.asarray(leaf)[i], train)


def scores_of(models: tuple[Score, ...], x: np.ndarray, count: np.ndarray) -> np.ndarray:
    """`(seeds, n)` scores; NaN for rows of padding.

    Args:
        models: What was trained for each seed.
        x: `(n, ...)` rows for all seeds, or `(seeds, n, ...)`.
        count: How many rows are data; one number, or one for each seed.
    """
    n = x.shape[np.ndim(count)]
    scores = np.full((len(models), n), np.nan)
    for i, model in enumerate(models):
        rows, m = (x[i], count[i]) if np.ndim(count) else (x, count)
        scores[i, : int(m)] = model(flat(rows[: int(m)]))
    return scores


def flat(x: np.ndarray) -> np.ndarray:
    """Rows as tables: images of uint8 in [0, 1], all entries side by side."""
    scale = 255 if x.dtype == np.uint8 and x.ndim == 4 else 1
    return x.reshape(len(x), -1).astype(np.float64) / scale
