"""Mining: which rows it takes for contaminated, by what, and what it remembers of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KernelDensity

import jaxad
from jaxad.errors import ConfigError
from jaxad.models import Coded
from jaxad.objectives import calibrated
from jaxad.types import Batch, TrainData
from jaxad.weighting import Context, Weights, chain, mining, parse_weighting, unsupervised

ERROR = np.array([3.0, 1.0, 5.0, 2.0, 9.0, 4.0, 8.0])
LABEL = np.array([0, 0, 0, 0, -1, 0, 1], np.int8)


def weigh(weighting, error=ERROR, label=LABEL, code=None, epoch=9.0, index=None, **extras):
    """Weights and state after a batch whose errors and codes are given."""
    n = len(label)
    error = jnp.asarray(error, jnp.float32)
    code = jnp.zeros((n, 2)) if code is None else jnp.asarray(code, jnp.float32)
    index = jnp.arange(n) if index is None else jnp.asarray(index)
    out = Coded(error, jnp.zeros(n), code)
    batch = Batch(error[:, None], jnp.asarray(label, jnp.int8), index, jnp.asarray(epoch))
    extras = {name: jnp.asarray(value, jnp.float32) for name, value in extras.items()}
    context = Context(None, calibrated(), None, extras, batch, out, jax.random.key(0))
    state = weighting.init(TrainData(np.zeros((n, 1)), np.asarray(label), np.int32(n), np.int32(1)))
    return weighting.update(Weights(jnp.ones(n), jnp.zeros(n)), state, context)


def suspected(strategy, code, **extras):
    """What a strategy holds of codes that are all unlabelled."""
    n = len(code)
    _, state = weigh(mining(strategy), np.zeros(n), np.zeros(n), code, **extras)
    return np.asarray(state.suspicion)


def test_the_worst_share_of_unlabelled_rows_is_trained_as_anomalous():
    """Five rows are unlabelled: two fifths of them are those with errors 5 and 4."""
    weights, _ = weigh(mining("reconstruction_error", 0.4))
    np.testing.assert_array_equal(weights.anomaly, [0, 0, 1, 0, 0, 1, 0])
    np.testing.assert_array_equal(weights.normal, [1, 1, 0, 1, 1, 0, 1])


def test_with_own_means_the_loss_is_a_mean_of_normal_rows_plus_one_of_mined_rows():
    mine = mining("reconstruction_error", 0.4, own_means=True)
    weights, _ = weigh(chain(unsupervised(), mine))
    np.testing.assert_allclose(weights.anomaly[np.array([2, 5])], 7 / 2)
    kept = np.asarray(weights.normal) > 0
    np.testing.assert_allclose(np.asarray(weights.normal)[kept], 7 / kept.sum())


def test_labelled_normals_are_mined_where_labels_are_not_used():
    weighting = chain(unsupervised(), mining("reconstruction_error", 0.3, labelled_normals=True))
    weights, _ = weigh(weighting)
    np.testing.assert_array_equal(weights.anomaly, [0, 0, 1, 0, 0, 0, 1])
    np.testing.assert_array_equal(weights.normal, [1, 1, 0, 1, 0, 1, 0])
    assert weighting.codes is False and not weighting.labelled_anomalies


@pytest.mark.parametrize(("epoch", "mined"), [(0.0, 0), (1.99, 0), (2.0, 2)])
def test_nothing_is_mined_in_the_warm_up(epoch, mined):
    weights, state = weigh(mining("reconstruction_error", 0.4, warm_up=2), epoch=epoch)
    assert float(weights.anomaly.sum()) == mined
    assert state.seen.sum() == 5


def test_the_weight_of_the_calibrated_loss_is_a_setting():
    weights, _ = weigh(mining("reconstruction_error", 0.4, calibrate=0.0))
    np.testing.assert_array_equal(weights.normal, [1, 1, 0, 1, 1, 0, 1])
    assert not np.any(weights.anomaly)


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(1, 60), st.integers(0, 60), st.booleans())
def test_a_share_of_k_in_m_mines_k_rows_and_what_lies_between_rounds_up(m, k, more):
    k = min(k, m)
    tau = min((k + 0.5 * more) / m, 1.0)
    rows = np.arange(60)  # m of them unlabelled: one shape compiles once
    weights, _ = weigh(mining("reconstruction_error", tau), rows, np.where(rows < m, 0, -1))
    expected = min(k + more, m)
    np.testing.assert_array_equal(weights.anomaly, (m - expected <= rows) & (rows < m))


@pytest.mark.parametrize(("tau", "anomaly"), [(0.0, 0), (1.0, 1)])
def test_tau_of_0_mines_nothing_and_of_1_all(tau, anomaly):
    weights, _ = weigh(mining("reconstruction_error", tau))
    np.testing.assert_array_equal(np.asarray(weights.anomaly)[LABEL == 0], anomaly)
    np.testing.assert_array_equal(np.asarray(weights.normal)[LABEL == 0], 1 - anomaly)


def test_a_batch_without_unlabelled_rows_is_left_as_it_is():
    weights, state = weigh(mining("reconstruction_error", 1.0), label=-np.ones(7))
    np.testing.assert_array_equal(weights.normal, 1)
    assert not np.any(state.seen) and not np.any(state.mining_rank)


def test_the_dictionary_takes_the_least_similar_to_generated_codes():
    """The mean cosine to all entries, by the definition; a code of norm 0 is similar to nothing."""
    rng = np.random.default_rng(0)
    code, generated = rng.normal(size=(5, 3)), rng.normal(size=(8, 3))
    code[3] = 0
    dictionary = generated / np.linalg.norm(generated, axis=1, keepdims=True)
    norms = np.linalg.norm(code, axis=1, keepdims=True)
    cosine = code / np.where(norms > 0, norms, 1) @ dictionary.T
    found = suspected("dictionary", code, direction=dictionary.mean(axis=0))
    np.testing.assert_allclose(found, -cosine.mean(axis=1), atol=1e-6)
    assert found[3] == 0


def test_the_latent_distance_is_that_to_the_moving_mean():
    code, mean = np.array([[3.0, 4.0], [1.0, 1.0]]), np.array([0.0, 1.0])
    found = suspected("latent_distance", code, mean=mean)
    np.testing.assert_allclose(found, [np.sqrt(18), 1])


def test_the_latent_density_is_that_of_a_kernel_estimate_from_the_other_rows():
    code = np.random.default_rng(1).normal(size=(12, 3))
    found = -suspected("latent_density", code)
    width = np.sqrt(code.var(axis=0).mean() * 12 ** (-2 / 7))
    expected = [
        KernelDensity(bandwidth=width).fit(np.delete(code, i, 0)).score_samples(code[i : i + 1])[0]
        for i in range(12)
    ]
    np.testing.assert_allclose(found - found.mean(), expected - np.mean(expected), rtol=1e-4)


@pytest.mark.parametrize("strategy", ["dictionary", "latent_distance", "latent_density"])
@pytest.mark.parametrize("code", [np.zeros((4, 2)), np.ones((4, 2)), np.full((1, 2), 7.0)])
def test_codes_that_are_all_the_same_give_numbers(strategy, code):
    assert np.isfinite(suspected(strategy, code, mean=[0, 0], direction=[1, 0])).all()


def test_it_remembers_places_and_suspicion_of_each_row_that_could_be_mined():
    weights, state = weigh(mining("reconstruction_error"), index=[6, 5, 4, 3, 2, 1, 0])
    place = np.array([0.5, 0, 1, 0.25, 0, 0.75, 0])
    np.testing.assert_allclose(state.mining_rank, place[::-1])
    np.testing.assert_allclose(state.suspicion, (ERROR * (LABEL == 0))[::-1])
    np.testing.assert_array_equal(state.seen, (LABEL == 0)[::-1])
    assert weights.anomaly[2] == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mining('dictionry')", "dictionary"),
        ("mining(tau=1.1)", r"tau must be in \[0, 1\]; given 1.1"),
        ("mining(tau=-0.1)", "tau"),
        ("mining(calibrate=-1)", "calibrate"),
        ("mining(warm_up=-1)", "warm_up"),
    ],
)
def test_values_out_of_range_are_refused(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_weighting(text)


def test_codes_are_asked_for_where_a_model_has_none(toy):
    with pytest.raises(ConfigError, match="'reconstruction_error', or choose a detector"):
        jaxad.make("deep_sad", toy.train, weighting="by_label, mining('latent_density')")
    weighting = "by_label, mining('reconstruction_error', 0.2)"
    assert jaxad.make("deep_sad", toy.train, weighting=weighting).name == "deep_sad"
