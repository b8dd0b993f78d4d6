"""A score of how, and how badly, a row is reconstructed (Zhou et al. 2021, FEAWAD)."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.reconstruction import Reconstruction
from jaxad.nets.base import Net
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["ResidualOut", "ResidualScore", "direction_and_norm"]


class ResidualOut(NamedTuple):
    """Scores, and the norms of the residuals."""

    score: Float[Array, "b"]
    norm: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class ResidualScore:
    """A scorer on `[r / ||r||, h, ||r||]`, of the residual `r = x - g(h)` and the code `h = f(x)`.

    Attributes:
        autoencoder: `f` and `g`, on rows of a table.
        scorer: From `(b, columns + code + 1)` to `(b,)`.
    """

    autoencoder: Reconstruction
    scorer: Net

    @property
    def convolutional(self) -> bool:
        """Whether the networks have convolutions."""
        return self.autoencoder.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Random networks."""
        return self.around(self.autoencoder.init(jax.random.fold_in(key, 0), data)[0], key, data)

    def around(self, variables: Variables, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """A random scorer beside a given autoencoder."""
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

    def first_of(self, variables: Variables, extras: PyTree) -> Variables:
        """The autoencoder's variables."""
        del extras
        return self.autoencoder_of(variables)

    def autoencoder_of(self, variables: Variables) -> Variables:
        """The autoencoder's part of the variables."""
        parts = ("encoder", "decoder")
        params, batch_stats = ({name: tree[name] for name in parts} for tree in variables)
        return Variables(params, batch_stats)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Which columns of a table are data."""
        return self.autoencoder.extras(variables, data)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Scores and residual norms of `(b, d)` rows, and new running statistics."""
        del key
        x = as_input(x, self.autoencoder.encoder.input_shape)
        parts = self.autoencoder_of(variables)
        code, decoded = self.autoencoder.code_and_reconstruction(parts, x, train)
        direction, norm = direction_and_norm((x - decoded.out) * extras["columns"])
        features = jnp.concatenate([direction, code, norm[:, None]], axis=1)
        params, stats = variables.params["scorer"], variables.batch_stats["scorer"]
        score, stats, penalty = self.scorer.apply(params, stats, features, train)
        stats = {**decoded.batch_stats, "scorer": stats}
        return Applied(ResidualOut(score, norm), stats, decoded.penalty + penalty)

    def score(self, out: ResidualOut) -> Float[Array, "b"]:
        """The scorer's output."""
        return out.score


def direction_and_norm(r: Float[Array, "b d"]) -> tuple[Float[Array, "b d"], Float[Array, "b"]]:
    """`r / ||r||` and `||r||`; both are zero for `r = 0`, and so are their derivatives."""
    square = jnp.sum(r**2, axis=1)
    some = square > 0
    # The root of a number that is never 0, so that no derivative is 0 times infinity.
    norm = jnp.sqrt(jnp.where(some, square, 1))
    return jnp.where(some, 1 / norm, 0)[:, None] * r, jnp.where(some, norm, 0)
