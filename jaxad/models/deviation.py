"""A scalar score in standard deviations of a prior on scores (Pang et al. 2019)."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.nets.base import Net
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Deviation"]

REFERENCES = 5_000


@jax.tree_util.register_static
@dataclass(frozen=True)
class Deviation:
    """The deviation `(phi(x) - mu) / sigma`, which is also the score.

    `mu` and `sigma` are the mean and the standard deviation of 5,000 fixed draws of N(0, 1).

    Attributes:
        net: Network from rows to one number each, `(b,)` or `(b, 1)`.
        standardised: Whether the score is standardised; otherwise it is `phi(x)`.
    """

    net: Net
    standardised: bool = True

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions."""
        return self.net.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the network randomly, with the mean and deviation of the prior draws."""
        variables = self.net.init(key, data.features)
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the mean and standard deviation of the prior draws."""
        del variables, data
        if not self.standardised:
            return {"mean": jnp.zeros(()), "std": jnp.ones(())}
        draws = jax.random.normal(jax.random.key(0), (REFERENCES,))
        return {"mean": jnp.mean(draws), "std": jnp.std(draws)}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute deviations of `(b, ...)` rows and new running statistics."""
        del key
        applied = self.net.apply(*variables, as_input(x, self.net.input_shape), train)
        phi = applied.out.reshape(len(x))
        return applied._replace(out=(phi - extras["mean"]) / extras["std"])

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """Return the deviation."""
        return out
