"""Attention over words in pieces is that of the definition, in value and in gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.nets import attention
from jaxad.nets.attention import attention_net
from jaxad.utils.timing import count_compilations

WORDS, LENGTH, HEADS = 50, 7, 3
NET = attention_net(LENGTH, 5, HEADS)
UNKNOWN = 13


def example(lengths, padded=128, seed=0):
    """Parameters, word vectors of which two are zero, and documents of some lengths."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(WORDS, LENGTH))
    vectors[[0, UNKNOWN]] = 0
    params = jax.tree.map(lambda p: 3 * p, NET.init(jax.random.key(seed), LENGTH).params)
    x = np.zeros((len(lengths), padded), np.int32)
    for row, length in zip(x, lengths, strict=True):
        row[:length] = rng.integers(1, WORDS, length)
    return params, vectors, x


def compute_attention(net, params, vectors, x):
    return attention.compute_attention(net, params, jnp.asarray(vectors), jnp.asarray(x))


def pool_words(net, params, vectors, x):
    return attention.pool_words(net, params, jnp.asarray(vectors), jnp.asarray(x))


def defined(params, vectors, x):
    """The means as the equations say."""
    weights = compute_attention(NET, params, vectors, x)
    return jnp.einsum("blk,bld->bkd", weights, jnp.asarray(vectors)[x])


LENGTHS = [0, 1, 5, 16, 17, 128, 33, 1, 90, 64]


def test_values_and_gradients_are_those_of_the_definition():
    with jax.enable_x64(True):
        params, vectors, x = example(LENGTHS)
        x[1, 0] = UNKNOWN
        params = jax.tree.map(lambda p: p.astype(jnp.float64), params)
        towards = np.random.default_rng(1).normal(size=(len(x), HEADS, LENGTH))

        def loss(means, params):
            return jnp.sum(means(params) * towards)

        ours, theirs = (
            jax.jit(jax.value_and_grad(lambda p, f=f: loss(f, p)))(params)
            for f in (lambda p: pool_words(NET, p, vectors, x), lambda p: defined(p, vectors, x))
        )
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-13), ours[1], theirs[1])


def test_weights_sum_to_1_over_known_words_and_are_0_for_others():
    params, vectors, x = example([4, 2, 0], padded=32)
    x[0, 1] = x[1, :2] = UNKNOWN
    weights = np.asarray(compute_attention(NET, params, vectors, x))
    sums = [[1] * HEADS, [0] * HEADS, [0] * HEADS]
    np.testing.assert_allclose(weights.sum(axis=1), sums, rtol=1e-6)
    assert (weights[0, 1] == 0).all() and (weights[:, 4:] == 0).all()


def test_documents_without_a_known_word_give_zeros_and_no_gradient():
    params, vectors, x = example([3, 0], padded=32)
    x[0, :3] = UNKNOWN
    run = jax.jit(jax.value_and_grad(lambda p, x: jnp.sum(pool_words(NET, p, vectors, x))))
    means, grads = run(params, x)
    assert means == 0
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(grads))


def test_a_document_of_one_word_is_that_word():
    params, vectors, x = example([1], padded=32)
    means = np.asarray(pool_words(NET, params, vectors, x))[0]
    np.testing.assert_allclose(means, np.broadcast_to(vectors[x[0, 0]], means.shape), rtol=1e-5)


def test_large_logits_do_not_overflow():
    params, vectors, x = example([20, 90])
    params = jax.tree.map(lambda p: 1e4 * p, params)
    run = jax.jit(jax.value_and_grad(lambda p, x: jnp.sum(pool_words(NET, p, vectors, x))))
    means, grads = run(params, x)
    assert np.isfinite(means)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


def test_padding_and_the_order_of_words_change_nothing():
    params, vectors, x = example(LENGTHS)
    means = pool_words(NET, params, vectors, x)
    longer = np.pad(x, [(0, 0), (0, 384)])
    np.testing.assert_allclose(pool_words(NET, params, vectors, longer), means, rtol=1e-6)
    turned = x.copy()
    for row, length in zip(turned, LENGTHS, strict=True):
        row[:length] = row[:length][::-1]
    np.testing.assert_allclose(
        pool_words(NET, params, vectors, turned), means, rtol=1e-4, atol=1e-6
    )


def test_side_by_side_under_vmap_each_is_as_alone():
    params, vectors, x = example(LENGTHS)
    both = np.stack([x, example([3] * len(x), seed=1)[2]])

    def grads(x):
        return jax.grad(lambda p: jnp.sum(pool_words(NET, p, vectors, x) ** 2))(params)

    together = jax.jit(jax.vmap(grads))(both)
    for i, alone in enumerate(map(jax.jit(grads), both)):
        jax.tree.map(
            lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-4, atol=1e-6),
            together,
            alone,
        )


@pytest.mark.parametrize("lengths", [[3] * 10, [128] * 10, [0] * 10])
def test_one_program_serves_documents_of_all_lengths(lengths):
    params, vectors, x = example(LENGTHS)
    run = jax.jit(lambda p, v, x: pool_words(NET, p, v, x))
    vectors = vectors.astype(np.float32)
    run(params, vectors, x)
    before = count_compilations()
    run(params, vectors, example(lengths)[2])
    assert run._cache_size() == 1
    assert count_compilations() == before
