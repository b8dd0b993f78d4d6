"""The classifier: its two losses in closed form, what imbalance does to them, and no labels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxad
from jaxad.errors import ConfigError, DataError
from jaxad.objectives import cross_entropy

S = np.array([-8.0, -1.0, 0.0, 0.4, 3.0])


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_losses_have_their_closed_form(gamma):
    s, p = jnp.asarray(S), 1 / (1 + np.exp(-S))
    loss = cross_entropy(gamma)
    assert loss.anomaly is not None
    np.testing.assert_allclose(loss.normal(s), -(p**gamma) * np.log1p(-p), rtol=1e-4)
    np.testing.assert_allclose(loss.anomaly(s), -((1 - p) ** gamma) * np.log(p), rtol=1e-4)
    with jax.enable_x64(True):
        for one in (loss.normal, loss.anomaly):
            check_grads(jax.jit(one), (jnp.asarray(S),), order=2)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
@pytest.mark.parametrize("logit", [0.0, 90.0, -90.0, 1e4, -1e4])
def test_a_saturated_logit_has_finite_losses_and_gradients(gamma, logit):
    for loss in cross_entropy(gamma)[:2]:
        assert loss is not None
        value, slope = jax.value_and_grad(lambda s, loss=loss: jnp.sum(loss(s)))(jnp.full(3, logit))
        assert np.isfinite(value) and np.isfinite(slope).all()


def test_the_two_losses_mirror_each_other():
    """What is an anomaly and what is normal is a matter of the score's sign alone."""
    normal, anomaly, _ = cross_entropy(2.0)
    assert anomaly is not None
    s = jnp.asarray(S)
    np.testing.assert_array_equal(normal(s), anomaly(-s))


def test_a_constant_score_settles_at_the_log_odds_of_the_labels(toy_of):
    """Rows that are all the same: the minimum of the cross-entropy is the share of anomalies."""
    train = toy_of(rows=64, labelled=16).train
    train = train._replace(x=np.ones_like(train.x))
    detector = jaxad.make(
        "classifier", train, epochs=300, batch_size=64, learning_rate=0.02, weight_decay=0.0
    )
    scores = jaxad.score(jaxad.fit(detector, train), train.x[:1])
    np.testing.assert_allclose(scores, np.log(16 / 48), atol=1e-3)


def test_it_needs_a_labelled_anomaly(toy):
    bare = toy.train._replace(label=np.maximum(toy.train.label, 0))
    with pytest.raises(DataError, match="labelled anomalies must be given for classifier"):
        jaxad.make("classifier", bare)
    with pytest.raises(ConfigError, match="gamma must be >= 0; given -1"):
        jaxad.make("classifier", toy.train, gamma=-1)
