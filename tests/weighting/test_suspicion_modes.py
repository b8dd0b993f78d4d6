"""Adaptive mining: a share of 0 with one mode, and the share and the weight with two."""

import numpy as np
import pytest

from jaxad.errors import ConfigError
from jaxad.weighting import adaptive_mining

RNG = np.random.default_rng(0)


def run(step, weighting, losses, label=None, steps=25, epoch=9.0):
    state = None
    for _ in range(steps):
        weights = step(weighting, losses(), label, state=state, epoch=epoch)
        state = weights.state
    return weights


def one_mode():
    return np.exp(RNG.normal(0, 0.5, 200))


def two_modes(share=0.2, n=200, far=3.0):
    hidden = np.arange(n) < share * n
    return lambda: np.exp(RNG.normal(0, 0.3, n) + far * hidden)


def test_one_mode_is_plain_training(step):
    weights = run(step, adaptive_mining(), one_mode)
    assert float(weights.state.tau) == 0
    np.testing.assert_array_equal(weights.normal, 1)
    np.testing.assert_array_equal(weights.anomaly, 0)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_two_modes_give_the_share_and_the_weight(step, share):
    weights = run(step, adaptive_mining(2.0, most=12), two_modes(share))
    hidden = np.arange(200) < share * 200
    assert float(weights.state.tau) == pytest.approx(share, abs=0.01)
    np.testing.assert_array_equal(weights.normal, ~hidden)
    expected = 2 * min((1 - share) / share, 12)
    np.testing.assert_allclose(weights.anomaly[hidden], expected, rtol=0.1)
    assert not weights.anomaly[~hidden].any()


def test_the_unit_of_the_loss_does_not_matter(step):
    losses = [two_modes()() for _ in range(5)]
    outcomes = []
    for unit in (1.0, 1024.0):
        it = iter([unit * loss for loss in losses])
        outcomes.append(run(step, adaptive_mining(), lambda it=it: next(it), steps=5))
    assert float(outcomes[0].state.tau) == pytest.approx(float(outcomes[1].state.tau), rel=1e-3)


def test_labelled_rows_and_the_warm_up_are_left_alone(step):
    label = np.zeros(200, np.int8)
    label[:40] = -1
    weights = run(step, adaptive_mining(), two_modes(), label)
    assert float(weights.state.tau) == 0 and not weights.state.seen[:40].any()
    np.testing.assert_array_equal(weights.normal, 1)
    early = run(step, adaptive_mining(), two_modes(), epoch=1.9, steps=3)
    assert float(early.state.tau) == 0 and early.state.seen.min() == 3
    assert not np.asarray(early.state.mixture).any()


@pytest.mark.parametrize("loss", [np.zeros(6), np.ones(6), np.full(1, 2.0)])
def test_losses_without_spread_are_finite(step, loss):
    weights = run(step, adaptive_mining(), lambda: loss, steps=4)
    np.testing.assert_array_equal(weights.normal, 1)
    assert np.isfinite(np.asarray(weights.state.mixture)).all()


@pytest.mark.parametrize(
    ("name", "value"), [("calibrate", -1), ("most", 0), ("most", np.inf), ("warm_up", -1)]
)
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"{name} must be .*; given"):
        adaptive_mining(**{name: value})
