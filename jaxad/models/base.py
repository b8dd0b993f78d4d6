"""The protocol of score models."""

from typing import Any, Protocol

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.nets.base import Applied, Net, map_nets
from jaxad.padding import is_table, pad_axis
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Applied", "Model", "as_input", "forward_mode"]


class Model(Protocol):
    """A score model: static, hashable, pure.

    Its output, which an objective reads, is a pytree of per-example arrays, mostly just the score.
    Its extras are quantities that are computed from the data, not trained: a centre, a radius, ...
    """

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise variables randomly, and compute their extras."""
        ...

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the extras for given variables."""
        ...

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute the output for `(b, ...)` rows, new running statistics and a penalty.

        Args:
            variables: Parameters and running statistics.
            extras: The extras that belong to the variables.
            x: `(b, ...)` rows.
            train: Whether BatchNorm uses the statistics of the batch.
            key: Random key for models that draw in train mode. Without a key, and in inference
                mode, nothing is drawn.
        """
        ...

    def score(self, out: PyTree) -> Float[Array, "b"]:
        """Return the anomaly scores of an output; higher is more anomalous."""
        ...

    @property
    def convolutional(self) -> bool:
        """Whether `vmap` over seeds is slow on the CPU, as for convolutions."""
        ...


def as_input(x: Array, input_shape: tuple[int, ...]) -> Float[Array, "b *shape"]:
    """Convert rows to network input: uint8 images to [0, 1], tables to their padded columns."""
    x = jnp.asarray(x)
    table = is_table(input_shape)
    if x.dtype == jnp.uint8 and not table:
        x = x.astype(jnp.float32) / 255
    elif not jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(jnp.float32)
    return pad_axis(x, input_shape[-1], x.ndim - 1) if table else x


def forward_mode(model: Any) -> Any:
    """Return the same model with networks that support `jax.jvp`, also in models within it.

    Args:
        model: A frozen dataclass whose fields hold its networks.
    """
    return map_nets(model, Net.forward_mode)
