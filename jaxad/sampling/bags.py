"""A sampler of bags: few unlabelled rows for each of many members, beside labelled anomalies."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt32

from jaxad.sampling.balanced import Kinds, draw_any, sort_kinds
from jaxad.sampling.permutation import ROUNDS, permute
from jaxad.types import Key, TrainData

__all__ = ["Bags"]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["unlabelled", "ratio", "steps"],
    meta_fields=["members", "batch_size"],
)
@dataclass(frozen=True)
class Bags:
    """A sampler that draws each member's rows from a bag of its own.

    A bag holds all labelled anomalies and K other rows, drawn without replacement once for each
    epoch; a detector that keeps its bags trains for one epoch. Half of a member's rows in a batch
    are labelled anomalies, drawn with replacement; the others are the rows of the bag in turn.

    Attributes:
        members: The number of bags.
        batch_size: Rows of each member in a batch, >= 2.
        unlabelled: The smallest K.
        ratio: K for each labelled anomaly, if that is more.
        steps: Batches in an epoch, >= 1.

    References:
        Mordelet and Vert 2014, A bagging SVM to learn from positive and unlabeled examples.
    """

    members: int
    batch_size: int
    unlabelled: int
    ratio: float
    steps: int

    def init(self, data: TrainData) -> Kinds:
        """Return the labelled anomalies and the other rows.

        Raises:
            DataError: A split lacks rows of either kind.
        """
        return sort_kinds(data)

    def shuffle(self, key: Key) -> UInt32[Array, "members 2 rounds 2"]:
        """Draw the constants of two streams for each member."""
        return jax.random.bits(key, (self.members, 2, ROUNDS, 2), jnp.uint32)

    def steps_per_epoch(self, data: TrainData) -> np.ndarray:
        """Return the fixed number of batches for each seed."""
        return np.full(np.shape(data.count), self.steps)

    def draw(self, table: Kinds, order: Array, step: Int[Array, ""]) -> Int[Array, "b"]:
        """Draw the rows of one batch, `(members * batch_size,)`, member by member."""
        few, half = self.batch_size // 2, self.batch_size - self.batch_size // 2
        wanted = jnp.maximum(self.unlabelled, jnp.round(self.ratio * table.anomalies.count))
        size = jnp.minimum(table.rest.count, wanted.astype(jnp.int32))
        place = (step * half + jnp.arange(half)) % size

        def draw_one(constants: Array) -> Int[Array, "rows"]:
            rest = table.rest.index[permute(constants[1], table.rest.count, place)]
            return jnp.concatenate([draw_any(table.anomalies, constants[0], step, few), rest])

        return jax.vmap(draw_one)(order).reshape(-1)
