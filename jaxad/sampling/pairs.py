"""Pairs of rows: unlabelled ones, labelled anomalies, and one of each."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Int

from jaxad.sampling.balanced import (
    FixedSteps,
    Kinds,
    draw_in_turn,
    draw_numbers,
    register_steps,
)
from jaxad.types import TrainData

__all__ = ["Pairs"]


@register_steps
@dataclass(frozen=True)
class Pairs(FixedSteps):
    """Pairs of rows: two unlabelled, an anomaly with an unlabelled one, two anomalies.

    Of a batch half the pairs are NN, the next quarter NA (the anomaly first) and the last AA, where
    A is a labelled anomaly and N any other row. Anomalies are drawn with repetition; the two of a
    pair differ if there are two, and a single labelled anomaly is paired with itself. Other rows
    come in shuffled order, again from the first when an epoch has used them all.

    Attributes:
        batch_size: Pairs in a batch, >= 4.
        steps: Batches in an epoch, >= 1.
        labelled_normals: Whether labelled normal rows take part (1.0) or are left out (0.0).

    References:
        Pang et al. 2023, Deep weakly-supervised anomaly detection, section 4.2.
    """

    def init(self, data: TrainData) -> Kinds:
        """The labelled anomalies and the other rows.

        Raises:
            DataError: A split has no row of the one kind or the other.
        """
        return self._kinds(data)

    def draw(self, table: Kinds, order: Array, step: Int[Array, ""]) -> Int[Array, "b 2"]:
        """The rows of the pairs of one batch, `(batch_size, 2)`."""
        quarter = self.batch_size // 4
        half = self.batch_size - 2 * quarter
        rest = draw_in_turn(table.rest, order[1], step, 2 * half + quarter)
        drawn = draw_numbers(order[0], step, 3 * quarter)
        mixed, first, second = drawn.reshape(3, quarter)
        index, count = table.anomalies
        first = first % count
        # A step of 1 to count - 1 from the first anomaly: never back to it, unless it is alone.
        second = (first + 1 + second % jnp.maximum(count - 1, 1)) % count
        pairs = [
            rest[: 2 * half].reshape(half, 2),
            jnp.stack([index[mixed % count], rest[2 * half :]], axis=1),
            jnp.stack([index[first], index[second]], axis=1),
        ]
        return jnp.concatenate(pairs)
