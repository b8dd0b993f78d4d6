"""Distance to the origin in a network's code space, by one of several radial functions.

References:
    Ruff et al. 2021, Rethinking assumptions in deep anomaly detection; thesis of Ruff (2021),
    section 2.3.5 and table A.1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.nets.base import Net
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["RADII", "Radial", "Radius", "pseudo_huber"]

Radius = Literal["l1", "l2", "l2_squared", "pseudo_huber"]


def pseudo_huber(square: Float[Array, "..."]) -> Float[Array, "..."]:
    """Compute `sqrt(r^2 + 1) - 1` of `r^2`: about `r^2 / 2` near 0, and `r - 1` far from it.

    The form `r^2 / (sqrt(r^2 + 1) + 1)` loses no digits near 0.
    """
    return square / (jnp.sqrt(square + 1) + 1)


def _l1(z: Float[Array, "b k"]) -> Float[Array, "b"]:
    return jnp.sum(jnp.abs(z), axis=-1)


def _l2(z: Float[Array, "b k"]) -> Float[Array, "b"]:
    square = _l2_squared(z)
    # At 0, where the root has an infinite derivative, the norm gets the derivative 0.
    away = square > 0
    return jnp.where(away, jnp.sqrt(jnp.where(away, square, 1)), 0)


def _l2_squared(z: Float[Array, "b k"]) -> Float[Array, "b"]:
    return jnp.sum(z**2, axis=-1)


def _pseudo_huber(z: Float[Array, "b k"]) -> Float[Array, "b"]:
    return pseudo_huber(_l2_squared(z))


# Functions from codes (b, k) to distances (b,), 0 at the origin, with finite derivatives.
RADII: dict[str, Callable[[Float[Array, "b k"]], Float[Array, "b"]]] = {
    "l1": _l1,
    "l2": _l2,
    "l2_squared": _l2_squared,
    "pseudo_huber": _pseudo_huber,
}


@jax.tree_util.register_static
@dataclass(frozen=True)
class Radial:
    """`h(phi(x))`, which is also the score; the centre is in the bias of the network's last layer.

    Attributes:
        encoder: Network from rows to codes.
        radius: `h`: "l1" `||z||_1`, "l2" `||z||_2`, "l2_squared" `||z||_2^2`, or "pseudo_huber"
            `sqrt(||z||_2^2 + 1) - 1`.
    """

    encoder: Net
    radius: Radius = "pseudo_huber"

    @property
    def convolutional(self) -> bool:
        """Whether the encoder has convolutions."""
        return self.encoder.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the network randomly, without extras."""
        return self.encoder.init(key, data.features), {}

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Return no extras."""
        del variables, data
        return {}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute distances of `(b, ...)` rows from the origin, and new running statistics."""
        del extras, key
        codes = self.encoder.apply(*variables, as_input(x, self.encoder.input_shape), train)
        return codes._replace(out=RADII[self.radius](codes.out))

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """Return the distance."""
        return out
