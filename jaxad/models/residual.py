"""A score of the direction and norm of reconstruction residuals (Zhou et al. 2021, FEAWAD)."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.reconstruction import Reconstruction
from jaxad.nets.base import Net
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["ResidualOut", "ResidualScore", "split_norm"]


class ResidualOut(NamedTuple):
    """Scores, and the norms of the residuals."""

    score: Float[Array, "b"]
    norm: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class ResidualScore:
    """A scorer of `[r / ||r||, h, ||r||]`, with residual `r = x - g(h)` and code `h = f(x)`.

    Attributes:
        autoencoder: The networks `f` and `g`, for rows of a table.
        scorer: Network from `(b, columns + code + 1)` to `(b,)`.
    """

    autoencoder: Reconstruction
    scorer: Net

    @property
    def convolutional(self) -> bool:
        """Whether the networks have convolutions."""
        return self.autoencoder.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the networks randomly."""
        return self.extend(self.autoencoder.init(jax.random.fold_in(key, 0), data)[0], key, data)

    def extend(self, variables: Variables, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise a scorer for a given autoencoder."""
        scorer = self.scorer.init(jax.random.fold_in(key, 1), data.features)
        both = Variables(
            {**variables.params, "scorer": scorer.params},
            {**variables.batch_stats, "scorer": scorer.batch_stats},
        )
        return both, self.extras(both, data)

    @property
    def first(self) -> Reconstruction:
        """The autoencoder, which is trained before the scorer."""
        return self.autoencoder

    def select_first(self, variables: Variables, extras: PyTree) -> Variables:
        """Return the variables of the autoencoder."""
        del extras
        return self.select_autoencoder(variables)

    def select_autoencoder(self, variables: Variables) -> Variables:
        """Return the variables of the autoencoder."""
        parts = ("encoder", "decoder")
        params, batch_stats = ({name: tree[name] for name in parts} for tree in variables)
        return Variables(params, batch_stats)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the mask of a table's data columns."""
        return self.autoencoder.extras(variables, data)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute scores and residual norms of `(b, d)` rows and new running statistics."""
        del key
        x = as_input(x, self.autoencoder.encoder.input_shape)
        parts = self.select_autoencoder(variables)
        code, decoded = self.autoencoder.encode_and_decode(parts, x, train)
        direction, norm = split_norm((x - decoded.out) * extras["columns"])
        features = jnp.concatenate([direction, code, norm[:, None]], axis=1)
        params, stats = variables.params["scorer"], variables.batch_stats["scorer"]
        score, stats, penalty = self.scorer.apply(params, stats, features, train)
        stats = {**decoded.batch_stats, "scorer": stats}
        return Applied(ResidualOut(score, norm), stats, decoded.penalty + penalty)

    def score(self, out: ResidualOut) -> Float[Array, "b"]:
        """Return the output of the scorer."""
        return out.score


def split_norm(r: Float[Array, "b d"]) -> tuple[Float[Array, "b d"], Float[Array, "b"]]:
    """Split rows into `r / ||r||` and `||r||`, which have value and derivative 0 at `r = 0`."""
    square = jnp.sum(r**2, axis=1)
    some = square > 0
    # The argument of the root is never 0, so that no derivative is 0 times infinity.
    norm = jnp.sqrt(jnp.where(some, square, 1))
    return jnp.where(some, 1 / norm, 0)[:, None] * r, jnp.where(some, norm, 0)
