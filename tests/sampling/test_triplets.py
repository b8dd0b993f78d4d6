"""Neighbours of rows in random subsets, by the definition."""

import numpy as np
import pytest

from jaxad.sampling.triplets import SUBSETS, _initial_scores


def test_a_row_is_not_its_own_neighbour():
    """Three rows: every subset has two, so that an outer row's is the middle one or the far one."""
    x = np.array([[0.0], [1.0], [3.0]])
    score = _initial_scores(x, np.arange(3))
    # The nearest other row is at least as far as the nearest of all others.
    assert (score >= np.array([1.0, 1.0, 2.0]) - 1e-6).all()
    assert (score <= np.array([3.0, 2.0, 3.0]) + 1e-6).all()


def test_scores_are_mean_distances_to_the_nearest_other_row_of_each_subset():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(12, 4))
    among = np.arange(0, 12, 2)
    draws = np.random.default_rng(0)
    subsets = [draws.choice(among, len(among) - 1, replace=False) for _ in range(SUBSETS)]
    for row, score in enumerate(_initial_scores(x, among)):
        distances = [
            min(np.linalg.norm(x[row] - x[other]) for other in subset if other != row)
            for subset in subsets
        ]
        assert score == pytest.approx(np.mean(distances))


def test_rows_far_from_each_other_have_no_score_near_0():
    x = 10.0 * np.eye(9)
    np.testing.assert_allclose(_initial_scores(x, np.arange(9)), np.sqrt(200))
