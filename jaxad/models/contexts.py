"""Cosine distances of attention-weighted word vectors to context vectors (CVDD).

References:
    Ruff et al. 2019, Self-attentive, multi-context one-class classification for unsupervised
    anomaly detection on text; thesis of Ruff (2021), section 3.2.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxad.models.base import Applied
from jaxad.models.clustering import kmeans
from jaxad.nets.attention import compute_attention, pool_words
from jaxad.nets.base import Net
from jaxad.padding import map_rows, valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["ContextOut", "Contexts"]


class ContextOut(NamedTuple):
    """Distances `(1 - cos(m_k, c_k)) / 2` of each document to each context, in [0, 1].

    A document without a word vector has the largest distance, 1.
    """

    distance: Float[Array, "b k"]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["vectors", "penalty"],
    meta_fields=["attention", "contexts", "reduce"],
)
@dataclass(frozen=True)
class Contexts:
    """An attention head and a context vector for each of several contexts.

    Unlike other models it holds an array as a leaf, the word vectors: they are not trained, and all
    seeds share one copy, which is an argument of every program.

    Attributes:
        attention: Network from word vectors to a logit for each context.
        contexts: Number of contexts, >= 1.
        reduce: Whether the score is the "mean" or the "min" of the distances.
        vectors: `(1 + words, d)` word vectors; zeros for padding and for words without a vector.
        penalty: Factor of `||C C^T - I||_F^2` in the loss, a sum over entries, with the contexts as
            rows of C.
    """

    attention: Net
    contexts: int
    reduce: Literal["mean", "min"]
    vectors: Float[Array, "words d"]
    penalty: Array | float

    @property
    def convolutional(self) -> bool:
        """False, as it has no convolutions."""
        return False

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the attention randomly, and contexts at k-means centres scaled to norm 1.

        The centres are those of mean word vectors of rows that are not labelled anomalies.
        """
        keys = jax.random.split(key)
        params = self.attention.init(keys[0], self.vectors.shape[1]).params
        # With logits of 0, attention gives the plain mean.
        alike = jax.tree.map(jnp.zeros_like, params)
        means = map_rows(lambda x: self._pool_words(alike, x)[:, 0], data.x, data.count)
        centres = kmeans(keys[1], means, valid_rows(data) & (data.label >= 0), self.contexts)
        params = {"attention": params, "contexts": _scale_to_unit_norm(centres)}
        return Variables(params, {}), {}

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Return no extras."""
        del variables, data
        return {}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute distances of `(b, length)` documents, and the penalty on the contexts."""
        del extras, key
        contexts = variables.params["contexts"]
        means = self._pool_words(variables.params["attention"], x)
        cosine = jnp.sum(_scale_to_unit_norm(means) * _scale_to_unit_norm(contexts), axis=-1)
        has_words = jnp.any(means != 0, axis=-1)
        distance = jnp.where(has_words, (1 - cosine) / 2, 1)
        out, stats = ContextOut(distance), variables.batch_stats
        if not train:
            return Applied(out, stats)
        off = contexts @ contexts.T - jnp.eye(self.contexts)
        return Applied(out, stats, self.penalty * jnp.sum(off**2))

    def score(self, out: ContextOut) -> Float[Array, "b"]:
        """Return the mean or the smallest of the distances."""
        reduce = {"mean": jnp.mean, "min": jnp.min}[self.reduce]
        return reduce(out.distance, axis=-1)

    def attend(self, variables: Variables, x: Int[Array, "b length"]) -> Float[Array, "b length k"]:
        """Compute the attention weight of each word for each context."""
        return compute_attention(self.attention, variables.params["attention"], self.vectors, x)

    def _pool_words(self, params: PyTree, x: Int[Array, "b length"]) -> Float[Array, "b k d"]:
        return pool_words(self.attention, params, self.vectors, x)


def _scale_to_unit_norm(v: Float[Array, "*shape d"]) -> Float[Array, "*shape d"]:
    """Scale vectors to norm 1; zero vectors stay zero, with a gradient of 0."""
    square = jnp.sum(v**2, axis=-1, keepdims=True)
    return v * jnp.where(square > 0, jax.lax.rsqrt(jnp.where(square > 0, square, 1)), 0)
