"""The squared error of a reconstruction."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import as_input
from jaxad.nets.base import Net
from jaxad.padding import is_table
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Reconstruction"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Reconstruction:
    """The error `||x - g(f(x))||^2`, summed over an example's entries, which is also the score."""

    encoder: Net
    decoder: Net

    @property
    def convolutional(self) -> bool:
        """Whether the networks have convolutions."""
        return self.encoder.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Random networks."""
        return self.around(self.encoder.init(jax.random.fold_in(key, 0), data.features), key, data)

    def around(self, encoder: Variables, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """A random decoder beside a given encoder."""
        decoder = self.decoder.init(jax.random.fold_in(key, 1), data.features)
        variables = Variables(
            {"encoder": encoder.params, "decoder": decoder.params},
            {"encoder": encoder.batch_stats, "decoder": decoder.batch_stats},
        )
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Which columns of a table are data; the others are not counted as errors."""
        del variables
        shape = self.encoder.input_shape
        if not is_table(shape):
            return {}
        return {"columns": (jnp.arange(shape[-1]) < data.features).astype(jnp.float32)}

    def apply(self, variables: Variables, extras: PyTree, x: Array, train: bool):
        """Reconstruction errors of `(b, ...)` rows and new running statistics."""
        x = as_input(x, self.encoder.input_shape)
        y, batch_stats = self.reconstruct(variables, x, train)
        error = (x - y) ** 2
        if "columns" in extras:
            error = error * extras["columns"]
        return jnp.sum(error, axis=tuple(range(1, error.ndim))), batch_stats

    def reconstruct(self, variables: Variables, x: Array, train: bool):
        """`g(f(x))` and new running statistics."""
        _, y, batch_stats = self.code_and_reconstruction(variables, x, train)
        return y, batch_stats

    def code_and_reconstruction(self, variables: Variables, x: Array, train: bool):
        """`f(x)`, `g(f(x))` and new running statistics."""
        params, batch_stats = variables
        code, encoder_stats = self.encoder.apply(
            params["encoder"], batch_stats["encoder"], x, train
        )
        y, decoder_stats = self.decoder.apply(
            params["decoder"], batch_stats["decoder"], code, train
        )
        return code, y, {"encoder": encoder_stats, "decoder": decoder_stats}

    def encoder_of(self, variables: Variables) -> Variables:
        """The encoder's part of the variables."""
        return Variables(variables.params["encoder"], variables.batch_stats["encoder"])

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """The reconstruction error."""
        return out
