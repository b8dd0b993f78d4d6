"""The share of anomalies from rows that were asked for: unbiased, and checked."""

import numpy as np
import pytest

from jaxad.errors import ConfigError
from jaxad.weighting import estimate_alpha


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_the_share_is_corrected_for_asking_the_suspicious(share):
    rng = np.random.default_rng(0)
    raw, estimates = [], []
    for _ in range(30):
        anomalous = rng.random(1000) < share
        scores = rng.normal(3.0 * anomalous)
        chance = np.exp(0.7 * scores)
        asked = rng.choice(1000, 20, replace=False, p=chance / chance.sum())
        raw.append(anomalous[asked].mean())
        estimates.append(estimate_alpha(scores, asked, anomalous[asked]))
    assert np.mean(raw) > 3 * share
    assert np.mean(estimates) == pytest.approx(share, rel=0.25)


def test_asking_all_rows_gives_their_share():
    scores, anomalous = np.linspace(0, 1, 10), np.arange(10) > 6
    assert estimate_alpha(scores, np.arange(10), anomalous) == pytest.approx(0.3)
    assert estimate_alpha(scores, np.arange(10), np.zeros(10)) == 0


@pytest.mark.parametrize(
    ("scores", "asked", "anomalous", "says"),
    [
        ([1, np.nan, 2], [0, 2], [0, 1], "scores must be one finite number"),
        ([1, 2, 3], [0, 0], [0, 1], "positions of different rows"),
        ([1, 2, 3], [0.0, 1.0], [0, 1], "as whole numbers"),
        ([1, 2, 3], [0, 3], [0, 1], "positions from 0 to 2"),
        ([1, 2, 3], [0], [1], "two or more"),
        ([1, 2, 3], [0, 1], [1], "for each of the 2 asked rows"),
        ([1, 2, 3], [0, 1], [1, -1], "anomalous must be True or False"),
        ([1, 1, 3], [0, 1], [0, 1], "all have the same"),
    ],
)
def test_wrong_arguments_are_refused(scores, asked, anomalous, says):
    with pytest.raises(ConfigError, match=says):
        estimate_alpha(scores, asked, anomalous)
