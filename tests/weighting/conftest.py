"""Weights of a single batch whose losses are given."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.objectives import inverse
from jaxad.types import Batch, TrainData
from jaxad.weighting import Context, Weighting, Weights


class Step(NamedTuple):
    """The weights of a batch as arrays of the host, and the state after it."""

    normal: np.ndarray
    anomaly: np.ndarray
    state: object


@jax.jit
def _update(weighting, state, batch, key) -> tuple[Weights, object]:
    scores = batch.x[:, 0]
    context = Context(None, inverse(), None, None, batch, scores, key)
    start = Weights(jnp.ones(len(scores)), jnp.zeros(len(scores)))
    return weighting.update(start, state, context)


@pytest.fixture(scope="session")
def step():
    """A function that applies a weighting to a batch of scores, which are the losses as normal."""

    def apply(weighting: Weighting, scores, label=None, *, epoch=9.0, state=None, key=0) -> Step:
        scores = jnp.asarray(scores, jnp.float32)
        n = len(scores)
        label = np.zeros(n, np.int8) if label is None else np.asarray(label, np.int8)
        data = TrainData(np.zeros((n, 1)), label, np.int32(n), np.int32(1))
        batch = Batch(scores[:, None], jnp.asarray(label), jnp.arange(n), jnp.asarray(epoch))
        state = weighting.init(data) if state is None else state
        weights, state = _update(weighting, state, batch, jax.random.key(key))
        return Step(np.asarray(weights.normal), np.asarray(weights.anomaly), state)

    return apply
