"""Contradicting training: the paper's objective, its cap, and one program for every lambda."""

from math import inf

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.detectors.registry import Spec, make_for
from jaxad.errors import ConfigError
from jaxad.learners import Optimiser, gradient_step, start_state
from jaxad.learners.gradient import weighted_loss
from jaxad.models import Reconstruction
from jaxad.nets.build import autoencoder_nets
from jaxad.objectives import inverse
from jaxad.types import Batch, TrainData
from jaxad.utils.timing import count_compilations
from jaxad.weighting import (
    Context,
    Weights,
    by_label,
    chain,
    contradicting,
    latent_outlier_exposure,
    parse_weighting,
)

LABEL = np.array([-1, 0, 1, -1], np.int8)
LOSS = np.array([4.0, 1.0, 2.0, 5.0])  # mean 3, of the labelled 4.5
TRAIN = TrainData(np.zeros((4, 1), np.float32), LABEL, np.int32(4), np.int32(1))


def batch_of(loss, label=LABEL):
    loss = jnp.asarray(loss)
    return Batch(loss[:, None], jnp.asarray(label), jnp.arange(len(loss)), jnp.asarray(9.0))


def weigh(weighting, loss=LOSS, label=LABEL, state=None, start=None):
    """Weights of a batch, and the state after it."""
    loss = jnp.asarray(loss)
    batch = batch_of(loss, label)
    context = Context(None, inverse(), None, None, batch, loss, jax.random.key(0))
    start = Weights(jnp.ones(len(loss)), jnp.zeros(len(loss))) if start is None else start
    state = weighting.init(TRAIN) if state is None else state
    return weighting.update(start, state, context)


def test_labelled_anomalies_ascend_and_other_rows_stay_as_they_are():
    weights, _ = weigh(contradicting(3.0))
    np.testing.assert_array_equal(weights.normal, [-3, 1, 1, -3])
    np.testing.assert_array_equal(weights.anomaly, 0)
    loss = weighted_loss(inverse(), weights, jnp.asarray(LOSS), batch_of(LOSS))
    assert float(loss) == pytest.approx((1 + 2 - 3 * (4 + 5)) / 4)


def test_the_total_weight_from_before_scales_the_ascent():
    start = Weights(jnp.array([0.5, 2.0, 1.0, 0.0]), jnp.array([0.25, 0.0, 0.0, 2.0]))
    weights, _ = weigh(contradicting(4.0), start=start)
    np.testing.assert_array_equal(weights.normal, [-3, 2, 1, -8])
    np.testing.assert_array_equal(weights.anomaly, 0)


