"""A network as two pure functions of its variables."""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxad.types import Key, PyTree, Variables

__all__ = ["INPUT", "OUTPUT", "ZEROS", "Net"]

# Names of the layers that touch a table's columns, which may be padding.
INPUT, OUTPUT = "input", "output"

# What modules start their kernels with; `Net.init` draws them all at once.
ZEROS = nn.initializers.zeros_init()


@jax.tree_util.register_static
@dataclass(frozen=True)
class Net:
    """A linen module with the shape it takes; hashable, so that equal nets share programs.

    Attributes:
        module: A linen module whose call takes `(x, train)`.
        input_shape: The shape of one example; for tables the padded one.
        convolutional: Whether mapping it with `vmap` on the CPU would give grouped convolutions.
    """

    module: nn.Module
    input_shape: tuple[int, ...]
    convolutional: bool = False

    def init(self, key: Key, features: Array | int) -> Variables:
        """Random variables; what belongs to padded columns is zero.

        Kernels are uniform with standard deviation `1 / sqrt(3 fan-in)`, biases 0, scales 1.

        Args:
            key: A random key.
            features: How many of a table's columns are data, `1 <= features <= input_shape[-1]`.
                They get the same numbers whatever the padding is.
        """
        example = jnp.zeros((2, *self.input_shape), jnp.float32)
        variables = self.module.init(jax.random.key(0), example, train=False)
        params = _random_kernels(variables["params"], key, features)
        return Variables(params, variables.get("batch_stats", {}))

    def apply(
        self, params: PyTree, batch_stats: PyTree, x: Array, train: bool
    ) -> tuple[Any, PyTree]:
        """The output for `(b, *input_shape)` and the new running statistics of BatchNorm."""
        variables = {"params": params, "batch_stats": batch_stats}
        if not train:
            return self.module.apply(variables, x, train=False), batch_stats
        y, updated = self.module.apply(variables, x, train=True, mutable=["batch_stats"])
        return y, updated.get("batch_stats", batch_stats)


def _random_kernels(params: PyTree, key: Key, features: Array | int) -> PyTree:
    """Random kernels from one stream of numbers: compiling a draw for each costs seconds.

    The kernels of a table's columns come last in the stream and column by column, so that padding
    only adds to its end.
    """
    padded = {INPUT: 0, OUTPUT: 1}
    names = sorted((n for n in params if "kernel" in params[n]), key=lambda n: padded.get(n, -1))
    sizes = [params[name]["kernel"].size for name in names]
    stream = jax.random.uniform(key, (sum(sizes),), minval=-1, maxval=1)
    params, start = dict(params), 0
    for name, size in zip(names, sizes, strict=True):
        shape = params[name]["kernel"].shape
        numbers = stream[start : start + size]
        kernel = numbers.reshape(shape[::-1]).T if name == OUTPUT else numbers.reshape(shape)
        fan_in = features if name == INPUT else kernel[..., 0].size
        columns = {INPUT: jnp.arange(shape[0])[:, None], OUTPUT: jnp.arange(shape[-1])}.get(name, 0)
        kernel = jnp.where(columns < features, kernel / jnp.sqrt(jnp.float32(fan_in)), 0)
        params[name] = {**params[name], "kernel": kernel}
        start += size
    return params
