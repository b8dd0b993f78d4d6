"""Samplers with a fixed share of labelled anomalies in each batch.

Batches are drawn on the device from a few random numbers for each epoch; nothing goes back to the
host within a run.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, UInt32

from jaxad.errors import DataError
from jaxad.sampling.base import Rows
from jaxad.sampling.permutation import ROUNDS, permute
from jaxad.types import Key, TrainData

__all__ = [
    "Balanced",
    "FixedSteps",
    "Kinds",
    "Unlabelled",
    "draw_any",
    "draw_in_turn",
    "draw_numbers",
    "register_steps",
    "sort_kinds",
]

_MANY = 2**30  # a power of two, so that `permute` scrambles each number only once


class Kinds(NamedTuple):
    """Labelled anomalies and other rows."""

    anomalies: Rows
    rest: Rows


register_steps = partial(
    jax.tree_util.register_dataclass,
    data_fields=["steps", "labelled_normals"],
    meta_fields=["batch_size"],
)


@dataclass(frozen=True)
class FixedSteps:
    """Base of samplers with a fixed number of batches in an epoch."""

    batch_size: int
    steps: int | None
    labelled_normals: float = 1.0

    def shuffle(self, key: Key) -> UInt32[Array, "2 rounds 2"]:
        """Draw the constants of two streams, one for anomalies and one for the rest."""
        return jax.random.bits(key, (2, ROUNDS, 2), jnp.uint32)

    def steps_per_epoch(self, data: TrainData) -> np.ndarray:
        """Return the fixed number of batches for each seed."""
        return np.full(np.shape(data.count), self.steps)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["steps", "labelled_normals"],
    meta_fields=["batch_size", "anomalies"],
)
@dataclass(frozen=True)
class Balanced(FixedSteps):
    """A sampler with labelled anomalies in half of each batch, and other rows in the other half.

    Labelled anomalies are drawn with replacement. Other rows come in shuffled order, and begin anew
    only when an epoch has used all of them; a batch of odd size has one more of them.

    Attributes:
        batch_size: Rows in a batch, >= 2; labelled anomalies come first.
        anomalies: The number of labelled anomalies in a batch, >= 1 and < batch_size; None for half
            of the batch.
        steps: Batches in an epoch, >= 1; None for as many as show each other row once.
        labelled_normals: Whether labelled normal rows take part (1.0) or are left out (0.0).

    References:
        Pang et al. 2019, Deep anomaly detection with deviation networks, algorithm 1.
    """

    anomalies: int | None = None

    def init(self, data: TrainData) -> Kinds:
        """Return the labelled anomalies and the other rows.

        Raises:
            DataError: A split lacks rows of either kind.
        """
        return sort_kinds(data, self.labelled_normals)

    def steps_per_epoch(self, data: TrainData) -> np.ndarray:
        """Return the number of batches for each seed."""
        if self.steps is not None:
            return super().steps_per_epoch(data)
        rest = sort_kinds(data, self.labelled_normals).rest.count
        return np.maximum(1, -(-rest // (self.batch_size - self._labelled)))

    def draw(self, table: Kinds, order: Array, step: Int[Array, ""]) -> Int[Array, "b"]:
        """Draw the rows of one batch, `(batch_size,)`."""
        anomalies = draw_any(table.anomalies, order[0], step, self._labelled)
        rest = draw_in_turn(table.rest, order[1], step, self.batch_size - self._labelled)
        return jnp.concatenate([anomalies, rest])

    @property
    def _labelled(self) -> int:
        """The number of labelled anomalies in a batch."""
        return self.batch_size // 2 if self.anomalies is None else self.anomalies


@register_steps
@dataclass(frozen=True)
class Unlabelled(FixedSteps):
    """A sampler of all rows but labelled anomalies, in shuffled order, with fixed epochs.

    Attributes:
        batch_size: Rows in a batch, >= 1.
        steps: Batches in an epoch, >= 1.
        labelled_normals: Whether labelled normal rows take part (1.0) or are left out (0.0).
    """

    def init(self, data: TrainData) -> Rows:
        """Return the rows that take part."""
        return sort_kinds(data, self.labelled_normals, anomalies_needed=False).rest

    def draw(self, table: Rows, order: Array, step: Int[Array, ""]) -> Int[Array, "b"]:
        """Draw the rows of one batch, `(batch_size,)`."""
        return draw_in_turn(table, order[1], step, self.batch_size)


def sort_kinds(
    data: TrainData, labelled_normals: float = 1.0, *, anomalies_needed: bool = True
) -> Kinds:
    """Sort rows into labelled anomalies and others.

    Args:
        data: Training data.
        labelled_normals: Whether labelled normal rows are among the others (1.0) or left out (0.0).
        anomalies_needed: Whether a split without labelled anomalies is an error.

    Raises:
        DataError: A split lacks rows of a kind that is needed.
    """
    label = np.asarray(data.label)
    valid = np.arange(label.shape[-1]) < np.asarray(data.count)[..., None]
    rest = (label == 0) | ((label > 0) & (labelled_normals > 0))
    kinds = Kinds(_rows(valid & (label < 0)), _rows(valid & rest))
    if anomalies_needed and kinds.anomalies.count.min() == 0:
        raise DataError(
            "label must have at least 1 labelled anomaly (-1) in every split; given a split "
            "with none. Label some, or choose a detector that needs none"
        )
    if kinds.rest.count.min() == 0:
        raise DataError(
            "label must have at least 1 row that is not a labelled anomaly (-1) in every "
            "split; given a split with none. Add unlabelled rows (0)"
        )
    return kinds


def _rows(part: Bool[np.ndarray, "*seeds n"]) -> Rows:
    index = np.argsort(~part, axis=-1, kind="stable").astype(np.int32)
    return Rows(index, part.sum(axis=-1, dtype=np.int32))


def draw_in_turn(
    rows: Rows, constants: Array, step: Int[Array, ""], size: int
) -> Int[Array, "size"]:
    """Return the next rows of a shuffled order, which starts again after its last row."""
    position = (step * size + jnp.arange(size)) % rows.count
    return rows.index[permute(constants, rows.count, position)]


def draw_any(rows: Rows, constants: Array, step: Int[Array, ""], size: int) -> Int[Array, "size"]:
    """Draw rows with replacement."""
    return rows.index[draw_numbers(constants, step, size) % rows.count]


def draw_numbers(constants: Array, step: Int[Array, ""], size: int) -> Int[Array, "size"]:
    """Draw random numbers below 2**30; their remainders by a small count are nearly uniform."""
    return permute(constants, _MANY, step * size + jnp.arange(size))
