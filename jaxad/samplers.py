"""Index streams on the device: which rows make up a batch, as pure functions of a step number."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, UInt32

from jaxad.types import Key, Leaf, PyTree, TrainData

__all__ = ["ROUNDS", "Rows", "Sampler", "ShuffledEpochs", "permuted"]

ROUNDS = 6  # of scrambling, for which a permutation has two constants each


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
        return table.index[permuted(order, table.count, position)]

    def steps_per_epoch(self, data: TrainData) -> np.ndarray:
        """Batches an epoch for each seed: rows that take part / batch size, rounded up."""
        return np.maximum(1, -(-self._part(data).sum(axis=-1) // self.batch_size))

    def _part(self, data: TrainData) -> Bool[np.ndarray, "*seeds n"]:
        label = np.asarray(data.label)
        valid = np.arange(label.shape[-1]) < np.asarray(data.count)[..., None]
        anomalies = (label >= 0) | (self.labelled_anomalies > 0)
        return valid & anomalies & ((label <= 0) | (self.labelled_normals > 0))


def permuted(
    constants: UInt32[Array, "rounds 2"], n: Int[Array, ""] | int, position: Int[Array, "b"]
) -> Int[Array, "b"]:
    """Where a random permutation of `0..n-1` takes some positions, without computing it all.

    `n` is traced: a shuffle by sorting would cost the padded length at each epoch. Instead the
    numbers of as many bits as `n - 1` has are scrambled by a bijection, again and again until the
    result is below `n` (cycle walking), which is a bijection of `0..n-1`.

    Args:
        constants: Random numbers that choose the permutation.
        n: How many numbers are permuted, `1 <= n < 2**31`.
        position: `(b,)` numbers in `0..n-1`.

    References:
        Black and Rogaway 2002, Ciphers with arbitrary finite domains.
    """
    n = jnp.asarray(n, jnp.uint32)
    bits = 32 - jax.lax.clz(jnp.maximum(n - 1, 1))
    mask = (jnp.uint32(1) << bits) - 1
    half = (bits + 1) // 2

    def scramble(x: UInt32[Array, "b"]) -> UInt32[Array, "b"]:
        # Each line is invertible on numbers of `bits` bits.
        for add, multiply in constants:
            x = (x + add) & mask
            x = (x * (multiply | 1)) & mask
            x = x ^ (x >> half)
        return x

    def walk(x):
        return jnp.where(x >= n, scramble(x), x)

    start = scramble(position.astype(jnp.uint32))
    return jax.lax.while_loop(lambda x: jnp.any(x >= n), walk, start).astype(jnp.int32)
