"""Who decides the two weights of a row: the tables of the papers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxad.errors import ConfigError
from jaxad.types import Batch
from jaxad.weighting import Context, Weights, by_label, chain, unsupervised

LABEL = jnp.array([-1, 0, 1], jnp.int8)


def weigh(weighting, start=None):
    batch = Batch(jnp.zeros((3, 1)), LABEL, jnp.arange(3), jnp.zeros(()))
    context = Context(None, None, None, None, batch, None, jax.random.key(0))
    start = Weights(jnp.ones(3), jnp.zeros(3)) if start is None else start
    return weighting.update(start, weighting.init(None), context)[0]


@pytest.mark.parametrize(
    ("weighting", "normal", "anomaly"),
    [
        (unsupervised(), [0, 1, 1], [0, 0, 0]),
        (by_label(), [0, 1, 1], [1, 0, 0]),
        (by_label(2.5), [0, 1, 2.5], [2.5, 0, 0]),
        (chain(by_label(2.0), by_label(3.0)), [0, 1, 6], [6, 0, 0]),
        (chain(by_label(2.0), unsupervised()), [0, 1, 2], [0, 0, 0]),
    ],
)
def test_weights_by_label(weighting, normal, anomaly):
    weights = weigh(weighting)
    np.testing.assert_allclose(weights.normal, normal)
    np.testing.assert_allclose(weights.anomaly, anomaly)


def test_weights_of_the_weighting_before_scale_those_of_the_next():
    weights = weigh(by_label(), Weights(jnp.array([0.2, 0.5, 3.0]), jnp.array([0.3, 0.0, 0.0])))
    np.testing.assert_allclose(weights.normal, [0, 0.5, 3])
    np.testing.assert_allclose(weights.anomaly, [0.5, 0, 0])


def test_a_chain_asks_for_what_its_parts_ask_for():
    both = chain(by_label(), unsupervised())
    assert both.anomaly_loss and not both.labelled_anomalies
    assert not chain(unsupervised()).anomaly_loss


def test_weightings_that_differ_in_numbers_are_one_structure():
    structure = jax.tree.structure
    assert structure(by_label(1.0)) == structure(by_label(7.0)) == structure(unsupervised())
    assert structure(chain(by_label())) != structure(by_label())


@pytest.mark.parametrize("eta", [0, -1.0, float("nan")])
def test_eta_must_be_positive(eta):
    with pytest.raises(ConfigError, match="eta"):
        by_label(eta)
