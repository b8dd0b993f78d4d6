"""Variational autoencoders.

References:
    Kingma and Welling 2014, Auto-encoding variational Bayes.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.reconstruction import Reconstruction
from jaxad.types import Key, PyTree, Variables

__all__ = ["Variational", "VariationalOut", "draw_code", "kl_to_standard_normal"]

# Bounds on the log variance, which keep the loss finite in float32.
LEAST, MOST = -20.0, 20.0


class VariationalOut(NamedTuple):
    """The two parts of the evidence lower bound.

    Attributes:
        error: `||x - g(z)||^2`, z the code.
        divergence: `KL(N(mean, variance) || N(0, I))` of the distribution of the code.
    """

    error: Float[Array, "b"]
    divergence: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Variational(Reconstruction):
    """An encoder to a mean and a log variance, `(b, 2k)`, and a decoder from codes, `(b, k)`.

    In train mode, the code is drawn with the key of `apply`; without a key, and in inference mode,
    it is the mean. The score is the reconstruction error.
    """

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute both parts for `(b, ...)` rows, and new running statistics."""
        x = as_input(x, self.encoder.input_shape)
        params, batch_stats = variables
        mean, log_variance, encoded = self.posterior(variables, x, train)
        code = draw_code(key if train else None, mean, log_variance)
        decoded = self.decoder.apply(params["decoder"], batch_stats["decoder"], code, train)
        error = (x - decoded.out) ** 2 * extras.get("columns", 1.0)
        out = VariationalOut(
            jnp.sum(error, axis=tuple(range(1, error.ndim))),
            kl_to_standard_normal(mean, log_variance),
        )
        stats = {"encoder": encoded.batch_stats, "decoder": decoded.batch_stats}
        return Applied(out, stats, encoded.penalty + decoded.penalty)

    def expected_error(
        self, variables: Variables, extras: PyTree, x: Array, noise: Float[Array, "draws k"]
    ) -> Float[Array, "b"]:
        """Compute the mean of `||x - g(z)||^2` over codes `z = mean + deviation * noise`."""
        x = as_input(x, self.encoder.input_shape)
        mean, log_variance, _ = self.posterior(variables, x, train=False)
        params, batch_stats = variables.params["decoder"], variables.batch_stats["decoder"]

        def add(total: Array, one: Array):
            code = mean + jnp.exp(log_variance / 2) * one
            made = self.decoder.apply(params, batch_stats, code, train=False).out
            error = (x - made) ** 2 * extras.get("columns", 1.0)
            return total + jnp.sum(error, axis=tuple(range(1, error.ndim))), None

        total, _ = jax.lax.scan(add, jnp.zeros(len(x), mean.dtype), noise)
        return total / len(noise)

    def posterior(self, variables: Variables, x: Array, train: bool):
        """Compute mean and log variance of `q(z|x)`, `(b, k)` each, and the encoder's result."""
        encoded = self.encoder.apply(
            variables.params["encoder"], variables.batch_stats["encoder"], x, train
        )
        mean, log_variance = jnp.split(encoded.out, 2, axis=-1)
        return mean, jnp.clip(log_variance, LEAST, MOST), encoded

    def generate(self, variables: Variables, extras: PyTree, key: Key, rows: int) -> Array:
        """Decode codes drawn from the prior to rows; padded columns are zero."""
        code = jax.random.normal(key, (rows, *self.decoder.input_shape))
        params, batch_stats = variables.params["decoder"], variables.batch_stats["decoder"]
        made = self.decoder.apply(params, batch_stats, code, train=False).out
        return made * extras.get("columns", 1.0)

    def score(self, out: VariationalOut) -> Float[Array, "b"]:
        """Return the reconstruction error."""
        return out.error


def draw_code(
    key: Key | None, mean: Float[Array, "b k"], log_variance: Float[Array, "b k"]
) -> Float[Array, "b k"]:
    """Draw from `N(mean, variance)`, with gradients to both (section 2.4).

    Args:
        key: Random key; None returns the mean.
        mean: Mean of each entry.
        log_variance: Logarithm of its variance.
    """
    if key is None:
        return mean
    noise = jax.random.normal(key, mean.shape, mean.dtype)
    return mean + jnp.exp(log_variance / 2) * noise


def kl_to_standard_normal(
    mean: Float[Array, "b k"], log_variance: Float[Array, "b k"]
) -> Float[Array, "b"]:
    """Compute `sum (mean^2 + variance - 1 - log variance) / 2` (appendix B)."""
    return 0.5 * jnp.sum(mean**2 + jnp.expm1(log_variance) - log_variance, axis=-1)
