"""Adaptive rejection: the modified z-score, the mixture and the warm-up."""

import numpy as np
import pytest

from jaxad.errors import ConfigError
from jaxad.weighting import adaptive_rejection

RNG = np.random.default_rng(0)
CLEAN, FAR = RNG.normal(5, 1, 90), RNG.normal(30, 1, 10)


def test_rows_with_a_large_modified_z_score_get_no_weight(step):
    loss = np.append(CLEAN, FAR)
    z = 0.6745 * (loss - np.median(loss)) / np.median(np.abs(loss - np.median(loss)))
    weights = step(adaptive_rejection(2.0, soft=1), loss)
    np.testing.assert_array_equal(weights.normal, np.where(z > 2.0, 0, 1))
    assert (weights.normal[90:] == 0).all()


def test_rows_beyond_the_intersection_count_softly_after_the_warm_up(step):
    loss = np.append(RNG.normal(5, 0.5, 160), RNG.normal(11, 0.5, 40))
    weighting = adaptive_rejection(np.inf, soft=0.25, warm_up=3)
    early, late = (step(weighting, loss, epoch=epoch).normal for epoch in (2.9, 3.0))
    np.testing.assert_array_equal(early, 1)
    np.testing.assert_array_equal(np.unique(late), [0.25, 1])
    np.testing.assert_array_equal(late < 1, loss > 8)


def test_the_weights_do_not_depend_on_the_unit_and_the_origin_of_the_loss(step):
    loss = np.append(CLEAN, RNG.normal(9, 1, 10))
    first = step(adaptive_rejection(), loss).normal
    np.testing.assert_array_equal(step(adaptive_rejection(), 4 * loss).normal, first)
    np.testing.assert_array_equal(step(adaptive_rejection(), loss + 16).normal, first)


def test_nothing_changes_without_rejection_and_for_labelled_rows(step):
    loss = np.append(CLEAN, FAR)
    np.testing.assert_array_equal(step(adaptive_rejection(np.inf, soft=1), loss).normal, 1)
    label = np.where(loss > 20, -1, 1)
    np.testing.assert_array_equal(step(adaptive_rejection(), loss, label).normal, 1)


@pytest.mark.parametrize("loss", [np.zeros(8), np.full(8, 3.0), [1, 1, 1, 1, 1, 9.0], [2.0]])
def test_equal_losses_are_not_rejected_by_their_z_score(step, loss):
    np.testing.assert_array_equal(step(adaptive_rejection(soft=1), loss).normal, 1)
    assert np.isfinite(step(adaptive_rejection(), loss).normal).all()


@pytest.mark.parametrize(
    ("name", "value"), [("threshold", 0), ("soft", 1.5), ("soft", -1), ("warm_up", np.nan)]
)
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=f"{name} must be .*; given"):
        adaptive_rejection(**{name: value})
