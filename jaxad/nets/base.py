"""Networks as pure functions of their variables."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Float

from jaxad.nets.conv import plain_conv
from jaxad.types import Key, PyTree, Variables

__all__ = ["INPUT", "OUTPUT", "PENALTIES", "ZEROS", "Applied", "Net"]

# Names of the layers next to a table's columns, some of which may be padding.
INPUT, OUTPUT = "input", "output"

# The linen collection of the terms that layers add to the loss of a batch.
PENALTIES = "penalties"

# Modules initialise kernels with zeros; `Net.init` then draws all of them at once.
ZEROS = nn.initializers.zeros_init()


class Applied(NamedTuple):
    """The result of applying a network or a score model to a batch.

    Attributes:
        out: The output, a pytree of `(b, ...)` arrays.
        batch_stats: Updated running statistics of BatchNorm.
        penalty: A term added to the loss of the batch; 0 in inference mode.
    """

    out: Any
    batch_stats: PyTree
    penalty: Float[Array, ""] | float = 0.0


@jax.tree_util.register_static
@dataclass(frozen=True)
class Net:
    """A linen module with its input shape; hashable, so that equal networks share programs.

    Attributes:
        module: A linen module called with `(x, train)`.
        input_shape: Shape of one example, for tables with padding.
        convolutional: Whether `vmap` would turn it into grouped convolutions, slow on the CPU.
    """

    module: nn.Module
    input_shape: tuple[int, ...]
    convolutional: bool = False

    def init(self, key: Key, features: Array | int) -> Variables:
        """Draw random variables; those of padded columns are zero.

        Kernels are uniform with standard deviation `1 / sqrt(3 fan-in)`, biases 0, scales 1.

        Args:
            key: A random key.
            features: Number of a table's columns that are data, `1 <= features <= input_shape[-1]`.
                Their variables do not depend on the padding.
        """
        example = jnp.zeros((2, *self.input_shape), jnp.float32)
        variables = self.module.init(jax.random.key(0), example, train=False)
        params = _draw_kernels(variables["params"], key, features)
        return Variables(params, variables.get("batch_stats", {}))

    def apply(self, params: PyTree, batch_stats: PyTree, x: Array, train: bool) -> Applied:
        """Apply the network to a batch `(b, *input_shape)`."""
        variables = {"params": params, "batch_stats": batch_stats}
        if not train:
            return Applied(self.module.apply(variables, x, train=False), batch_stats)
        collections = ["batch_stats", PENALTIES]
        y, updated = self.module.apply(variables, x, train=True, mutable=collections)
        penalty = sum(jax.tree.leaves(updated.get(PENALTIES, {})), 0.0)
        return Applied(y, updated.get("batch_stats", batch_stats), penalty)

    def forward_mode(self) -> "Net":
        """Return the same network with convolutions that support `jax.jvp`."""
        if not hasattr(self.module, "convolution"):
            return self
        return replace(self, module=self.module.clone(convolution=plain_conv))


def _draw_kernels(params: PyTree, key: Key, features: Array | int) -> PyTree:
    """Draw all kernels from one stream of numbers; compiling a draw for each takes seconds.

    The kernels of a table's columns come last in the stream, column by column, so that padding
    only extends its end.
    """
    leaves: dict[tuple[str, ...], Any] = dict(flatten_dict(params))
    layers = [path[:-1] for path in leaves if path[-1] == "kernel"]
    padded: dict[tuple[str, ...], int] = {(INPUT,): 0, (OUTPUT,): 1}
    layers.sort(key=lambda layer: padded.get(layer, -1))
    sizes = [leaves[*layer, "kernel"].size for layer in layers]
    stream = jax.random.uniform(key, (sum(sizes),), minval=-1, maxval=1)
    start = 0
    for layer, size in zip(layers, sizes, strict=True):
        shape = leaves[*layer, "kernel"].shape
        numbers = stream[start : start + size]
        first, last = layer == (INPUT,), layer == (OUTPUT,)
        kernel = numbers.reshape(shape[::-1]).T if last else numbers.reshape(shape)
        fan_in = features if first else kernel[..., 0].size
        column = jnp.arange(shape[0])[:, None] if first else jnp.arange(shape[-1]) if last else 0
        kernel = jnp.where(column < features, kernel / jnp.sqrt(jnp.float32(fan_in)), 0)
        leaves[*layer, "kernel"] = kernel
        start += size
    return unflatten_dict(leaves)
