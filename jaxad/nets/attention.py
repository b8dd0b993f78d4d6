"""Self-attention over the words of documents, without cost for padding."""

from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxad.nets.base import ZEROS, Net
from jaxad.padding import largest
from jaxad.types import PyTree

__all__ = ["attention_net", "compute_attention", "pool_words"]

# Documents are split into pieces of _WORDS words; _PIECES pieces are processed at a time.
_WORDS, _PIECES = 16, 16
_BLOCK = _WORDS * _PIECES
_NOTHING = -1e30  # stands for a logit of minus infinity; differences are not NaN


class Attention(nn.Module):
    """Logits `tanh(h W1) W2` of each word for each head, without biases."""

    size: int
    heads: int

    @nn.compact
    def __call__(self, h, train):
        del train
        h = nn.tanh(nn.Dense(self.size, use_bias=False, kernel_init=ZEROS, name="hidden")(h))
        return nn.Dense(self.heads, use_bias=False, kernel_init=ZEROS, name="heads")(h)


def attention_net(length: int, size: int, heads: int) -> Net:
    """Build a network from word vectors `(..., length)` to logits `(..., heads)`.

    Args:
        length: Length of a word vector.
        size: Width of the hidden layer.
        heads: Number of heads.

    References:
        Lin et al. 2017, A structured self-attentive sentence embedding, eq. 5 and 6.
    """
    return Net(Attention(size, heads), (length,))


def compute_attention(
    net: Net, params: PyTree, vectors: Float[Array, "v d"], x: Int[Array, "b length"]
) -> Float[Array, "b length heads"]:
    """Compute the attention weight of each word for each head; 0 for words without a vector.

    A head's weights sum to 1 over a document, or to 0 if none of its words has a vector.
    """
    h = vectors[x]
    logits = _compute_logits(net, params, h)
    weights = jnp.where(_has_vector(h), jnp.exp(logits - jnp.max(logits, axis=1, keepdims=True)), 0)
    return weights / jnp.maximum(jnp.sum(weights, axis=1, keepdims=True), 1e-30)


def pool_words(
    net: Net, params: PyTree, vectors: Float[Array, "v d"], x: Int[Array, "b length"]
) -> Float[Array, "b heads d"]:
    """Compute the mean word vectors of documents under the attention of each head.

    Equal to `einsum("blk,bld->bkd", compute_attention(...), vectors[x])`, which computes a logit
    for every position up to the length of the longest document. Here a logit is computed once for
    each word that occurs in any document, and sums over pieces of documents end at the last piece:
    the cost depends on the number of words, not on the length of `x`.

    Only `params` receive a gradient.

    Args:
        net: A network built by `attention_net`.
        params: Parameters of the network.
        vectors: Word vectors; zeros for words without one.
        x: Documents as word numbers, padded with zeros at the end.

    Returns:
        The means; zeros where no word of a document has a vector.
    """
    vectors, x = jnp.asarray(vectors), jnp.asarray(x)
    return _average(compute_word_logits(net, params, vectors, x), vectors, x)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def compute_word_logits(
    net: Net, params: PyTree, vectors: Float[Array, "v d"], x: Int[Array, "b length"]
) -> Float[Array, "v heads"]:
    """Compute the logits of all words that occur in the documents; 0 for other words."""
    return _word_logits_forward(net, params, vectors, x)[0]


def _word_logits_forward(net: Net, params: PyTree, vectors: Array, x: Array):
    words, count = _find_words(x, len(vectors))
    heads = jax.eval_shape(lambda: _compute_logits(net, params, vectors[:1])).shape[-1]

    def step(i: Array, table: Array) -> Array:
        some = jax.lax.dynamic_slice_in_dim(words, i * _BLOCK, _BLOCK)
        # The last block is padded with zeros, which stand for no word.
        return table.at[some].set(_compute_logits(net, params, vectors[some]))

    table = jnp.zeros((len(vectors), heads), vectors.dtype)
    return jax.lax.fori_loop(0, count, step, table), (params, vectors, words, count)


def _word_logits_backward(net: Net, kept: Any, gradient: Float[Array, "v heads"]):
    params, vectors, words, count = kept

    def step(i: Array, grads: PyTree) -> PyTree:
        some = jax.lax.dynamic_slice_in_dim(words, i * _BLOCK, _BLOCK)
        _, pull = jax.vjp(lambda p: _compute_logits(net, p, vectors[some]), params)
        return jax.tree.map(jnp.add, grads, pull(gradient[some])[0])

    zeros = jax.tree.map(jnp.zeros_like, params)
    return jax.lax.fori_loop(0, count, step, zeros), None, None


compute_word_logits.defvjp(_word_logits_forward, _word_logits_backward)


