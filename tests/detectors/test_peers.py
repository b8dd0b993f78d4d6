"""What holds for all peers that take images: one score a row, and a state that keeps its shape."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.types import Batch

KEY = jax.random.key(0)
ROWS = 6
PEERS = ["anogan", "classifier", "dagmm", "ganomaly", "latentout", "rsrae", "ss_dgm", "vae"]


def images(*shape):
    label = np.array([-1, 0, 0, 1, 0, -1], np.int8)
    x = np.zeros((ROWS, *shape), np.uint8)
    return jaxad.TrainData(x, label, np.int32(ROWS), np.int32(shape[-1]))


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 11, 3)], ids=str)
@pytest.mark.parametrize("name", PEERS)
def test_images_of_any_size_have_one_score_each_and_steps_keep_the_state(name, shape):
    """Nothing is compiled: a scan over steps needs no more than that shapes stay."""
    train = images(*shape)
    detector = jaxad.make(name, train)
    assert detector.convolutional

    def run():
        state = detector.each_epoch(detector.init(KEY, train), train, jnp.zeros(()))
        index = jnp.arange(ROWS)
        batch = Batch(jnp.asarray(train.x), jnp.asarray(train.label), index, jnp.zeros(()))
        after, info = detector.update(state, batch, KEY)
        return state, after, info["loss"], detector.score(after, jnp.asarray(train.x))

    state, after, loss, score = jax.eval_shape(run)
    assert jax.tree.structure(state) == jax.tree.structure(after)
    assert jax.tree.leaves(state) == jax.tree.leaves(after)
    assert (loss.shape, score.shape) == ((), (ROWS,))


@pytest.mark.parametrize("name", [*PEERS, "repen"])
def test_sequences_are_refused(name):
    x = np.zeros((ROWS, 12, 1), np.float32)
    train = jaxad.TrainData(x, images(8, 8, 1).label, np.int32(ROWS), np.int32(1))
    with pytest.raises(ConfigError, match=r"given (examples of )?shape \(12, 1\)"):
        jaxad.make(name, train)
