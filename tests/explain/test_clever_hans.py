"""The Clever-Hans score: angles that are known."""

import numpy as np
import pytest

from jaxad.errors import DataError
from jaxad.explain.clever_hans import clever_hans_score, similarity


def test_cosines_are_those_of_angles():
    maps = np.array([[[1.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]], np.zeros((2, 2))])
    truth = np.array([[[3.0, 0.0], [0.0, 0.0]], [[0.0, 0.5], [0.0, 0.0]], np.ones((2, 2))])
    np.testing.assert_allclose(similarity(maps, truth), [1, np.sqrt(0.5), 0], atol=1e-12)
    np.testing.assert_allclose(similarity(7 * maps, 0.1 * truth), similarity(maps, truth))
    assert np.isnan(similarity(maps, np.zeros_like(maps))).all()


def test_a_perfect_map_leaves_what_the_detector_lacks():
    truth = np.eye(3)[:, None]
    assert clever_hans_score(1.0, truth, truth) == 0
    np.testing.assert_allclose(clever_hans_score(0.9, np.roll(truth, 1, axis=0), truth), 90)
    # What was not changed counts for nothing.
    some = truth.copy()
    some[0] = 0
    np.testing.assert_allclose(clever_hans_score(0.5, np.ones_like(truth), some), 50 - 100 / 3**0.5)


def test_what_has_no_cosine_is_refused():
    with pytest.raises(DataError, match="must both be"):
        similarity(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(DataError, match="finite"):
        similarity(np.full((2, 3), np.inf), np.zeros((2, 3)))
    with pytest.raises(DataError, match="truth is 0 everywhere"):
        clever_hans_score(1.0, np.ones((2, 3)), np.zeros((2, 3)))
