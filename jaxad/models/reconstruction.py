"""The squared error of a reconstruction."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
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
        """Initialise the networks randomly."""
        return self.extend(self.encoder.init(jax.random.fold_in(key, 0), data.features), key, data)

    def extend(self, encoder: Variables, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise a decoder for a given encoder."""
        decoder = self.decoder.init(jax.random.fold_in(key, 1), data.features)
        variables = Variables(
            {"encoder": encoder.params, "decoder": decoder.params},
            {"encoder": encoder.batch_stats, "decoder": decoder.batch_stats},
        )
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the mask of a table's data columns, whose errors count; empty for images."""
        del variables
        shape = self.encoder.input_shape
        if not is_table(shape):
            return {}
        return {"columns": (jnp.arange(shape[-1]) < data.features).astype(jnp.float32)}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute reconstruction errors of `(b, ...)` rows and new running statistics."""
        del key
        x = as_input(x, self.encoder.input_shape)
        decoded = self.reconstruct(variables, x, train)
        error = (x - decoded.out) ** 2
        if "columns" in extras:
            error = error * extras["columns"]
        return decoded._replace(out=jnp.sum(error, axis=tuple(range(1, error.ndim))))

    def reconstruct(self, variables: Variables, x: Array, train: bool) -> Applied:
        """Compute `g(f(x))`."""
        return self.encode_and_decode(variables, x, train)[1]

    def encode_and_decode(
        self, variables: Variables, x: Array, train: bool
    ) -> tuple[Array, Applied]:
        """Compute `f(x)`, and `g(f(x))` with new statistics and the penalty of both networks."""
        params, batch_stats = variables
        code = self.encoder.apply(params["encoder"], batch_stats["encoder"], x, train)
        made = self.decoder.apply(params["decoder"], batch_stats["decoder"], code.out, train)
        stats = {"encoder": code.batch_stats, "decoder": made.batch_stats}
        return code.out, Applied(made.out, stats, code.penalty + made.penalty)

    def select_encoder(self, variables: Variables) -> Variables:
        """Return the variables of the encoder."""
        return Variables(variables.params["encoder"], variables.batch_stats["encoder"])

    def score(self, out: PyTree) -> Float[Array, "b"]:
        """Return the reconstruction error."""
        return out
