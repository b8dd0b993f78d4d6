"""A model of the codes of a VAE instead of the rows.

References:
    Kingma et al. 2014, Semi-supervised learning with deep generative models, section 2.3 (M1 + M2).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, Model, as_input
from jaxad.models.variational import Variational, draw_code
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["OnCodes"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class OnCodes:
    """A model applied to the codes of a VAE with frozen weights.

    The weights of the VAE are in the extras, under "vae". In train mode, codes are drawn with the
    key of `apply`, as in `jaxad.models.Variational`, and the model gets a key of its own.

    Attributes:
        vae: The source of the codes.
        model: A model of tables with a column for each entry of a code.
    """

    vae: Variational
    model: Model

    @property
    def convolutional(self) -> bool:
        """Whether the networks have convolutions."""
        return self.vae.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise all networks randomly, including those of the VAE."""
        vae, _ = self.vae.init(jax.random.fold_in(key, 0), data)
        return self.extend(vae, jax.random.fold_in(key, 1), data)

    @property
    def first(self) -> Variational:
        """The VAE, which is trained before the model."""
        return self.vae

    def select_first(self, variables: Variables, extras: PyTree) -> Variables:
        """Return the variables of the VAE."""
        del variables
        return extras["vae"]

    def extend(self, vae: Variables, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise a model on the codes of a given VAE."""
        variables, _ = self.model.init(key, self._describe_codes(data))
        return variables, {"vae": vae, **self.extras(variables, data)}

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the extras of the model, without those of the VAE."""
        return {"model": self.model.extras(variables, self._describe_codes(data))}

    def _describe_codes(self, data: TrainData) -> TrainData:
        """Return the data with a code's number of features; its rows are not used."""
        (size,) = self.vae.decoder.input_shape
        return data._replace(features=jnp.asarray(size))

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute the model's output for the codes of `(b, ...)` rows, and new statistics."""
        x = as_input(x, self.vae.encoder.input_shape)
        mean, log_variance, _ = self.vae.posterior(extras["vae"], x, train=False)
        if key is None or not train:
            return self.model.apply(variables, extras["model"], mean, train)
        own, rest = jax.random.split(key)
        code = draw_code(own, mean, log_variance)
        return self.model.apply(variables, extras["model"], code, train, rest)

    def score(self, out: PyTree) -> Float[Array, "b"]:
        """Return the score of the model."""
        return self.model.score(out)
