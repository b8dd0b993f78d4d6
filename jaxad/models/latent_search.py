"""The distance of rows to the nearest generated ones, with a critic (AnoGAN).

References:
    Schlegl et al. 2017, Unsupervised anomaly detection with generative adversarial networks to
    guide marker discovery.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from jaxad.models.base import Applied, as_input
from jaxad.nets.base import Net
from jaxad.padding import is_table
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["LatentSearch"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class LatentSearch:
    """A generator of rows from codes of N(0, I), and a critic.

    Its output is the critic's negated logits of rows being real. The detector's score is that of
    `search`.

    Attributes:
        generator: Network from codes to rows.
        critic: Network from rows to `(logit, features)`.
    """

    generator: Net
    critic: Net

    @property
    def convolutional(self) -> bool:
        """Whether the networks have convolutions."""
        return self.generator.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the networks randomly."""
        nets = {"generator": self.generator, "critic": self.critic}
        made = {
            name: net.init(jax.random.fold_in(key, i), data.features)
            for i, (name, net) in enumerate(nets.items())
        }
        variables = Variables(
            {name: v.params for name, v in made.items()},
            {name: v.batch_stats for name, v in made.items()},
        )
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the mask of a table's data columns; empty for images."""
        del variables
        shape = self.critic.input_shape
        if not is_table(shape):
            return {}
        return {"columns": (jnp.arange(shape[-1]) < data.features).astype(jnp.float32)}

    def judge(self, variables: Variables, x: Array):
        """Compute the critic's logits of rows being real, `(b,)`, and its features, `(b, k)`."""
        return self.critic.apply(variables.params["critic"], {}, x, train=False).out

    def decode(self, variables: Variables, extras: PyTree, code: Array, train: bool) -> Applied:
        """Decode codes to rows, with zeros in padded columns; also return new statistics."""
        params, stats = variables.params["generator"], variables.batch_stats["generator"]
        made, stats, penalty = self.generator.apply(params, stats, code, train)
        rows = made * extras.get("columns", 1.0)
        return Applied(rows, {**variables.batch_stats, "generator": stats}, penalty)

    def generate(
        self, variables: Variables, extras: PyTree, key: Key, rows: int, train: bool
    ) -> Applied:
        """Generate rows from random codes; also return new running statistics."""
        code = jax.random.normal(key, (rows, *self.generator.input_shape))
        return self.decode(variables, extras, code, train)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute negated logits of `(b, ...)` rows being real; running statistics are kept."""
        del extras, train, key
        x = as_input(x, self.critic.input_shape)
        return Applied(-self.judge(variables, x)[0], variables.batch_stats)

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """Return the critic's negated logit."""
        return out

    def distance(
        self, variables: Variables, extras: PyTree, weight: Array | float, code: Array, x: Array
    ) -> Float[Array, "b"]:
        """Compute `(1 - weight) |x - g(code)|_1 + weight |f(x) - f(g(code))|_1`.

        f are the features of the critic.
        """
        made = self.decode(variables, extras, code, train=False).out
        x = as_input(x, self.critic.input_shape)
        (_, real), (_, fake) = self.judge(variables, x), self.judge(variables, made)
        error = jnp.sum(jnp.abs(x - made), axis=tuple(range(1, x.ndim)))
        return (1 - weight) * error + weight * jnp.sum(jnp.abs(real - fake), axis=1)

    def search(
        self,
        variables: Variables,
        extras: PyTree,
        steps: Int[Array, ""] | int,
        rate: Array | float,
        weight: Array | float,
        x: Array,
    ) -> Float[Array, "b"]:
        """Compute the distance of each row to the generated row of the code that Adam finds.

        The search starts at code 0, the mode of the prior, so that scores are deterministic.

        Args:
            variables: Variables of the networks.
            extras: The mask of data columns.
            steps: Number of steps of Adam.
            rate: Their step size.
            weight: Weight of the critic's features in the distance, in [0, 1].
            x: `(b, ...)` rows.
        """
        adam = optax.scale_by_adam()
        slope = jax.grad(lambda code: jnp.sum(self.distance(variables, extras, weight, code, x)))

        def step(_, carry):
            code, moments = carry
            direction, moments = adam.update(slope(code), moments)
            return code - rate * jnp.asarray(direction), moments

        start = jnp.zeros((x.shape[0], *self.generator.input_shape))
        code, _ = jax.lax.fori_loop(0, steps, step, (start, adam.init(start)))
        return self.distance(variables, extras, weight, code, x)
