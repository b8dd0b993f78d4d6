"""The interface of samplers, which draw the rows of each batch on the device."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, UInt32

from jaxad.sampling.permutation import ROUNDS, permute
from jaxad.types import Key, Leaf, PyTree, TrainData

__all__ = ["Rows", "Sampler", "ShuffledEpochs"]


class Sampler(Protocol):
    """A stream of batches; a pytree with the batch size as structure and numbers as leaves."""

    def init(self, data: TrainData) -> PyTree:
        """Make the table to draw from, once, on the host; with a seed axis if `data` has one."""
        ...

    def shuffle(self, key: Key) -> PyTree:
        """Draw the random numbers of an epoch; few, as they are drawn ahead for many steps."""
        ...

    def draw(self, table: PyTree, order: PyTree, step: Int[Array, ""]) -> Int[Array, "b"]:
        """Draw the rows of one batch.

        Args:
            table: The result of `init`.
            order: The result of `shuffle` for the epoch.
            step: The number of the batch within the epoch.
        """
        ...

    def steps_per_epoch(self, data: TrainData) -> np.ndarray:
        """Compute the number of batches in an epoch on the host, one number for each seed."""
        ...


class Rows(NamedTuple):
    """Indices of the rows that take part; only the first `count` are valid."""

    index: Int[Leaf, "n"]
    count: Int[Leaf, ""]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["labelled_anomalies", "labelled_normals"],
    meta_fields=["batch_size"],
)
@dataclass(frozen=True)
class ShuffledEpochs:
    """A sampler that shuffles all rows anew in each epoch and cuts them into batches.

    Batches are always full: the last of an epoch is filled from the beginning of the epoch. A batch
    has no row twice if there are at least `batch_size` rows; otherwise all rows come about equally
    often.

    Attributes:
        batch_size: Rows in a batch.
        labelled_anomalies: Whether labelled anomalies take part (1.0) or are left out (0.0).
        labelled_normals: The same for labelled normal rows.
    """

    batch_size: int
    labelled_anomalies: float = 1.0
    labelled_normals: float = 1.0

    def init(self, data: TrainData) -> Rows:
        """Return the rows that take part, in order."""
        part = self._part(data)
        index = np.argsort(~part, axis=-1, kind="stable").astype(np.int32)
        return Rows(index, part.sum(axis=-1, dtype=np.int32))

    def shuffle(self, key: Key) -> UInt32[Array, "rounds 2"]:
        """Draw the constants of the permutation of an epoch."""
        return jax.random.bits(key, (ROUNDS, 2), jnp.uint32)

    def draw(self, table: Rows, order: Array, step: Int[Array, ""]) -> Int[Array, "b"]:
        """Draw the rows of one batch, `(batch_size,)`."""
        position = (step * self.batch_size + jnp.arange(self.batch_size)) % table.count
        return table.index[permute(order, table.count, position)]

    def steps_per_epoch(self, data: TrainData) -> np.ndarray:
        """Return the rows that take part divided by the batch size, rounded up, for each seed."""
        return np.maximum(1, -(-self._part(data).sum(axis=-1) // self.batch_size))

    def _part(self, data: TrainData) -> Bool[np.ndarray, "*seeds n"]:
        label = np.asarray(data.label)
        valid = np.arange(label.shape[-1]) < np.asarray(data.count)[..., None]
        anomalies = (label >= 0) | (self.labelled_anomalies > 0)
        return valid & anomalies & ((label <= 0) | (self.labelled_normals > 0))
