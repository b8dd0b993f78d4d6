"""A reconstruction that is encoded again, and a critic of reconstructions (GANomaly).

References:
    Akcay et al. 2018, GANomaly: semi-supervised anomaly detection via adversarial training.
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

__all__ = ["EncodedTwice", "EncodedTwiceOut"]


class EncodedTwiceOut(NamedTuple):
    """The three losses of GANomaly's generator, each a mean over entries.

    Attributes:
        matching: Mean of `(f(x) - f(x'))^2`, f the critic's features.
        error: Mean of `|x - x'|`.
        code_error: Mean of `|z - z'|`, z and z' the codes of x and x'; the score.
    """

    matching: Float[Array, "b"]
    error: Float[Array, "b"]
    code_error: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class EncodedTwice(Reconstruction):
    """Codes `z = tanh(f(x))`, reconstructions `x' = g(z)` and their codes `z' = tanh(f'(x'))`.

    Attributes:
        again: The second encoder f', of the same architecture as the first.
        critic: Network from rows to `(logit, features)`.
    """

    again: Net
    critic: Net

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the networks randomly."""
        variables, extras = super().init(key, data)
        params, batch_stats = map(dict, variables)
        for i, (name, net) in enumerate([("again", self.again), ("critic", self.critic)]):
            params[name], batch_stats[name] = net.init(
                jax.random.fold_in(key, 2 + i), data.features
            )
        return Variables(params, batch_stats), extras

    def judge(self, variables: Variables, x: Array):
        """Compute the critic's logits of rows being real, `(b,)`, and its features, `(b, k)`."""
        return self.critic.apply(variables.params["critic"], {}, x, train=False).out

    def pass_through(self, variables: Variables, extras: PyTree, x: Array, train: bool):
        """Compute network inputs, reconstructions, both codes, new statistics and the penalty."""
        x = as_input(x, self.encoder.input_shape)
        params, stats = variables
        first = self.encoder.apply(params["encoder"], stats["encoder"], x, train)
        code = jnp.tanh(first.out)
        decoded = self.decoder.apply(params["decoder"], stats["decoder"], code, train)
        made = decoded.out * extras.get("columns", 1.0)
        again = self.again.apply(params["again"], stats["again"], made, train)
        parts = {"encoder": first, "decoder": decoded, "again": again}
        stats = stats | {name: part.batch_stats for name, part in parts.items()}
        penalty = first.penalty + decoded.penalty + again.penalty
        return x, made, code, jnp.tanh(again.out), stats, penalty

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute the three losses of `(b, ...)` rows and new running statistics."""
        del key
        x, made, code, again, stats, penalty = self.pass_through(variables, extras, x, train)
        _, real = self.judge(variables, x)
        _, fake = self.judge(variables, made)
        columns = jnp.broadcast_to(extras.get("columns", 1.0), x.shape[1:])
        axes = tuple(range(1, x.ndim))
        out = EncodedTwiceOut(
            jnp.mean((real - fake) ** 2, axis=1),
            jnp.sum(jnp.abs(x - made) * columns, axis=axes) / jnp.sum(columns),
            jnp.mean(jnp.abs(code - again), axis=1),
        )
        return Applied(out, stats, penalty)

    def score(self, out: EncodedTwiceOut) -> Float[Array, "b"]:
        """Return the mean absolute difference of the two codes."""
        return out.code_error
