"""Training rows that a model keeps for comparison."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from jaxad.padding import take_rows, valid_rows
from jaxad.sampling.permutation import ROUNDS, permute
from jaxad.types import Key, TrainData

__all__ = ["Drawn", "draw_rows"]


class Drawn(NamedTuple):
    """Rows drawn from the training data, in its type.

    Attributes:
        x: `(m, ...)` rows.
        first: `(m,)` False for repetitions, which occur if there are fewer than m rows.
    """

    x: Array
    first: Bool[Array, "m"]


def draw_rows(key: Key, data: TrainData, number: int) -> Drawn:
    """Draw rows that are not labelled anomalies in random order, each once before any repeats.

    The draw does not depend on the padding.

    Args:
        key: A random key.
        data: Training rows, at least one of which is not a labelled anomaly.
        number: Number of rows to draw.
    """
    up_to = jnp.cumsum(valid_rows(data) & (jnp.asarray(data.label) >= 0))
    count = up_to[-1]
    place = jnp.arange(number)
    order = permute(jax.random.bits(key, (ROUNDS, 2), jnp.uint32), count, place % count)
    return Drawn(take_rows(data.x, jnp.searchsorted(up_to, order + 1)), place < count)
