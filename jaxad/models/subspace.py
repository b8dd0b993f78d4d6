"""A reconstruction from directions in a linear subspace of an encoder's output.

References:
    Lai et al. 2020, Robust subspace recovery layer for unsupervised anomaly detection.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.calibrated import scale_to_unit_norm
from jaxad.models.reconstruction import Reconstruction
from jaxad.models.residual import split_norm
from jaxad.nets.base import Net
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Subspace", "SubspaceOut", "off_orthonormal"]


class SubspaceOut(NamedTuple):
    """The values that the two players of RSRAE read.

    Attributes:
        error: `||x - x'||`, not squared.
        dissimilarity: `1 - cos(x, x')`.
        residual: `||y - A A^T y||`, y the output of the encoder.
    """

    error: Float[Array, "b"]
    dissimilarity: Float[Array, "b"]
    residual: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Subspace(Reconstruction):
    """`x' = g(z / ||z||)` with `z = A^T y`, `y = f(x)`.

    Attributes:
        projection: The map A^T, a linear layer without bias.
        by_error: Whether the score is the error in place of the dissimilarity.
    """

    projection: Net
    by_error: bool = False

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the networks randomly."""
        variables, extras = super().init(key, data)
        (width,) = self.projection.input_shape
        own = self.projection.init(jax.random.fold_in(key, 2), width)
        params = variables.params | {"projection": own.params}
        return Variables(params, variables.batch_stats), extras

    def matrix(self, variables: Variables) -> Float[Array, "wide narrow"]:
        """Return the matrix A."""
        return jax.tree.leaves(variables.params["projection"])[0]

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute errors of `(b, ...)` rows and new running statistics."""
        del key
        x = as_input(x, self.encoder.input_shape)
        params, batch_stats = variables
        encoded = self.encoder.apply(params["encoder"], batch_stats["encoder"], x, train)
        y, matrix = encoded.out, self.matrix(variables)
        z = y @ matrix
        decoded = self.decoder.apply(
            params["decoder"], batch_stats["decoder"], scale_to_unit_norm(z), train
        )
        columns = extras.get("columns", 1.0)
        x, made = ((a * columns).reshape(len(a), -1) for a in (x, decoded.out))
        (ahead, _), (along, _) = split_norm(x), split_norm(made)
        out = SubspaceOut(
            split_norm(x - made)[1],
            1 - jnp.sum(ahead * along, axis=1),
            split_norm(y - z @ matrix.T)[1],
        )
        stats = {"encoder": encoded.batch_stats, "decoder": decoded.batch_stats}
        return Applied(out, stats, encoded.penalty + decoded.penalty)

    def score(self, out: SubspaceOut) -> Float[Array, "b"]:
        """Return the cosine dissimilarity, or the error."""
        return out.error if self.by_error else out.dissimilarity


def off_orthonormal(matrix: Float[Array, "wide narrow"]) -> Float[Array, ""]:
    """Compute `||A^T A - I||_F^2`, which is 0 for orthonormal columns."""
    gram = matrix.T @ matrix
    return jnp.sum((gram - jnp.eye(len(gram), dtype=gram.dtype)) ** 2)
