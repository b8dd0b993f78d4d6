"""A generative model of rows with a class and a code (M2 of SS-DGM).

References:
    Kingma et al. 2014, Semi-supervised learning with deep generative models, section 2.2.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.reconstruction import Reconstruction
from jaxad.models.variational import LEAST, MOST, draw_code, kl_to_standard_normal
from jaxad.nets.base import Net
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["ClassCode", "ClassCodeOut"]


class ClassCodeOut(NamedTuple):
    """The values that the objective of SS-DGM reads.

    Attributes:
        logit: Log odds of the anomaly class, `log q(1|x) - log q(0|x)`, the score.
        normal: `||x - g(z, 0)||^2 / 2 + KL(q(z|x, 0) || N(0, I))`.
        anomaly: The same for class 1.
    """

    logit: Float[Array, "b"]
    normal: Float[Array, "b"]
    anomaly: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class ClassCode(Reconstruction):
    """`q(y|x)`, `q(z|x, y)` and a decoder of a class y and a code z; y is 1 for anomalies.

    Both distributions are functions of the encoder's features. Codes are drawn with the key of
    `apply`, as in `jaxad.models.Variational`.

    Attributes:
        classify: Network from features to a logit, `(b, 1)`.
        posterior: Network from features and a class to a mean and a log variance, `(b, 2k)`.
    """

    classify: Net
    posterior: Net

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the networks randomly."""
        variables, extras = super().init(key, data)
        params, batch_stats = map(dict, variables)
        for i, name in enumerate(("classify", "posterior")):
            net = getattr(self, name)
            own = net.init(jax.random.fold_in(key, 2 + i), net.input_shape[-1])
            params[name], batch_stats[name] = own
        return Variables(params, batch_stats), extras

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute log odds and bounds of both classes for `(b, ...)` rows, and new statistics."""
        x = as_input(x, self.encoder.input_shape)
        params, stats = variables
        encoded = self.encoder.apply(params["encoder"], stats["encoder"], x, train)
        features = jnp.tanh(encoded.out)
        logit = self.classify.apply(params["classify"], {}, features, train=False).out
        # Both classes form one batch, so that normalisation layers see one set of statistics.
        rows = len(x)
        kind = jnp.repeat(jnp.arange(2.0, dtype=features.dtype), rows)[:, None]
        both = jnp.concatenate([jnp.tile(features, (2, 1)), kind], axis=1)
        moments = self.posterior.apply(params["posterior"], {}, both, train=False).out
        mean, log_variance = jnp.split(moments, 2, axis=-1)
        log_variance = jnp.clip(log_variance, LEAST, MOST)
        code = draw_code(key if train else None, mean, log_variance)
        decoded = self.decoder.apply(
            params["decoder"], stats["decoder"], jnp.concatenate([code, kind], axis=1), train
        )
        made = decoded.out.reshape(2, *x.shape)
        error = ((x - made) ** 2 * extras.get("columns", 1.0)).reshape(2, rows, -1)
        divergence = kl_to_standard_normal(mean, log_variance).reshape(2, rows)
        bound = 0.5 * jnp.sum(error, axis=2) + divergence
        stats = stats | {"encoder": encoded.batch_stats, "decoder": decoded.batch_stats}
        out = ClassCodeOut(logit[:, 0], *bound)
        return Applied(out, stats, encoded.penalty + decoded.penalty)

    def score(self, out: ClassCodeOut) -> Float[Array, "b"]:
        """Return the log odds of the anomaly class."""
        return out.logit
