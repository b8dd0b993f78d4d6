"""The squared error of predicting points of a sequence from others."""

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
        net: Network from the first points of a sequence to the predicted ones.
        first: Index of the first predicted point, from 0; all later points are predicted too. An
            interpolator takes 6 of 10 points and predicts from point 6; a one-step forecaster
            takes all but the last point and predicts from point 1.
    """

    net: Net
    first: int

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions."""
        return self.net.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the network randomly."""
        variables = self.net.init(key, data.features)
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Return no extras."""
        del variables, data
        return {}

    def predict(self, variables: Variables, x: Array, train: bool) -> Applied:
        """Predict points of `(b, time, channels)` sequences; also return new running statistics."""
        given = self.net.input_shape[0]
        return self.net.apply(*variables, as_input(x, x.shape[1:])[:, :given], train)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute errors of predicted `(b, time, channels)` sequences, and new statistics."""
        del extras, key
        predicted = self.predict(variables, x, train)
        error = (as_input(x, x.shape[1:])[:, self.first :] - predicted.out) ** 2
        return predicted._replace(out=jnp.mean(error, axis=(1, 2)))

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """Return the prediction error."""
        return out