@pytest.mark.parametrize("lam", [0.0, 1.0, 20.0])
def test_a_step_follows_the_gradient_of_the_paper_s_objective(lam):
    """`grad (sum_noisy s - lam sum_labelled s) / b`, in float64 with train-mode BatchNorm."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(24, 6))
        label = rng.integers(-1, 2, 24).astype(np.int8)
        data = TrainData(x, label, np.int32(24), np.int32(6))
        model = Reconstruction(*autoencoder_nets((6,), None, (8, 4), "batch", True, 0.1))
        weighting, descent = contradicting(lam, inf), Optimiser("sgd", 1.0, 1.0, 1.0, 0.0)
        variables, extras = model.init(jax.random.key(0), data)
        variables = jax.tree.map(lambda v: v.astype(jnp.float64), variables)
        state = start_state(model, weighting, descent, variables, extras, data)
        batch = Batch(jnp.asarray(x), jnp.asarray(label), jnp.arange(24), jnp.zeros(()))
        step = gradient_step(model, inverse(), weighting, descent, state, batch, jax.random.key(1))[
            0
        ]

        def objective(params):
            of = variables._replace(params=params)
            scores = model.apply(of, extras, batch.x, train=True).out
            labelled = label < 0
            return (jnp.sum(scores[~labelled]) - lam * jnp.sum(scores[labelled])) / len(label)

        expected = jax.grad(objective)(state.params)
        moved = jax.tree.map(lambda old, new: old - new, state.params, step.params)
        jax.tree.map(lambda m, e: np.testing.assert_allclose(m, e, atol=1e-12), moved, expected)


def test_a_row_at_the_cap_is_held_there_and_counts_with_what_it_reached():
    weighting = contradicting(3.0, cap=2.0)
    _, state = weigh(weighting)
    top = 2 * 4.5  # twice the labelled anomalies' mean, which is above the batch's
    later = np.array([top + 1, 1.0, 2.0, top - 1])
    weights, again = weigh(weighting, later, state=state)
    np.testing.assert_allclose(weights.normal, [0, 1, 1, -3])
    np.testing.assert_allclose(weights.held, [-3 * top, 0, 0, 0])
    loss = float(weighted_loss(inverse(), weights, jnp.asarray(later), batch_of(later)))
    assert loss == pytest.approx((1 + 2 - 3 * (top + top - 1)) / 4)
    np.testing.assert_array_equal(again, state)  # the first batch alone decides


def test_the_cap_looks_at_the_first_batch_and_at_the_first_with_labelled_anomalies():
    weighting = contradicting(1.0, cap=1.0)
    unlabelled = np.zeros(4, np.int8)
    _, first = weigh(weighting, [6.0, 6.0, 6.0, 6.0], unlabelled)
    np.testing.assert_array_equal(first[:2], [6, -1])
    for loss, top in ((LOSS, 6.0), ([1.0, 0.0, 0.0, 17.0], 9.0)):
        _, state = weigh(weighting, loss, state=first)
        below, at = (
            weigh(weighting, [value, 0, 0, 0], state=state)[0].normal[0]
            for value in (top - 0.01, top)
        )
        assert (below, at) == (-1, 0)


def test_a_batch_without_labelled_anomalies_is_an_ordinary_one():
    label = np.array([0, 0, 1, 0], np.int8)
    weights, _ = weigh(contradicting(20.0), label=label)
    np.testing.assert_array_equal(weights.normal, 1)
    np.testing.assert_array_equal(weights.held, 0)


@pytest.mark.parametrize("cap", [10.0, inf])
def test_a_base_that_collapsed_gives_numbers(cap):
    weights, state = weigh(contradicting(0.0, cap), np.zeros(4))
    assert all(np.isfinite(leaf).all() for leaf in (*weights, *state))


def test_chains_with_latent_outlier_exposure_divide_the_rows_between_them():
    loss, label = np.array([4.0, 1.0, 3.0, 2.0, 5.0]), np.array([-1, 0, 0, 0, 1], np.int8)
    parts = contradicting(3.0), latent_outlier_exposure(1 / 3, blind=0)
    for both in (chain(*parts), chain(*reversed(parts))):
        train = TRAIN._replace(x=np.zeros((5, 1)), label=label, count=np.int32(5))
        weights, _ = weigh(both, loss, label, state=both.init(train))
        np.testing.assert_array_equal(weights.normal, [-3, 1, 0, 1, 1])
        np.testing.assert_array_equal(weights.anomaly, [0, 0, 1, 0, 0])
        assert both.anomaly_loss


def test_behind_by_label_it_takes_the_labelled_anomalies_over():
    weights, _ = weigh(chain(by_label(2.0), contradicting(3.0)))
    np.testing.assert_array_equal(weights.normal, [-6, 1, 2, -6])
    np.testing.assert_array_equal(weights.anomaly, 0)


def test_numbers_are_leaves():
    one, other = contradicting("balanced"), contradicting(20.0, inf)
    assert jax.tree.structure(one) == jax.tree.structure(other)
    assert sorted(jax.tree.leaves(other)) == [0.1, 20.0, inf]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25])
def test_a_balanced_ascent_is_twice_the_hidden_rows_for_each_labelled_one(share):
    weights, _ = weigh(contradicting("balanced", share=share))
    lam = 2 * share * 1 / 2  # one unlabelled row, two labelled anomalies
    np.testing.assert_allclose(weights.normal, [-lam, 1, 1, -lam])
    fixed, _ = weigh(contradicting(lam))
    np.testing.assert_allclose(fixed.normal, weights.normal)
    # Rows beyond the count are padding.
    padded = TRAIN._replace(count=np.int32(3))
    assert float(contradicting("balanced", share=share).init(padded).balanced) == pytest.approx(
        2 * share
    )


def test_lambda_0_1_and_20_are_one_program(toy_for, quick):
    name = "contradicting_mlp_forecaster"
    train = toy_for(name).train

    def scores(**config):
        return jaxad.score(jaxad.fit(quick(name, train, **config), train, seeds=2), train.x)

    first = scores(lam=0.0)
    before = count_compilations()
    ramp, paper = scores(lam=1.0), scores(lam=20.0)
    written = scores(lam=3.0, weighting="contradicting(20)")
    balanced = scores(lam="balanced", share=0.2)
    assert count_compilations() == before
    np.testing.assert_array_equal(paper, written)
    assert np.isfinite(balanced).all() and not np.allclose(balanced, paper)
    assert not np.allclose(first, ramp) and not np.allclose(ramp, paper)


@pytest.mark.parametrize(
    "name", ["contradicting_autoencoder", "contradicting_deep_svdd", "contradicting_mlp_forecaster"]
)
def test_ten_times_the_default_of_ascent_stays_finite(toy_for, quick, name):
    """Outputs of tables and forecasts are unbounded: without the cap the errors go on growing."""
    toy = toy_for(name)
    detector = quick(name, toy.train, lam=200.0, epochs=1500)
    fit = jaxad.fit(detector, toy.train, seeds=2)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(fit.state))
    assert np.isfinite(fit.history["train"]["loss"]).all()
    assert jaxad.evaluate(fit, toy.test).auroc.per_seed.min() > 0.9
    # Labelled anomalies stay near the cap: a few steps beyond, not many times as far.
    scores = jaxad.score(fit, toy.train.x)
    labelled = toy.train.label < 0
    assert (scores[:, labelled].mean(axis=1) > 3 * scores[:, ~labelled].mean(axis=1)).all()


@pytest.mark.parametrize(
    ("name", "shape", "cap"),
    [
        ("contradicting_autoencoder", (28, 28, 1), inf),  # the decoder's images are in (0, 1)
        ("contradicting_autoencoder", (6,), 10.0),
        ("contradicting_deep_svdd", (28, 28, 1), 10.0),
        ("contradicting_mlp_forecaster", (10, 1), 10.0),
    ],
)
def test_there_is_no_cap_where_the_error_is_bounded_by_itself(name, shape, cap):
    def numbers(**config):
        weighting = make_for(name, Spec(shape, 100), config).parts.weighting
        return weighting.update.args

    assert numbers() == (20.0, cap)
    assert numbers(lam=1.0, cap=7.0) == (1.0, 7.0)


@pytest.mark.parametrize("lam", [-1, float("nan"), inf])
def test_lambda_must_be_a_number_of_at_least_0(lam):
    with pytest.raises(ConfigError, match=f"lam .*given {lam}"):
        contradicting(lam)
    with pytest.raises(ConfigError, match=f"lam .*given {lam}"):
        make_for("contradicting_autoencoder", Spec((6,), 10), {"lam": lam})


@pytest.mark.parametrize("lam", ["balance", "20"])
def test_words_other_than_balanced_are_refused(lam):
    with pytest.raises(ConfigError, match=f"lam .*'balanced'; given '{lam}'"):
        contradicting(lam)
    with pytest.raises(ConfigError, match=r"lam .*'balanced'"):
        make_for("contradicting_autoencoder", Spec((6,), 10), {"lam": lam})
    with pytest.raises(ConfigError, match="share must be in"):
        make_for("contradicting_autoencoder", Spec((6,), 10), {"share": 1.0})


@pytest.mark.parametrize("cap", [0, -2.0, float("nan")])
def test_the_cap_must_be_positive(cap):
    with pytest.raises(ConfigError, match="cap must be"):
        contradicting(cap=cap)
    with pytest.raises(ConfigError, match="cap must be"):
        make_for("contradicting_deep_svdd", Spec((6,), 10), {"cap": cap})


def test_it_is_open_to_every_base_by_configuration(toy, quick):
    """The autoencoder with this weighting is the registered detector with its cap for tables."""
    text = "contradicting(20.0, cap=10.0)"
    assert jax.tree.structure(parse_weighting(text)) == jax.tree.structure(contradicting())
    scores = [
        jaxad.score(jaxad.fit(quick(name, toy.train, **config), toy.train), toy.test)
        for name, config in (
            ("autoencoder", {"weighting": text}),
            ("contradicting_autoencoder", {}),
        )
    ]
    np.testing.assert_array_equal(*scores)


def test_labelled_normal_rows_get_a_weight_of_their_own_in_a_chain():
    """Remark 1 of the paper: `L_noisy + eta L_normal - lambda L_anomalous`."""
    weights, _ = weigh(parse_weighting("by_label(2.0), contradicting(10.0, 1e9)"))
    np.testing.assert_allclose(weights.normal, [-20, 1, 2, -20])
    np.testing.assert_allclose(weights.anomaly, 0)
