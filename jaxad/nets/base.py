"""Networks as pure functions of their variables."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import Array, Float

from jaxad.nets.conv import canonical_conv, plain_conv
from jaxad.types import Key, PyTree, Variables

__all__ = ["INPUT", "OUTPUT", "PENALTIES", "ZEROS", "Applied", "Net", "Precision", "map_nets"]

Precision = Literal["float32", "bfloat16"]

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
        precision: The type in which layers compute. Parameters, the statistics of normalisation
            and the output are float32.
    """

    module: nn.Module
    input_shape: tuple[int, ...]
    convolutional: bool = False
    precision: Precision = "float32"

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
        if self.precision == "bfloat16":
            whole = replace(self, precision="float32")
            lower = _cast((params, x), jnp.bfloat16)
            applied = whole.apply(lower[0], batch_stats, lower[1], train)
            return applied._replace(out=_cast(applied.out, jnp.float32))
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

    def with_precision(self, precision: Precision) -> "Net":
        """Return the same network computing in another type.

        In bfloat16 all convolutions are direct: Fourier transforms would lose its few digits.
        """
        module = self.module
        if precision == "bfloat16" and hasattr(module, "convolution"):
            module = module.clone(convolution=canonical_conv)
        return replace(self, module=module, precision=precision)


def map_nets(value: Any, change: Callable[[Net], Net]) -> Any:
    """Return a value with each network in it replaced, such as a model or a partial function of it.

    Args:
        value: Networks in dataclasses, tuples and arguments of partial functions; all else stays.
        change: What a network is replaced by.
    """
    if isinstance(value, Net):
        return change(value)
    if isinstance(value, partial):
        args = [map_nets(arg, change) for arg in value.args]
        named = {name: map_nets(arg, change) for name, arg in value.keywords.items()}
        return type(value)(value.func, *args, **named)
    if isinstance(value, tuple):
        parts = [map_nets(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if not is_dataclass(value) or isinstance(value, type | nn.Module):
        return value
    return replace(
        value, **{f.name: map_nets(getattr(value, f.name), change) for f in fields(value)}
    )


def _cast(tree: PyTree, dtype: Any) -> PyTree:
    """Convert the floating-point leaves of a tree."""
    floating = lambda leaf: jnp.issubdtype(jnp.result_type(leaf), jnp.floating)  # noqa: E731
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if floating(leaf) else leaf, tree)


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
