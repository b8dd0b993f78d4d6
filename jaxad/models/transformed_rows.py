"""Which random affine map was applied to a row, by distances of codes to centres (GOAD).

References:
    Bergman and Hoshen 2020, Classification-based anomaly detection for general data.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.nets.base import Net
from jaxad.padding import map_rows, masked_mean, valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["TransformedRows", "TransformedRowsOut"]

# The default of a TPU rounds factors to bfloat16, and distances are differences of products.
_PRECISION = jax.lax.Precision.HIGHEST


class TransformedRowsOut(NamedTuple):
    """The values that the objective of GOAD reads, one for each map m.

    Attributes:
        own: `||f(T_m x) - c_m||^2`.
        nearest: `min_m' ||f(T_m x) - c_m'||^2` over the other maps.
        log_probability: The logarithm of the regularised probability of map m.
        cross_entropy: Minus the logarithm of its probability by the linear head.
    """

    own: Float[Array, "b m"]
    nearest: Float[Array, "b m"]
    log_probability: Float[Array, "b m"]
    cross_entropy: Float[Array, "b m"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class TransformedRows:
    """The score `-sum_m log P(m | T_m x)` with random affine maps `T_m x = W_m x + b_m`.

    With `e_m' = exp(-||f(T_m x) - c_m'||^2)` and the number M of maps,
    `P(m | T_m x) = (e_m + eps) / (sum_m' e_m' + M eps)`. The centre `c_m` is the mean of
    `f(T_m x)` over the training rows that are not labelled anomalies.

    The entries of W are normal with variance 1 / columns, those of b with variance 1. Both are
    among the statistics, since they are not trained. `extras["eps"]` is eps.

    Attributes:
        encoder: The network f, from transformed rows to codes.
        head: A linear map from codes to a logit for each map, for the cross-entropy.
        maps: The number M of maps, at least 2.
    """

    encoder: Net
    head: Net
    maps: int

    @property
    def convolutional(self) -> bool:
        """False: the networks have no convolutions."""
        return False

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Draw the matrices, initialise the networks randomly, and compute the centres."""
        map_key, *keys = jax.random.split(key, 3)
        nets = {"encoder": self.encoder, "head": self.head}
        made = {
            name: net.init(k, net.input_shape[-1])
            for (name, net), k in zip(nets.items(), keys, strict=True)
        }
        # The columns come first, so that padding only adds rows to the end of the matrices.
        shape = (data.x.shape[-1], self.maps, self.encoder.input_shape[-1])
        matrices = jax.random.normal(map_key, shape) / jnp.sqrt(jnp.float32(data.features))
        offsets = jax.random.normal(jax.random.fold_in(map_key, 1), shape[1:])
        params = {name: one.params for name, one in made.items()}
        variables = Variables(
            params,
            {"encoder": made["encoder"].batch_stats, "matrices": matrices, "offsets": offsets},
        )
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the centres `(m, k)`; eps is 0."""

        def encode(x):
            return self.encode(variables, x, train=False).out

        codes = map_rows(encode, data.x, data.count)
        centres = masked_mean(codes, valid_rows(data) & (data.label >= 0))
        return {"centres": centres, "eps": jnp.zeros(())}

    def encode(self, variables: Variables, x: Array, train: bool) -> Applied:
        """Compute the codes of `(b, d)` rows under all maps, `(b, m, k)`."""
        matrices = variables.batch_stats["matrices"]
        x = as_input(x, matrices.shape[:1])
        mapped = jnp.einsum("bd,dmr->bmr", x, matrices) + variables.batch_stats["offsets"]
        params, stats = variables.params["encoder"], variables.batch_stats["encoder"]
        applied = self.encoder.apply(params, stats, mapped, train)
        return applied._replace(
            batch_stats={**variables.batch_stats, "encoder": applied.batch_stats}
        )

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute distances and probabilities of `(b, d)` rows and new running statistics."""
        del key
        applied = self.encode(variables, x, train)
        code, centres = applied.out, extras["centres"]
        product = jnp.einsum("bmk,nk->bmn", code, centres, precision=_PRECISION)
        lengths = jnp.sum(code**2, axis=-1, keepdims=True) + jnp.sum(centres**2, axis=-1)
        distance = jnp.maximum(lengths - 2 * product, 0)
        own = jnp.diagonal(distance, axis1=1, axis2=2)
        same = jnp.eye(self.maps, dtype=bool)
        nearest = jnp.min(jnp.where(same, jnp.inf, distance), axis=-1)
        log_eps = jnp.log(extras["eps"])
        total = jax.nn.logsumexp(-distance, axis=-1)
        log_probability = jnp.logaddexp(-own, log_eps) - jnp.logaddexp(
            total, log_eps + jnp.log(float(self.maps))
        )
        logits = self.head.apply(variables.params["head"], {}, code, train).out
        chosen = jnp.diagonal(jax.nn.log_softmax(logits), axis1=1, axis2=2)
        return applied._replace(out=TransformedRowsOut(own, nearest, log_probability, -chosen))

    def score(self, out: TransformedRowsOut) -> Float[Array, "b"]:
        """Return `-sum_m log P(m | T_m x)`."""
        return -jnp.sum(out.log_probability, axis=1)
