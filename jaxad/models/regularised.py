"""A reconstruction with the terms of regularised autoencoders.

References:
    Vincent et al. 2008, Extracting and composing robust features with denoising autoencoders; Rifai
    et al. 2011, Contractive auto-encoders; Makhzani et al. 2015, Adversarial autoencoders.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.reconstruction import Reconstruction
from jaxad.nets.base import Net
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Regularised", "RegularisedOut"]


class RegularisedOut(NamedTuple):
    """The parts of the loss of a regularised autoencoder.

    Attributes:
        error: `||x - g(f(x + noise))||^2`, which is the score without noise.
        contraction: An unbiased estimate of `||df(x)/dx||_F^2`; 0 if nothing is drawn.
        code: `f(x + noise)`.
    """

    error: Float[Array, "b"]
    contraction: Float[Array, "b"]
    code: Float[Array, "b k"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Regularised(Reconstruction):
    """The error `||x - g(f(x))||^2` as the score, and what training adds to it.

    In train mode with a key, Gaussian noise with the standard deviation `extras["noise"]` is added
    to the input, and the Jacobian of the encoder is measured.

    Attributes:
        noisy: Whether noise is added.
        contractive: Whether the Jacobian is measured.
        critic: Network from codes to logits that they are draws of N(0, I); None without it.
    """

    noisy: bool = False
    contractive: bool = False
    critic: Net | None = None

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the networks randomly."""
        variables, extras = super().init(key, data)
        if self.critic is None:
            return variables, extras
        (width,) = self.critic.input_shape
        own = self.critic.init(jax.random.fold_in(key, 2), width)
        return variables._replace(params={**variables.params, "critic": own.params}), extras

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute the parts of the loss for `(b, ...)` rows, and new running statistics."""
        x, columns = as_input(x, self.encoder.input_shape), extras.get("columns", 1.0)
        seen, contraction = x, jnp.zeros(len(x), x.dtype)
        if train and key is not None:
            noise_key, probe_key = jax.random.split(key)
            if self.noisy:
                noise = jax.random.normal(noise_key, x.shape, x.dtype)
                seen = x + extras["noise"] * noise * columns
            if self.contractive:
                contraction = self.measure_contraction(variables, extras, seen, probe_key)
        code, decoded = self.encode_and_decode(variables, seen, train)
        error = jnp.sum((x - decoded.out) ** 2 * columns, axis=tuple(range(1, x.ndim)))
        return decoded._replace(out=RegularisedOut(error, contraction, code))

    def measure_contraction(
        self, variables: Variables, extras: PyTree, x: Array, key: Key
    ) -> Float[Array, "b"]:
        """Estimate `||df(x)/dx||_F^2` of each row in train mode, without bias.

        It is `||J u||^2` for one vector u of independent random signs, whose mean is
        `||J||_F^2` (Hutchinson 1990), at the cost of one forward-mode derivative. With BatchNorm a
        row's Jacobian has entries for the other rows of the batch too, through the statistics.

        Args:
            variables: Parameters and running statistics.
            extras: The extras that belong to the variables.
            x: `(b, ...)` network inputs.
            key: Random key of the signs.
        """
        encoder = self.encoder.forward_mode()
        params, batch_stats = self.select_encoder(variables)
        signs = jax.random.rademacher(key, x.shape, x.dtype) * extras.get("columns", 1.0)

        def encode(rows: Array) -> Array:
            return encoder.apply(params, batch_stats, rows, True).out

        _, along = jax.jvp(encode, (x,), (signs,))
        return jnp.sum(along**2, axis=-1)

    def judge(self, variables: Variables, code: Float[Array, "b k"]) -> Float[Array, "b"]:
        """Compute the logits that codes are draws of N(0, I)."""
        assert self.critic is not None
        return self.critic.apply(variables.params["critic"], {}, code, train=True).out

    def score(self, out: RegularisedOut) -> Float[Array, "b"]:
        """Return the reconstruction error."""
        return out.error
