"""Position relative to a hyperplane in the space of a network (Chalapathy et al. 2018)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.hypersphere import Boundary
from jaxad.nets.base import Net
from jaxad.padding import map_rows, masked_exceeded, valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["ACTIVATIONS", "Activation", "Hyperplane"]

Activation = Literal["gaussian", "sigmoid", "linear"]

# Features of the outputs of the network, elementwise.
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gaussian": lambda z: jnp.exp(-(z**2)),
    "sigmoid": jax.nn.sigmoid,
    "linear": lambda z: z,
}


@jax.tree_util.register_static
@dataclass(frozen=True)
class Hyperplane:
    """The score `r - y` with `y = w . g(f(x))`, above 0 on the near side of a hyperplane.

    The near side is that of the origin of the features `g(f(x))`. The output is that of a soft
    boundary (`jaxad.models.hypersphere.Boundary`), with `-y` as the distance and `-r` as the
    squared radius. In train mode `||w||^2 / 2` is the penalty.

    Attributes:
        encoder: The network f, from rows to codes.
        activation: The function g of each coordinate: "gaussian" `exp(-z^2)`, "sigmoid" or
            "linear".
    """

    encoder: Net
    activation: Activation = "gaussian"

    @property
    def convolutional(self) -> bool:
        """Whether the encoder has convolutions."""
        return self.encoder.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the encoder and w, with entries of at least 0, randomly, and r as 0."""
        encoder = self.encoder.init(jax.random.fold_in(key, 0), data.features)
        rows = jnp.zeros((1, *self.encoder.input_shape))
        k = jax.eval_shape(lambda: self.encoder.apply(*encoder, rows, train=False).out).shape[-1]
        w = jax.random.uniform(jax.random.fold_in(key, 1), (k,)) / jnp.sqrt(k)
        variables = Variables({"encoder": encoder.params, "plane": w}, encoder.batch_stats)
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Return an initial offset of 0."""
        del variables, data
        return {"radius_sq": jnp.zeros(())}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute `-y` of `(b, ...)` rows with `-r`, and new running statistics."""
        del key
        x, w = as_input(x, self.encoder.input_shape), variables.params["plane"]
        code = self.encoder.apply(variables.params["encoder"], variables.batch_stats, x, train)
        distance = -ACTIVATIONS[self.activation](code.out) @ w
        penalty = code.penalty + jnp.sum(w**2) / 2 if train else 0.0
        offset = jnp.broadcast_to(extras["radius_sq"], distance.shape)
        return Applied(Boundary(distance, offset), code.batch_stats, penalty)

    def score(self, out: Boundary) -> Float[Array, "b"]:
        """Return `r - y`."""
        return out.distance - out.radius_sq

    def radius_sq(
        self, variables: Variables, extras: PyTree, data: TrainData, nu: Array | float
    ) -> Float[Array, ""]:
        """Compute the `-r` that minimises `mean max(0, r - y) / nu - r`.

        At most `nu n` of the n rows then have `y < r` (Chalapathy et al. 2018, theorem 1).
        """

        def distance(x):
            return self.apply(variables, extras, x, train=False).out.distance

        distances = map_rows(distance, data.x, data.count)
        return masked_exceeded(distances, valid_rows(data) & (data.label >= 0), nu)
