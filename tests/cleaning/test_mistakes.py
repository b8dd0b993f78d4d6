"""Bounds and estimates of a cleaning session with wrong answers."""

import numpy as np
import pytest

import jaxad
from jaxad.cleaning.result import bound_mistakes, expect_true


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_the_expected_share_of_true_anomalies_is_that_of_simulated_answers(share, noise):
    rng, expected, found = np.random.default_rng(0), [], []
    for _ in range(100):
        truth = rng.random(2000) < share
        said = truth ^ (rng.random(2000) < noise)
        expected.append(expect_true(int(said.sum()), int((~said).sum()), noise))
        found.append(truth[said].mean())
    assert np.mean(expected) == pytest.approx(np.mean(found), abs=0.03)


def test_the_expected_share_is_right_for_few_answers_if_all_shares_are_as_likely():
    rng, expected, found = np.random.default_rng(0), [], []
    for share in np.linspace(0.005, 0.995, 2000):
        truth = rng.random(20) < share
        said = truth ^ (rng.random(20) < 0.2)
        if said.any():
            expected.append(expect_true(int(said.sum()), int((~said).sum()), 0.2))
            found.append(truth[said].mean())
    assert np.mean(expected) == pytest.approx(np.mean(found), abs=0.02)


def test_mistakes_are_bounded_with_95_percent():
    rng, held = np.random.default_rng(1), []
    for _ in range(500):
        truth = rng.random(60) < 0.1
        said = truth ^ (rng.random(60) < 0.2)
        mistaken, missed = bound_mistakes(int(said.sum()), int((~said).sum()), 0.2)
        held.append((said & ~truth).sum() + (truth & ~said).sum() <= mistaken + missed)
        assert mistaken <= said.sum() and missed <= (~said).sum()
    assert np.mean(held) > 0.93
    assert bound_mistakes(5, 5, 0.0) == (0, 0)
    assert bound_mistakes(0, 0, 0.3) == (0, 0)
    assert bound_mistakes(2, 98, 0.2) == (2, 25)  # 27 is the 95 % quantile for 100 answers


@pytest.mark.slow
def test_the_bound_holds_if_the_farthest_normal_rows_are_called_anomalies():
    """About a tenth of 200 answers is wrong, and most rows asked for are normal."""
    alarms, shares = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(300, 3))
        x[:6] += 5
        says = np.linalg.norm(x, axis=1) > 2.66
        options = {"budget": 200, "detector": "gaussian", "members": 5, "alpha": 0.1}
        session = jaxad.clean(x, label_noise=0.1, seed=seed, **options)
        while session.left:
            session.tell({row: bool(says[row]) for row in session.ask(40).row})
        result = session.result()
        assert result.alarms is not None and result.alarms.mistaken
        shares.append(result.true_share - (result.suspects.row < 6).mean())
        fresh = result.detector.predict(rng.normal(size=(1000, 3))) < 0
        alarms.append(fresh.mean() if result.alarms.threshold is not None else 0)
    assert abs(np.mean(shares)) < 0.15
    assert np.mean(alarms) <= 0.1  # a session without a threshold raises none
