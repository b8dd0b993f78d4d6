"""Forecasters: what is given and what is predicted, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.data import as_sequences, monotone_sequences
from jaxad.detectors.registry import Spec, make_for
from jaxad.errors import ConfigError
from jaxad.models import Forecast
from jaxad.nets.forecast import lstm_forecaster, mlp_forecaster
from jaxad.types import TrainData

X = np.random.default_rng(0).normal(size=(5, 10, 2)).astype(np.float32)
DATA = TrainData(X, np.zeros(5, np.int8), np.int32(5), np.int32(2))
INTERPOLATOR = Forecast(mlp_forecaster(6, 4, 2, (8,), "none", bias=True), first=6)
ONE_STEP = Forecast(lstm_forecaster(9, 2, (8,), bias=True), first=1)
models = pytest.mark.parametrize("model", [INTERPOLATOR, ONE_STEP], ids=["mlp", "lstm"])


@models
def test_the_score_is_the_mean_squared_error_of_the_predicted_points(model):
    variables, extras = model.init(jax.random.key(0), DATA)
    predicted = model.predict(variables, X, train=False).out
    out, stats, _ = model.apply(variables, extras, X, train=False)
    expected = [
        np.mean([(X[i, t] - predicted[i, t - model.first]) ** 2 for t in range(model.first, 10)])
        for i in range(5)
    ]
    np.testing.assert_allclose(model.score(out), expected, rtol=1e-5)
    assert extras == {} and stats == {}


@models
def test_only_given_points_reach_the_prediction(model):
    variables, _ = model.init(jax.random.key(0), DATA)
    given = model.net.input_shape[0]
    changed = X.copy()
    changed[:, given:] = 7.0
    before, after = (model.predict(variables, x, train=False).out for x in (X, changed))
    np.testing.assert_array_equal(before, after)
    gradient = jax.grad(lambda x: jnp.sum(model.predict(variables, x, train=False).out))(X)
    assert (np.abs(gradient).max(axis=(0, 2)) > 0).tolist() == [t < given for t in range(10)]


def points(name, shape, **config):
    model = make_for(name, Spec(shape, 100), config).parts.model
    return model.net.input_shape[0], model.first


def test_three_fifths_are_given_and_it_can_be_chosen():
    assert points("mlp_forecaster", (10, 1)) == (6, 6)
    assert points("mlp_forecaster", (2, 1)) == (1, 1)
    assert points("contradicting_mlp_forecaster", (10, 3), given=9) == (9, 9)
    assert points("lstm_forecaster", (10, 3)) == (9, 1)


@pytest.mark.parametrize(
    ("name", "shape", "config", "says"),
    [
        ("mlp_forecaster", (10,), {}, r"shape \(10,\).*sequence:NAME"),
        ("lstm_forecaster", (28, 28, 1), {}, r"shape \(28, 28, 1\)"),
        ("contradicting_lstm_forecaster", (1, 4), {}, "at least 2 points"),
        ("mlp_forecaster", (10, 1), {"given": 10}, "below the 10 points.*given 10"),
        ("mlp_forecaster", (10, 1), {"given": 0}, "given must be"),
        ("lstm_forecaster", (10, 1), {"norm": "batch"}, "norm must be one of 'none'"),
        ("lstm_forecaster", (10, 1), {"channels": (8,)}, "channels must be empty"),
    ],
)
def test_what_it_refuses(name, shape, config, says):
    with pytest.raises(ConfigError, match=says):
        make_for(name, Spec(shape, 100), config)


def test_a_detector_of_tables_says_so_of_sequences():
    with pytest.raises(ConfigError, match=r"given shape \(10, 1\)"):
        make_for("deep_sad", Spec((10, 1), 100), {})


def test_hidden_anomalies_spoil_the_forecaster_and_contradicting_training_mends_it():
    """Figure 1 of Wu et al. 2022 in small: 4 % hidden anomalies, 20 labelled ones."""
    data = as_sequences(monotone_sequences(0, 1_500, 600))
    split = jaxad.contaminate(data, 0, contamination=0.04, labelled_anomalies=20, seeds=2)

    def auprc(lam):
        detector = jaxad.make("contradicting_mlp_forecaster", split.train, lam=lam, epochs=100)
        return jaxad.evaluate(jaxad.fit(detector, split.train), split.test).auprc.mean

    assert auprc(0.0) < 0.7 and auprc(20.0) > 0.98
