"""The squared error of a prediction of some points of a sequence from others."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.nets.base import Net
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Forecast"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Forecast:
    """The mean squared error over predicted points and channels, which is also the score.

    Attributes:
        net: From the first points of a sequence, as many as it takes, to the predicted ones.
        first: The first point that is predicted, counted from 0; all that follow are, too. An
            interpolator is given 6 of 10 points and predicts from point 6 on; a one-step forecaster
            is given all but the last and predicts from point 1 on.
    """

    net: Net
    first: int

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions."""
        return self.net.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """A random network."""
        variables = self.net.init(key, data.features)
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Nothing."""
        del variables, data
        return {}

    def predict(self, variables: Variables, x: Array, train: bool) -> Applied:
        """The predicted points of `(b, time, channels)` sequences and new running statistics."""
        given = self.net.input_shape[0]
        return self.net.apply(*variables, as_input(x, x.shape[1:])[:, :given], train)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Prediction errors of `(b, time, channels)` sequences and new running statistics."""
        del extras, key
        predicted = self.predict(variables, x, train)
        error = (as_input(x, x.shape[1:])[:, self.first :] - predicted.out) ** 2
        return predicted._replace(out=jnp.mean(error, axis=(1, 2)))

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """The prediction error."""
        return out
