"""A network as two pure functions of its variables."""

from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxad.types import Key, PyTree, Variables

__all__ = ["INPUT", "OUTPUT", "Net"]

# Names of the layers that touch a table's columns, which may be padding.
INPUT, OUTPUT = "input", "output"


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

        Args:
            key: A random key.
            features: How many of a table's columns are data, `1 <= features <= input_shape[-1]`.
                The first layer's scale follows this number, not the padded one.
        """
        example = jnp.zeros((2, *self.input_shape), jnp.float32)
        variables = self.module.init(key, example, train=False)
        params = _fit_to_features(variables["params"], features)
        return Variables(params, variables.get("batch_stats", {}))

    def apply(self, params: PyTree, batch_stats: PyTree, x: Array, train: bool):
        """The output for `(b, *input_shape)` and the new running statistics of BatchNorm."""
        variables = {"params": params, "batch_stats": batch_stats}
        if not train:
            return self.module.apply(variables, x, train=False), batch_stats
        y, updated = self.module.apply(variables, x, train=True, mutable=["batch_stats"])
        return y, updated.get("batch_stats", batch_stats)


def _fit_to_features(params: PyTree, features: Array | int) -> PyTree:
    params = dict(params)
    if INPUT in params:
        kernel = params[INPUT]["kernel"]
        padded = kernel.shape[0]
        scale = jnp.sqrt(padded / jnp.asarray(features, kernel.dtype))
        data = (jnp.arange(padded) < features)[:, None]
        params[INPUT] = {**params[INPUT], "kernel": jnp.where(data, kernel * scale, 0)}
    if OUTPUT in params:
        layer = params[OUTPUT]
        data = jnp.arange(layer["kernel"].shape[-1]) < features
        params[OUTPUT] = jax.tree.map(lambda leaf: jnp.where(data, leaf, 0), dict(layer))
    return params
