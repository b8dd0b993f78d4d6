"""Splits: training rows, test rows, and the hidden anomalies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Int

from jaxad.data.scaling import Scaling, select_scaling, stack_scalings
from jaxad.errors import ConfigError
from jaxad.types import TestData, TrainData

__all__ = ["Split", "stack_rows", "stack_splits"]


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Training and test data drawn from one data set, for one seed or for several.

    With several seeds every array has a leading seed axis, rows are padded with zeros to the same
    length, and `train.count` and `test.count` are the numbers of valid rows of each seed.

    Attributes:
        train: The training data of a detector.
        test: The test data.
        hidden: `(n,)` int8: 1 for the anomalies among the unlabelled training rows. For
            diagnostics only; training must not read it.
        scaling: The scaling of these rows, for further raw rows of the source.
        setting: The settings of the protocol and the numbers of rows, as JSON values.
        train_rows: `(n,)` int64: the row number of each training row in the source; -1 for padding,
            and `-2 - j` for row j of an exposure set.
        test_rows: `(m,)` int64: the row number of each test row in the source, or in its test part
            if it has one.
    """

    train: TrainData
    test: TestData
    hidden: Int[np.ndarray, "*seeds n"]
    scaling: Scaling
    setting: dict[str, Any]
    train_rows: Int[np.ndarray, "*seeds n"]
    test_rows: Int[np.ndarray, "*seeds m"]

    def __repr__(self) -> str:
        seeds = "" if self.seeds is None else f"{self.seeds} seeds, "
        train, test = self.hidden.shape[-1], self.test_rows.shape[-1]
        return f"Split({self.setting['dataset']!r}: {seeds}{train} to train, {test} to test)"

    @property
    def seeds(self) -> int | None:
        """The number of stacked seeds; None for a single split."""
        return len(self.hidden) if self.hidden.ndim == 2 else None

    def seed(self, index: int) -> "Split":
        """Return the split of one seed, without padding.

        Args:
            index: The seed, from 0.

        Raises:
            ConfigError: This is a single split, or `index` is out of range.
        """
        if self.seeds is None or not 0 <= index < self.seeds:
            allowed = "seed() needs a split of several seeds; this is a single split"
            if self.seeds is not None:
                allowed = f"allowed are 0 to {self.seeds - 1}, the seeds of this split"
            raise ConfigError(f"index={index!r} is not a seed of this split: {allowed}")
        n, m = int(self.train.count[index]), int(self.test.count[index])
        setting = {k: v[index] if k in DRAWN else v for k, v in self.setting.items()}
        return Split(
            train=TrainData(
                x=self.train.x[index, :n],
                label=self.train.label[index, :n],
                count=self.train.count[index],
                features=self.train.features[index],
                mask=None if self.train.mask is None else self.train.mask[index, :n],
                vocabulary=self.train.vocabulary,
            ),
            test=TestData(
                x=self.test.x[index, :m],
                label=self.test.label[index, :m],
                count=self.test.count[index],
                seen=self.test.seen[index, :m],
                mask=None if self.test.mask is None else self.test.mask[index, :m],
            ),
            hidden=self.hidden[index, :n],
            scaling=select_scaling(self.scaling, index),
            setting=setting | {"seeds": None},
            train_rows=self.train_rows[index, :n],
            test_rows=self.test_rows[index, :m],
        )


# Entries of a setting that are drawn for each seed; in a stacked split they are lists over seeds.
DRAWN = ("key", "known_classes", "rows")


def stack_splits(splits: Sequence[Split]) -> Split:
    """Stack single splits of one data set along a leading seed axis.

    Args:
        splits: Single splits, one for each seed.

    Returns:
        The stacked split; rows are padded with zeros, and `train_rows`, `test_rows` with -1.
    """
    first = splits[0]
    drawn = {name: [s.setting[name] for s in splits] for name in DRAWN}
    return Split(
        train=jax.tree.map(lambda *leaves: _stack(leaves), *(s.train for s in splits)),
        test=jax.tree.map(lambda *leaves: _stack(leaves), *(s.test for s in splits)),
        hidden=_stack([s.hidden for s in splits]),
        scaling=stack_scalings([s.scaling for s in splits]),
        setting=first.setting | drawn | {"seeds": len(splits)},
        train_rows=_stack([s.train_rows for s in splits], fill=-1),
        test_rows=_stack([s.test_rows for s in splits], fill=-1),
    )


def _stack(arrays: Sequence[Any], fill: int = 0) -> np.ndarray:
    """Stack arrays that differ only in length, padded with `fill` at the end."""
    first = np.asarray(arrays[0])
    if first.ndim == 0:
        return np.stack(arrays)
    longest = max(len(array) for array in arrays)
    out = np.full((len(arrays), longest, *first.shape[1:]), fill, first.dtype)
    for i, array in enumerate(arrays):
        out[i, : len(array)] = array
    return out


def stack_rows(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenate arrays along their seed axis.

    Args:
        arrays: `(seeds, n, ...)` each, which may differ in n, or `(seeds,)`.

    Returns:
        `(all seeds, longest n, ...)`, padded with zeros at the end.
    """
    if len(arrays) == 1:
        return arrays[0]
    if arrays[0].ndim == 1:
        return np.concatenate(arrays)
    longest = max(array.shape[1] for array in arrays)
    padded = [
        np.pad(array, [(0, 0), (0, longest - array.shape[1])] + [(0, 0)] * (array.ndim - 2))
        for array in arrays
    ]
    return np.concatenate(padded)
