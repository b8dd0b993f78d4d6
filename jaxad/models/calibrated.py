"""A reconstruction whose target for anomalies is generated normal rows.

References:
    Yu et al. 2023, NCAE; its page in the documentation lists what the paper leaves open.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.reconstruction import Reconstruction
from jaxad.padding import map_rows, masked_mean, valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Calibrated", "Coded", "scale_to_unit_norm"]


class Coded(NamedTuple):
    """Reconstruction errors and the code of each row.

    Attributes:
        error: `||x - g(f(x))||^2`, the score.
        calibrated: `||g(f(x)) - x'||^2`, x' a generated normal row.
        code: `f(x)`.
    """

    error: Float[Array, "b"]
    calibrated: Float[Array, "b"]
    code: Float[Array, "b k"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Calibrated(Reconstruction):
    """A reconstruction that decodes noise around the mean code into normal rows.

    Its extras are the moving mean of the codes (`mean`), the mean of the unit-norm codes of the
    generated rows (`direction`; an inner product with it is the mean cosine to all of them) and the
    target of anomalies (`prototype`).

    Attributes:
        generated: Number of rows generated at a time, >= 1.
        own: Whether the prototype of each row is a generated row of its own instead of their mean.
    """

    generated: int = 128
    own: bool = False

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the mean code of all rows that are not labelled anomalies, and decode it."""
        codes = map_rows(lambda x: self.encode(variables, x, train=False), data.x, data.count)
        mean = masked_mean(codes, valid_rows(data) & (data.label >= 0))
        extras = super().extras(variables, data) | {"mean": mean}
        rows = self.decode(variables, extras, jnp.broadcast_to(mean, (self.generated, mean.size)))
        return self.add_generated(variables, extras, rows)

    def encode(self, variables: Variables, x: Array, train: bool) -> Float[Array, "b k"]:
        """Compute the codes of `(b, ...)` rows."""
        x = as_input(x, self.encoder.input_shape)
        params, batch_stats = self.select_encoder(variables)
        return self.encoder.apply(params, batch_stats, x, train).out

    def decode(
        self, variables: Variables, extras: PyTree, code: Float[Array, "b k"]
    ) -> Float[Array, "b *shape"]:
        """Decode codes to rows, in inference mode; padded columns are zero.

        In train mode, BatchNorm would scale any noise up to the spread of the data.
        """
        params, batch_stats = variables.params["decoder"], variables.batch_stats["decoder"]
        rows = self.decoder.apply(params, batch_stats, code, train=False).out
        return rows * extras["columns"] if "columns" in extras else rows

    def generate(
        self, variables: Variables, extras: PyTree, deviation: Array | float, key: Key
    ) -> Float[Array, "generated *shape"]:
        """Decode codes drawn from `N(mean, deviation^2 I)`."""
        mean = extras["mean"]
        noise = jax.random.normal(key, (self.generated, mean.shape[-1]), mean.dtype)
        return self.decode(variables, extras, mean + deviation * noise)

    def add_generated(
        self, variables: Variables, extras: PyTree, rows: Float[Array, "generated *shape"]
    ) -> PyTree:
        """Return the extras with prototype and direction computed from generated rows."""
        prototype = rows if self.own else jnp.mean(rows, axis=0, keepdims=True)
        direction = jnp.mean(scale_to_unit_norm(self.encode(variables, rows, train=False)), axis=0)
        return extras | {"prototype": prototype, "direction": direction}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute errors and codes of `(b, ...)` rows and new running statistics."""
        x = as_input(x, self.encoder.input_shape)
        del key
        code, (y, batch_stats, penalty) = self.encode_and_decode(variables, x, train)
        prototype = extras["prototype"]
        target = prototype[jnp.arange(x.shape[0]) % prototype.shape[0]]
        columns = extras.get("columns", 1.0)

        def error(z: Array) -> Float[Array, "b"]:
            return jnp.sum((z - y) ** 2 * columns, axis=tuple(range(1, y.ndim)))

        return Applied(Coded(error(x), error(target), code), batch_stats, penalty)

    def score(self, out: Coded) -> Float[Array, "b"]:
        """Return the reconstruction error."""
        return out.error


def scale_to_unit_norm(z: Float[Array, "b k"]) -> Float[Array, "b k"]:
    """Scale codes to norm 1; zero codes stay zero and so are similar to no other."""
    square = jnp.sum(z**2, axis=-1, keepdims=True)
    return z * jnp.where(square > 0, jax.lax.rsqrt(jnp.where(square > 0, square, 1)), 0)
