"""Each loss against its closed form, and its derivative against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxad.models.hypersphere import Boundary
from jaxad.models.residual import ResidualOut
from jaxad.objectives import (
    deviation,
    feawad,
    hypersphere_classification,
    identity,
    inverse,
    ordinal,
    push,
    soft_boundary,
    triplet,
)
from jaxad.types import Batch

D = np.array([0.0, 0.3, 1.0, 4.0])


def boundary(radius_sq, d):
    return Boundary(jnp.asarray(d), jnp.full(np.shape(d), radius_sq))


@pytest.mark.parametrize(
    ("objective", "normal", "anomaly"),
    [
        (identity(), D, None),
        (inverse(), D, 1 / (D + 1e-6)),
        (inverse(eps=0.5), D, [2, 1 / 0.8, 1 / 1.5, 1 / 4.5]),
        (hypersphere_classification(), D, -np.log1p(-np.exp(-(D + 1e-6)))),
    ],
    ids=["identity", "inverse", "inverse with eps", "hypersphere classification"],
)
def test_losses_have_their_closed_form(objective, normal, anomaly):
    np.testing.assert_allclose(objective.normal(jnp.asarray(D)), normal, rtol=1e-6)
    if anomaly is None:
        assert objective.anomaly is None
    else:
        np.testing.assert_allclose(objective.anomaly(jnp.asarray(D)), anomaly, rtol=1e-6)


def test_hypersphere_classification_is_the_cross_entropy_of_a_probability():
    h = jnp.asarray(D[1:])
    p = jnp.exp(-h)
    loss = hypersphere_classification(eps=1e-12)
    np.testing.assert_allclose(loss.normal(h), -jnp.log(p), rtol=1e-6)
    np.testing.assert_allclose(loss.anomaly(h), -jnp.log(1 - p), rtol=1e-6)


@pytest.mark.parametrize("h", [0.0, 1e-12, 1e-7, 1e-3, 50.0, 1e4, 1e30])
def test_hypersphere_classification_is_finite_with_its_derivative_from_0_to_far_off(h):
    anomaly = hypersphere_classification().anomaly
    loss, slope = jax.value_and_grad(lambda h: anomaly(h[None])[0])(jnp.float32(h))
    assert 0 <= loss <= np.log(1e6) + 0.1 and -1.05e6 <= slope <= 0
    np.testing.assert_allclose(slope, -1 / np.expm1(min(h + 1e-6, 100)), rtol=0.1, atol=1e-20)


@pytest.mark.parametrize("nu", [0.05, 0.5, 1.0])
def test_soft_boundary_is_the_radius_and_what_lies_beyond_it(nu):
    loss = soft_boundary(nu)
    assert loss.anomaly is None
    want = 0.9 + np.array([0, 0, 0.1, 3.1]) / nu
    np.testing.assert_allclose(loss.normal(boundary(0.9, D)), want, rtol=1e-6)


@pytest.mark.parametrize("nu", [0.05, 0.2, 0.5])
def test_soft_boundary_is_least_where_a_share_nu_lies_outside(nu):
    d = np.random.default_rng(0).exponential(size=40)
    loss = [float(jnp.mean(soft_boundary(nu).normal(boundary(r, d)))) for r in d]
    outside = np.mean(d > d[np.argmin(loss)])
    assert nu - 1 / 40 <= outside + 1e-6 <= nu + 1e-5


@pytest.mark.parametrize(
    "loss",
    [
        identity().normal,
        inverse().normal,
        inverse().anomaly,
        hypersphere_classification().anomaly,
    ],
    ids=["identity", "normal of inverse", "anomaly of inverse", "anomaly of classification"],
)
def test_derivatives_are_those_of_finite_differences(loss):
    with jax.enable_x64(True):
        check_grads(jax.jit(loss), (jnp.asarray(D[1:]),), order=2, modes=["fwd", "rev"])


def test_derivative_of_the_soft_boundary_is_that_of_finite_differences():
    with jax.enable_x64(True):
        check_grads(lambda d: soft_boundary(0.2).normal(boundary(0.9, d)), (jnp.asarray(D),), 1)
        check_grads(lambda r: soft_boundary(0.2).normal(boundary(r, D)), (jnp.asarray(0.9),), 1)


S = np.array([-2.0, -0.5, 0.25, 3.0, 4.9, 7.0])


@pytest.mark.parametrize(
    ("objective", "normal", "anomaly"),
    [
        (deviation(), np.abs(S), [7, 5.5, 4.75, 2, 0.1, 0]),
        (deviation(margin=1.0), np.abs(S), [3, 1.5, 0.75, 0, 0, 0]),
        (push(), np.abs(S), [7, 5.5, 4.75, 2, 0.1, -2]),
    ],
    ids=["deviation", "deviation of 1", "push"],
)
def test_losses_of_scalar_scores_have_their_closed_form(objective, normal, anomaly):
    np.testing.assert_allclose(objective.normal(jnp.asarray(S)), normal, rtol=1e-5)
    np.testing.assert_allclose(objective.anomaly(jnp.asarray(S)), anomaly, rtol=1e-5)
    with jax.enable_x64(True):
        for loss in (objective.normal, objective.anomaly):
            check_grads(jax.jit(loss), (jnp.asarray(S),), order=1)


def test_the_score_of_a_pair_goes_to_the_target_times_its_labelled_anomalies():
    label = np.array([[0, 0], [-1, 0], [0, -1], [-1, -1], [-1, 1], [-1, -1]], np.int8)
    index = np.arange(12).reshape(6, 2)
    batch = Batch(jnp.zeros((6, 2, 1)), jnp.asarray(label), jnp.asarray(index), jnp.zeros(()))
    objective, target = ordinal(4.0), np.array([0.0, 4, 4, 8, 4, 8])
    np.testing.assert_allclose(objective.normal(jnp.asarray(S), batch), np.abs(S), rtol=1e-6)
    np.testing.assert_allclose(
        objective.anomaly(jnp.asarray(S), batch), np.abs(target - S), rtol=1e-6
    )
    pairs = objective.apply_relabel(batch)
    np.testing.assert_array_equal(pairs.label, [0, -1, -1, -1, -1, -1])
    np.testing.assert_array_equal(pairs.index, index[:, 0])


def test_a_triplet_is_its_anchor_and_wrong_if_an_anomaly_should_be_near():
    label = np.array([[0, 0, -1], [-1, 0, 0], [0, -1, 0], [1, 1, 0]], np.int8)
    index = np.arange(12).reshape(4, 3)
    batch = Batch(jnp.zeros((4, 3, 1)), jnp.asarray(label), jnp.asarray(index), jnp.zeros(()))
    triplets = triplet(2.0).apply_relabel(batch)
    np.testing.assert_array_equal(triplets.label, [0, -1, -1, 0])
    np.testing.assert_array_equal(triplets.index, index[:, 0])


@pytest.mark.parametrize("margin", [5.0, 2.0])
@pytest.mark.parametrize(("residual", "absolute"), [(1.0, False), (0.3, True)])
def test_the_loss_of_feawad_is_the_deviation_loss_of_score_and_residual(margin, residual, absolute):
    norm = np.array([0.1, 6.0, 3.0, 0.5, 1.0, 2.5])
    loss = feawad(margin, residual, absolute)
    out = ResidualOut(jnp.asarray(S), jnp.asarray(norm))
    np.testing.assert_allclose(loss.normal(out), np.abs(S) + residual * norm, rtol=1e-5)
    score = np.abs(S) if absolute else S
    want = np.maximum(0, margin - score) + residual * np.maximum(0, margin - norm)
    np.testing.assert_allclose(loss.anomaly(out), want, rtol=1e-5)
    with jax.enable_x64(True):
        for fn in loss[:2]:
            away = S + 0.01  # from the corners of the losses
            check_grads(lambda s, r, fn=fn: fn(ResidualOut(s, r)), (away, norm), order=1)
