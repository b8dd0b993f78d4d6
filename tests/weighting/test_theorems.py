"""The papers' theorems, where everything can be computed, and ELITE's step against its bound."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

PATH = Path(__file__).parents[2] / "experiments" / "theory" / "statements.py"
SPEC = importlib.util.spec_from_file_location("statements", PATH)
assert SPEC is not None and SPEC.loader is not None
statements = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(statements)


@pytest.mark.parametrize("distance", [0.5, 1.0, 1.5])
def test_the_power_falls_linearly_at_first_with_slope_chi_squared(distance):
    clean = statements.compute_power(0.0, distance)
    np.testing.assert_allclose(clean, distance**2 / 2, rtol=1e-6)
    slope = (clean - statements.compute_power(1e-6, distance)) / 1e-6
    np.testing.assert_allclose(slope, statements.chi_squared(distance), rtol=1e-3)


def test_chi_squared_is_the_expected_likelihood_ratio_less_one():
    x = np.linspace(-12, 13, 100_001)
    want = np.trapezoid(norm.pdf(x, 1.0) ** 2 / norm.pdf(x), x) - 1
    np.testing.assert_allclose(statements.chi_squared(1.0), want, rtol=1e-6)


def test_beyond_zero_the_power_falls_more_slowly_than_linearly():
    alpha = np.linspace(0, 0.5, 26)
    lost = statements.compute_power(0.0) - np.array([statements.compute_power(a) for a in alpha])
    steps = np.diff(lost)
    assert (steps > 0).all() and (np.diff(steps) < 0).all()  # the loss is concave
    quadratic = 1 - (1 - alpha[1]) ** 2
    assert lost[1] > quadratic * statements.compute_power(0.0)


@pytest.mark.parametrize("rows", [1, 8, 100])
def test_under_the_bound_the_labelled_loss_falls_whatever_the_number_of_rows(rows):
    bound = statements.largest_rate(1.0, 1.0)
    losses = statements.descend(0.99 * bound, rows, 50, summed=False)
    assert (np.diff(losses) < 0).all()
    assert statements.descend(1.01 * bound, rows, 50, summed=False)[-1] > 0.5


def test_without_the_factor_n_eight_aligned_rows_refute_the_printed_bound():
    losses = statements.descend(0.9 * statements.largest_rate(1.0, 1.0), 8, 2, summed=True)
    np.testing.assert_allclose(losses, [0.5, 0.5 * 13.4**2, 0.5 * 13.4**4], rtol=1e-9)


def test_no_ranking_has_a_larger_average_precision_than_its_auroc_allows():
    rng, rows = np.random.default_rng(0), 2000
    truth = rng.random(rows) < 0.1
    share = truth.mean()
    for noise in (0.1, 0.5, 1.0, 3.0):
        for flipped in (0.0, 0.05, 0.3):
            score = truth + noise * rng.normal(size=rows)
            score = np.where(truth & (rng.random(rows) < flipped), score - 99, score)
            most = statements.largest_precision(roc_auc_score(truth, score), share)
            assert average_precision_score(truth, score) <= most + 0.5 / truth.sum()
    last = np.arange(truth.sum()) >= 0.9 * truth.sum()  # a tenth of the anomalies comes last
    score = np.where(truth, 1.0, 0.5)
    score[np.flatnonzero(truth)[last]] = 0.0
    score -= 1e-9 * np.arange(rows)
    most = statements.largest_precision(roc_auc_score(truth, score), share)
    np.testing.assert_allclose(average_precision_score(truth, score), most, atol=0.5 / truth.sum())
