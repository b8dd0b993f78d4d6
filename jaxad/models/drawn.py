"""Training rows that a model keeps, to compare others with."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from jaxad.padding import valid_rows
from jaxad.sampling.permutation import ROUNDS, permute
from jaxad.types import Key, TrainData

__all__ = ["Drawn", "draw_rows"]


class Drawn(NamedTuple):
    """Some rows, in the type of the data.

    Attributes:
        x: `(m, ...)` rows.
        first: `(m,)` whether a row has not come before: with fewer than m rows some come again.
    """

    x: Array
    first: Bool[Array, "m"]


def draw_rows(key: Key, data: TrainData, number: int) -> Drawn:
    """Rows that are not labelled anomalies, in random order, all before any comes again.

    The same rows are drawn whatever padding is behind them.

    Args:
        key: A random key.
        data: Training rows, at least one of which is no labelled anomaly.
        number: How many to draw.
    """
    up_to = jnp.cumsum(valid_rows(data) & (jnp.asarray(data.label) >= 0))
    count = up_to[-1]
    place = jnp.arange(number)
    order = permute(jax.random.bits(key, (ROUNDS, 2), jnp.uint32), count, place % count)
    return Drawn(jnp.asarray(data.x)[jnp.searchsorted(up_to, order + 1)], place < count)
