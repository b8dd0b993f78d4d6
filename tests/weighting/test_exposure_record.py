"""What latent outlier exposure keeps of each row for an audit."""

import jax
import jax.numpy as jnp
import numpy as np

import jaxad
from jaxad.objectives import inverse
from jaxad.types import Batch
from jaxad.weighting import Context, Weights, latent_outlier_exposure

TRAIN = jaxad.as_train_data(np.zeros((6, 1)), [0, 0, -1, 0, 0, 1])


def step(weighting, state, index, scores, epoch=5.0):
    """What a weighting makes of a batch whose scores are given."""
    index, label = jnp.asarray(index), jnp.asarray(TRAIN.label)[jnp.asarray(index)]
    batch = Batch(jnp.zeros((len(index), 1)), label, index, jnp.asarray(epoch))
    out, key = jnp.asarray(scores), jax.random.key(0)
    context = Context(None, inverse(), None, None, batch, out, key)  # pyright: ignore
    ones, zeros = jnp.ones(len(index)), jnp.zeros(len(index))
    return weighting.update(Weights(ones, zeros), state, context)


def test_it_keeps_the_place_of_each_unlabelled_row_in_its_batches():
    weighting = latent_outlier_exposure(0.25)
    state = weighting.init(TRAIN)
    weights, state = step(weighting, state, [0, 1, 2, 3, 4], [0.1, 0.9, 5.0, 0.3, 0.2])
    assert weights.anomaly.tolist() == [0, 1, 0, 0, 0]  # of four, labelled rows don't count
    assert weights.normal.tolist() == [1, 0, 1, 1, 1]
    _, state = step(weighting, state, [5, 3, 0], [7.0, 0.1, 0.2])
    np.testing.assert_allclose(state.exposure_rank, [0 + 1, 1, 0, 2 / 3 + 0, 1 / 3, 0])
    assert state.seen.tolist() == [2, 1, 0, 2, 1, 0]


def test_a_row_that_comes_twice_in_a_batch_counts_twice():
    weighting = latent_outlier_exposure(0.25)
    _, state = step(weighting, weighting.init(TRAIN), [1, 1, 0], [0.9, 0.9, 0.1])
    np.testing.assert_allclose(state.exposure_rank[1], 1 + 1 / 2)
    assert state.seen[1] == 2
