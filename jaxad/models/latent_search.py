"""How near a generator comes to a row, and the critic it learnt from (AnoGAN).

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

    Its output is what the critic says of rows: logits, higher the less real they look. The score of
    a detector is that of `search`.

    Attributes:
        generator: From codes to rows.
        critic: From rows to `(logit, features)`.
    """

    generator: Net
    critic: Net

    @property
    def convolutional(self) -> bool:
        """Whether the networks have convolutions."""
        return self.generator.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Random networks."""
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
        """Which columns of a table are data."""
        del variables
        shape = self.critic.input_shape
        if not is_table(shape):
            return {}
        return {"columns": (jnp.arange(shape[-1]) < data.features).astype(jnp.float32)}

    def judge(self, variables: Variables, x: Array):
        """The critic's logits of rows being real, `(b,)`, and its features, `(b, k)`."""
        return self.critic.apply(variables.params["critic"], {}, x, train=False).out

    def decode(self, variables: Variables, extras: PyTree, code: Array, train: bool) -> Applied:
        """Rows of codes, with zeros in columns of padding, and new running statistics."""
        params, stats = variables.params["generator"], variables.batch_stats["generator"]
        made, stats, penalty = self.generator.apply(params, stats, code, train)
        rows = made * extras.get("columns", 1.0)
        return Applied(rows, {**variables.batch_stats, "generator": stats}, penalty)

    def generate(
        self, variables: Variables, extras: PyTree, key: Key, rows: int, train: bool
    ) -> Applied:
        """Rows from random codes, and new running statistics."""
        code = jax.random.normal(key, (rows, *self.generator.input_shape))
        return self.decode(variables, extras, code, train)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """How little real the critic finds `(b, ...)` rows; the running statistics stay."""
        del extras, train, key
        x = as_input(x, self.critic.input_shape)
        return Applied(-self.judge(variables, x)[0], variables.batch_stats)

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """What the critic says."""
        return out

    def distance(
        self, variables: Variables, extras: PyTree, weight: Array | float, code: Array, x: Array
    ) -> Float[Array, "b"]:
        """`(1 - weight) |x - g(code)|_1 + weight |f(x) - f(g(code))|_1`, f of the critic."""
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
        """The distance of rows to what is generated from the code that Adam finds for each.

        The search starts at the code 0, the most likely of all, so that a row's score is no matter
        of chance.

        Args:
            variables: The networks.
            extras: Which columns are data.
            steps: Steps of Adam.
            rate: Their size.
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
