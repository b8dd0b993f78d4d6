"""Index streams on the device: which rows make up a batch, as pure functions of a step number."""

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
    """A stream of batches; a pytree whose batch size is structure and whose numbers are leaves."""

    def init(self, data: TrainData) -> PyTree:
        """A table to draw from, made once on the host; a leading seed axis where `data` has one."""
        ...

    def shuffle(self, key: Key) -> PyTree:
        """The randomness of an epoch, as few numbers: they are drawn ahead for many steps."""
        ...

    def draw(self, table: PyTree, order: PyTree, step: Int[Array, ""]) -> Int[Array, "b"]:
        """The rows of one batch.

        Args:
            table: What `init` made.
            order: What `shuffle` drew for the epoch.
            step: The batch's number within the epoch.
        """
        ...

    def steps_per_epoch(self, data: TrainData) -> np.ndarray:
        """How many batches make an epoch, computed on the host; one number for each seed."""
        ...


class Rows(NamedTuple):
    """Which rows take part: their indices, the first `count` of them."""

    index: Int[Leaf, "n"]
    count: Int[Leaf, ""]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["labelled_anomalies", "labelled_normals"],
    meta_fields=["batch_size"],
)
@dataclass(frozen=True)
class ShuffledEpochs:
    """Each epoch is a new shuffle of all rows, cut into batches.

    Batches are always full: the last of an epoch is filled up from the epoch's beginning. In one
    batch no row comes twice as long as there are at least `batch_size` rows; with fewer, all come
    about equally often.

    Attributes:
        batch_size: Rows in a batch.
        labelled_anomalies: Whether labelled anomalies take part (1.0) or are left out (0.0).
        labelled_normals: The same of labelled normal rows.
    """

    batch_size: int
    labelled_anomalies: float = 1.0
    labelled_normals: float = 1.0

    def init(self, data: TrainData) -> Rows:
        """The rows that take part, first to last."""
        part = self._part(data)
        index = np.argsort(~part, axis=-1, kind="stable").astype(np.int32)
        return Rows(index, part.sum(axis=-1, dtype=np.int32))

    def shuffle(self, key: Key) -> UInt32[Array, "rounds 2"]:
        """The constants of the epoch's permutation."""
        return jax.random.bits(key, (ROUNDS, 2), jnp.uint32)

    def draw(self, table: Rows, order: Array, step: Int[Array, ""]) -> Int[Array, "b"]:
        """The rows of one batch, `(batch_size,)`."""
        position = (step * self.batch_size + jnp.arange(self.batch_size)) % table.count
        return table.index[permute(order, table.count, position)]

    def steps_per_epoch(self, data: TrainData) -> np.ndarray:
        """Batches an epoch for each seed: rows that take part / batch size, rounded up."""
        return np.maximum(1, -(-self._part(data).sum(axis=-1) // self.batch_size))

    def _part(self, data: TrainData) -> Bool[np.ndarray, "*seeds n"]:
        label = np.asarray(data.label)
        valid = np.arange(label.shape[-1]) < np.asarray(data.count)[..., None]
        anomalies = (label >= 0) | (self.labelled_anomalies > 0)
        return valid & anomalies & ((label <= 0) | (self.labelled_normals > 0))
