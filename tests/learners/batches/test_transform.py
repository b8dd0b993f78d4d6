"""Steps on batches that are changed first."""

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from jaxad.learners.batches.transform import transform_batches
from jaxad.types import Batch


def _update(state, batch, key):
    del key
    return state + jnp.sum(batch.x), {}


def _times(factor, key, batch):
    del key
    return batch._replace(x=batch.x * factor)


def _noise(key, batch):
    return batch._replace(x=batch.x + jax.random.normal(key, batch.x.shape))


def _batch():
    label = jnp.zeros(2, jnp.int8)
    return Batch(jnp.ones((2, 3)), label, jnp.arange(2), jnp.zeros(()))


def test_no_transforms_leave_the_update_as_it_is():
    update = Partial(_update)
    assert transform_batches(update, ()) is update


def test_transforms_are_done_in_order():
    def add(key, batch):
        del key
        return batch._replace(x=batch.x + 1)

    step = transform_batches(Partial(_update), (Partial(add), Partial(_times, 10.0)))
    assert step(jnp.zeros(()), _batch(), jax.random.key(0))[0] == 6 * 20


def test_each_transform_has_a_key_of_its_own():
    once = transform_batches(Partial(_update), (Partial(_times, 0.0), Partial(_noise)))
    twice = transform_batches(
        Partial(_update), (Partial(_noise), Partial(_times, -1.0), Partial(_noise))
    )
    key = jax.random.key(0)
    assert once(jnp.zeros(()), _batch(), key)[0] != 0
    # With one key for both the noise would cancel, and -6 would be left.
    assert abs(twice(jnp.zeros(()), _batch(), key)[0] + 6) > 1e-3
