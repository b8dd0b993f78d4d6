"""nnPU: the risk of the paper, its bound, and plain training without positives."""

import numpy as np
import pytest

from jaxad.errors import ConfigError
from jaxad.weighting import nnpu

LOSS = np.array([3.0, 1.0, 5.0, 2.0, 9.0, 0.5])
LABEL = [0, 0, 0, 1, -1, -1]


def total(weights):
    return np.mean(weights.normal * LOSS + weights.anomaly / (LOSS + 1e-6))


def test_the_risk_is_that_of_the_paper(step):
    prior, p, u = 0.3, LOSS[4:], LOSS[:4]
    expected = prior * np.mean(1 / (p + 1e-6)) + u.mean() - prior * p.mean()
    assert total(step(nnpu(prior), LOSS, LABEL)) == pytest.approx(expected, rel=1e-5)
    assert total(step(nnpu(prior, bounded=False), LOSS, LABEL)) == pytest.approx(expected, rel=1e-5)


def test_a_negative_risk_of_normal_rows_is_raised_alone(step):
    prior, r = 0.8, np.mean(LOSS[:4]) - 0.8 * np.mean(LOSS[4:])
    assert r < 0
    weights = step(nnpu(prior), LOSS, LABEL)
    np.testing.assert_array_equal(weights.anomaly, 0)
    assert np.mean(weights.normal * LOSS) == pytest.approx(-r, rel=1e-5)
    assert step(nnpu(prior, bounded=False), LOSS, LABEL).anomaly[4] > 0


@pytest.mark.parametrize(("prior", "label"), [(0.4, [0, 0, 0, 0, 1, 1]), (0.0, [0] * 6)])
def test_without_positives_it_is_plain_training(step, prior, label):
    weights = step(nnpu(prior), LOSS, label)
    np.testing.assert_array_equal(weights.normal, 1)
    np.testing.assert_array_equal(weights.anomaly, 0)


def test_a_batch_of_positives_alone_is_finite(step):
    weights = step(nnpu(0.5), LOSS, [-1] * 6)
    assert np.isfinite(weights.normal).all() and np.isfinite(weights.anomaly).all()


@pytest.mark.parametrize(("name", "value"), [("prior", 1.0), ("prior", -0.1), ("bounded", 2)])
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"{name} must be .*; given"):
        nnpu(**{name: value})
