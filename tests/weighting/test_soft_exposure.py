"""SOEL: two means, and latent outlier exposure where no row is labelled."""

import numpy as np
import pytest

from jaxad.errors import ConfigError
from jaxad.weighting import latent_outlier_exposure, soel

LOSS = np.array([3.0, 1.0, 5.0, 2.0, 9.0, 4.0, 8.0])
LABEL = [0, 0, 0, 0, -1, 0, 1]


def test_the_loss_is_the_sum_of_the_two_means_of_the_paper(step):
    weights = step(soel(0.2), LOSS, LABEL)
    np.testing.assert_allclose(weights.normal * 5 / 7, [1, 1, 0.5, 1, 0, 1, 2.5], rtol=1e-6)
    np.testing.assert_allclose(weights.anomaly * 2 / 7, [0, 0, 0.2, 0, 1, 0, 0], rtol=1e-6)
    loss = np.mean(weights.normal * LOSS + weights.anomaly / (LOSS + 1e-6))
    unlabelled, exposed = LOSS[[0, 1, 3, 5]], (5 + 1 / 5) / 2
    expected = (1 / 9 + 8) / 2 + (unlabelled.sum() + exposed) / 5
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_without_labels_it_is_soft_latent_outlier_exposure(step, alpha):
    ours, theirs = (
        step(weighting, LOSS) for weighting in (soel(alpha), latent_outlier_exposure(alpha, True))
    )
    np.testing.assert_array_equal(ours.normal, theirs.normal)
    np.testing.assert_array_equal(ours.anomaly, theirs.anomaly)
    if not alpha:
        np.testing.assert_array_equal(ours.normal, 1)


def test_batches_of_one_kind_have_one_mean(step):
    weights = step(soel(), LOSS[:3], [-1, -1, 1])
    np.testing.assert_array_equal(weights.anomaly, [1, 1, 0])
    np.testing.assert_array_equal(weights.normal, [0, 0, 1])


def test_values_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="alpha must be"):
        soel(1.0)
    with pytest.raises(ConfigError, match="blind must be"):
        soel(blind=-1)
