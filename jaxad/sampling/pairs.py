"""A sampler of pairs: two unlabelled rows, two labelled anomalies, or one of each."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Int

from jaxad.sampling.balanced import (
    FixedSteps,
    Kinds,
    draw_in_turn,
    draw_numbers,
    register_steps,
    sort_kinds,
)
from jaxad.types import TrainData

__all__ = ["Pairs"]


@register_steps
@dataclass(frozen=True)
class Pairs(FixedSteps):
    """A sampler of pairs of rows.

    With A for a labelled anomaly and N for any other row, half of the pairs in a batch are NN, the
    next quarter AN (the anomaly first) and the last quarter AA. Anomalies are drawn with
    replacement; the two of a pair differ, unless there is only one. Other rows come in shuffled
    order, and begin anew when an epoch has used all of them.

    Attributes:
        batch_size: Pairs in a batch, >= 4.
        steps: Batches in an epoch, >= 1.
        labelled_normals: Whether labelled normal rows take part (1.0) or are left out (0.0).

    References:
        Pang et al. 2023, Deep weakly-supervised anomaly detection, section 4.2.
    """

    def init(self, data: TrainData) -> Kinds:
        """Return the labelled anomalies and the other rows.

        Raises:
            DataError: A split lacks rows of either kind.
        """
        return sort_kinds(data, self.labelled_normals)

    def draw(self, table: Kinds, order: Array, step: Int[Array, ""]) -> Int[Array, "b 2"]:
        """Draw the pairs of one batch, `(batch_size, 2)` rows."""
        quarter = self.batch_size // 4
        half = self.batch_size - 2 * quarter
        rest = draw_in_turn(table.rest, order[1], step, 2 * half + quarter)
        drawn = draw_numbers(order[0], step, 3 * quarter)
        mixed, first, second = drawn.reshape(3, quarter)
        index, count = table.anomalies
        first = first % count
        # 1 to count - 1 places after the first anomaly, so another one unless there is only one.
        second = (first + 1 + second % jnp.maximum(count - 1, 1)) % count
        pairs = [
            rest[: 2 * half].reshape(half, 2),
            jnp.stack([index[mixed % count], rest[2 * half :]], axis=1),
            jnp.stack([index[first], index[second]], axis=1),
        ]
        return jnp.concatenate(pairs)