def _find_words(
    x: Int[Array, "b length"], words_known: int
) -> tuple[Int[Array, "most"], Int[Array, ""]]:
    """Return the distinct words of documents, padded with zeros, and how many blocks they fill."""
    pieces = _Pieces.from_documents(x)
    start = jnp.arange(_BLOCK)

    def step(i, carry):
        words, first, count = carry
        _, some = pieces.read_block(i)
        some = some.reshape(-1)
        place = i * _BLOCK + start
        first = first.at[some].min(place)
        new = (some > 0) & (first[some] == place)
        at = jnp.where(new, count + jnp.cumsum(new) - 1, len(words))
        return words.at[at].set(some, mode="drop"), first, count + jnp.sum(new, dtype=jnp.int32)

    words = jnp.zeros(-(-x.size // _BLOCK) * _BLOCK, x.dtype)
    first = jnp.full(words_known, jnp.iinfo(jnp.int32).max)
    words, _, count = jax.lax.fori_loop(0, pieces.blocks, step, (words, first, jnp.int32(0)))
    return words, largest((count + _BLOCK - 1) // _BLOCK)


class _Pieces(NamedTuple):
    """Documents split into pieces of 16 words, processed in blocks of 16 pieces."""

    x: Int[Array, "b length"]
    ends: Int[Array, "b"]  # cumulative number of pieces of the documents
    blocks: Int[Array, ""]

    @classmethod
    def from_documents(cls, x: Array) -> "_Pieces":
        length = jnp.max(jnp.where(x > 0, 1 + jnp.arange(x.shape[1]), 0), axis=1)
        ends = jnp.cumsum((length + _WORDS - 1) // _WORDS)
        return cls(x, ends, largest((ends[-1] + _PIECES - 1) // _PIECES))

    def read_block(self, number: Array) -> tuple[Int[Array, "p"], Int[Array, "p w"]]:
        """Return each piece's document, or the number of documents if it is padding, and words."""
        piece = number * _PIECES + jnp.arange(_PIECES)
        document = jnp.sum(piece[:, None] >= self.ends[None], axis=1)
        there = jnp.minimum(document, len(self.ends) - 1)
        first = jnp.where(there > 0, self.ends[there - 1], 0)
        at = (piece - first)[:, None] * _WORDS + jnp.arange(_WORDS)
        words = self.x.at[there[:, None], at].get(mode="fill", fill_value=0)
        return document, jnp.where((document < len(self.ends))[:, None], words, 0)


def _has_vector(h: Float[Array, "*shape d"]) -> Bool[Array, "*shape 1"]:
    return jnp.any(h != 0, axis=-1, keepdims=True)


def _compute_logits(
    net: Net, params: PyTree, h: Float[Array, "*shape d"]
) -> Float[Array, "*shape k"]:
    return jnp.where(_has_vector(h), net.apply(params, {}, h, train=False).out, _NOTHING)


class _Sums(NamedTuple):
    """The largest logit, and sums of weights relative to it, for each document and head."""

    most: Float[Array, "b k"]
    total: Float[Array, "b k"]
    vector: Float[Array, "b k d"]


@jax.custom_vjp
def _average(
    logits: Float[Array, "v k"], vectors: Float[Array, "v d"], x: Int[Array, "b length"]
) -> Float[Array, "b k d"]:
    """Compute the mean word vectors of documents for given word logits."""
    return _average_forward(logits, vectors, x)[0]


def _average_forward(logits: Array, vectors: Array, x: Array):
    pieces = _Pieces.from_documents(x)
    zeros = jnp.zeros((len(x), logits.shape[1]), vectors.dtype)

    def step(i: Array, sums: _Sums) -> _Sums:
        document, words = pieces.read_block(i)
        h = vectors[words]
        own = jnp.where(_has_vector(h), logits[words], _NOTHING)
        most = sums.most.at[document].max(jnp.max(own, axis=1), mode="drop")
        shift = most.at[document].get(mode="clip")[:, None]
        weights = jnp.where(_has_vector(h), jnp.exp(own - shift), 0)
        fade = jnp.exp(sums.most - most)
        total = (sums.total * fade).at[document].add(jnp.sum(weights, axis=1), mode="drop")
        part = jnp.einsum("pwk,pwd->pkd", weights, h)
        vector = (sums.vector * fade[..., None]).at[document].add(part, mode="drop")
        return _Sums(most, total, vector)

    start = _Sums(zeros + _NOTHING, zeros, jnp.zeros((*zeros.shape, vectors.shape[1]), zeros.dtype))
    sums = jax.lax.fori_loop(0, pieces.blocks, step, start)
    some = jnp.where(sums.total > 0, sums.total, 1)
    means = sums.vector / some[..., None]
    return means, (logits, vectors, x, means, sums.most + jnp.log(some))


def _average_backward(kept: Any, gradient: Float[Array, "b k d"]):
    logits, vectors, x, means, log_total = kept
    pieces = _Pieces.from_documents(x)
    # d mean / d logit of a word: its weight times (its vector - the mean).
    along = jnp.sum(gradient * means, axis=-1)

    def step(i: Array, table: Array) -> Array:
        document, words = pieces.read_block(i)
        h = vectors[words]
        total, offset, towards = (
            a.at[document].get(mode="clip") for a in (log_total, along, gradient)
        )
        weights = jnp.where(_has_vector(h), jnp.exp(logits[words] - total[:, None]), 0)
        slope = jnp.einsum("pwd,pkd->pwk", h, towards) - offset[:, None]
        return table.at[words].add(weights * slope)

    return jax.lax.fori_loop(0, pieces.blocks, step, jnp.zeros_like(logits)), None, None


_average.defvjp(_average_forward, _average_backward)
