"""Detectors that the host trains, one seed after the other: on rows, or on codes of rows.

Codes come from a detector of this library, which is trained first, for all seeds in one program.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

from jaxad.detector import Coder, HostDetector, HostScore
from jaxad.training.checks import check_codes
from jaxad.training.fitted import Fit, Progress
from jaxad.training.inference import apply_to_rows
from jaxad.training.seeds import MapMode
from jaxad.training.stacking import as_partial, share
from jaxad.types import Key, TrainData, Windows
from jaxad.utils.modes import pinned_modes
from jaxad.utils.timing import stopwatch

__all__ = ["fit_on_host", "flatten_rows", "score_models", "train_models"]

_BLOCK = 4096  # rows that a model scores at once: some hold a kernel between them and their own
_ENTRIES = 2**27  # entries of these rows: 1 GiB


def fit_on_host(
    fit: Callable[..., Fit],
    detector: HostDetector,
    train: TrainData,
    numbers: np.ndarray,
    root: Key,
    mode: MapMode,
    progress: Callable[[Progress], None] | None,
    checkpoint: str | Path | None,
) -> Fit:
    """Train a detector of another library for every seed, one after the other.

    Args:
        fit: Trains the detector that encodes rows, if there is one, as it would be alone.
        detector: The detector.
        train: Rows and labels.
        numbers: The seeds' numbers.
        root: The root of all randomness.
        mode: How seeds of the encoding detector are mapped.
        progress: Called after each chunk of the encoding detector and after each seed.
        checkpoint: The folder for the states of the encoding detector.
    """
    before, seeds = 0, len(numbers)

    def report(phase: str, done: int, total: int) -> None:
        if progress is not None:
            progress(Progress(phase, done, total + seeds))

    def report_codes(now: Progress) -> None:
        nonlocal before
        before = now.total
        report("codes", now.done, before)

    with stopwatch() as seconds:
        fitted, codes = Fit((detector,)), None
        if detector.coder is not None:
            fitted = fit(
                detector.coder.detector,
                train,
                numbers.tolist(),
                key=root,
                mode=mode,
                progress=report_codes,
                checkpoint=checkpoint,
            )
            fitted.history["codes"] = fitted.history.pop("train")
            codes = _encode(detector.coder, fitted, train)
        models = train_models(
            detector, train, numbers, root, lambda i: report("train", before + i, before), codes
        )
    rows = train.x.shape[np.ndim(train.count)]
    return replace(fitted, detectors=(detector,), rows=rows, models=models, seconds=seconds)


def _encode(coder: Coder, fitted: Fit, train: TrainData) -> Float[np.ndarray, "seeds n k"]:
    """Encode the training rows of every seed."""
    assert fitted.state is not None
    code, x, count = share(as_partial(coder.code)), np.asarray(train.x), np.asarray(train.count)
    codes = apply_to_rows(code, fitted.state, x, count, fitted.seeds, fitted.mode)
    check_codes(codes, count)
    return codes


@pinned_modes()
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
        detector: The detector.
        train: Rows and labels, with a seed axis or without.
        numbers: The seeds' numbers.
        root: The root of all randomness.
        done: Called after each seed with the number of trained seeds.
        codes: Codes that replace the rows of each seed; None for the rows themselves.
    """
    models = []
    for i, number in enumerate(numbers):
        one = _select_seed(train, i)
        n = int(one.count)
        words = np.asarray(jax.random.key_data(jax.random.fold_in(root, int(number))))
        rows, label = one.x if codes is None else codes[i], np.asarray(one.label[:n])
        models.append(
            detector.train(flatten_rows(np.asarray(rows[:n])), label, int(words.ravel()[-1]))
        )
        done(i + 1)
    return tuple(models)


def _select_seed(train: TrainData, i: int) -> TrainData:
    """Return the rows of one seed; all of them where seeds share them."""
    if np.ndim(train.count) == 0:
        return train
    return jax.tree.map(lambda leaf: np.asarray(leaf)[i], train)


@pinned_modes()
def score_models(
    models: tuple[HostScore, ...], rows: Sequence[np.ndarray | Windows], count: np.ndarray
) -> np.ndarray:
    """Compute `(seeds, n)` scores; NaN for rows of padding.

    Args:
        models: The model of each seed.
        rows: `(n, ...)` rows for each seed.
        count: How many rows are data; one number, or one for each seed.
    """
    scores = np.full((len(models), len(rows[0])), np.nan)
    counts = np.broadcast_to(count, len(models))
    for of_seed, model, x, n in zip(scores, models, rows, counts, strict=True):
        most = max(1, min(_BLOCK, _ENTRIES // math.prod(x.shape[1:])))
        for start in range(0, int(n), most):
            block = slice(start, min(start + most, int(n)))
            of_seed[block] = model(flatten_rows(x[block]))
    return scores


def flatten_rows(x: np.ndarray) -> np.ndarray:
    """Flatten rows to tables; uint8 images become numbers in [0, 1]."""
    scale = 255 if x.dtype == np.uint8 and x.ndim == 4 else 1
    return x.reshape(len(x), -1).astype(np.float64) / scale
