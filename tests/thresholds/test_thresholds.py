"""Thresholds: closed forms, and the guarantees that they state, in simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import f1_score

from jaxad.errors import ConfigError, DataError
from jaxad.evaluation import metrics
from jaxad.thresholds import (
    RULES,
    Reference,
    Rule,
    benjamini_hochberg,
    conformal,
    extreme,
    f1,
    p_values,
    parse_rule,
    quantile,
    sigma,
    threshold,
    unified,
)

finite = st.floats(-1e6, 1e6, width=32)


@pytest.mark.parametrize("rho", [0.01, 0.1, 0.25])
def test_so_many_scores_are_above_the_quantile(rho):
    score = np.random.default_rng(0).normal(size=1000)
    assert (score > quantile(score, rho)).sum() == round(1000 * rho)


def test_sigma_keeps_cantelli_s_bound_for_the_distribution_that_reaches_it():
    """Two points, of which a share 1 / (1 + k^2) is the upper: at the threshold, not above it."""
    for k in (1.0, 2.0, 3.0):
        share = 1 / (1 + k**2)
        score = np.repeat([0.0, 1.0], [round(1e4 * (1 - share)), round(1e4 * share)])
        assert sigma(score, k) == pytest.approx(1.0, abs=1e-3)
    assert sigma(np.array([1.0, 3.0]), 2) == 4.0


@pytest.mark.parametrize(
    ("name", "draw", "truth"),
    [
        ("exponential", lambda rng, n: rng.exponential(size=n), lambda q: -np.log(q)),
        ("uniform", lambda rng, n: rng.uniform(size=n), lambda q: 1 - q),
        ("pareto", lambda rng, n: rng.pareto(4.0, size=n), lambda q: q**-0.25 - 1),
    ],
)
def test_the_tail_is_read_beyond_the_data(name, draw, truth):
    """Of 2,000 rows the score that one in 10,000 exceeds, for the three kinds of tail."""
    found = [extreme(draw(np.random.default_rng(i), 2000), 1e-4) for i in range(20)]
    assert np.median(found) == pytest.approx(truth(1e-4), rel=0.2)


def test_extreme_stretches_with_the_scores():
    score = np.random.default_rng(1).gamma(2.0, size=500)
    assert extreme(1000 * score - 7) == pytest.approx(1000 * extreme(score) - 7, rel=1e-3)
    assert extreme(np.full(60, 2.5)) == 2.5


@settings(deadline=None)
@given(
    st.lists(st.tuples(finite, st.sampled_from([-1, 0, 1])), min_size=2, max_size=30).filter(
        lambda rows: {-1, 1} <= {label for _, label in rows}
    )
)
def test_no_threshold_has_a_larger_f1(rows):
    score, label = np.array([s for s, _ in rows], np.float64), np.array([y for _, y in rows])
    t = f1(score, label)
    labelled = label != 0
    truth = label[labelled] < 0
    found = f1_score(truth, score[labelled] > t)
    best, _ = metrics.best_f1(score[labelled], truth.astype(int))
    assert found == pytest.approx(float(best), abs=1e-6)


def test_conformal_false_alarms_are_as_rare_as_stated():
    """Over draws of held-out rows: exactly floor(alpha (m + 1)) / (m + 1) for continuous scores."""
    rng = np.random.default_rng(0)
    for m, alpha in [(19, 0.05), (50, 0.1), (200, 0.01)]:
        rates = [
            np.mean(rng.gamma(2.0, size=400) > conformal(rng.gamma(2.0, size=m), alpha))
            for _ in range(600)
        ]
        exact = np.floor(alpha * (m + 1) + 1e-9) / (m + 1)
        error = 4 * np.std(rates) / np.sqrt(len(rates))
        assert abs(np.mean(rates) - exact) < error
        assert exact <= alpha


@settings(deadline=None)
@given(
    npst.arrays(np.float64, st.integers(1, 60), elements=st.integers(-5, 5).map(float)),
    npst.arrays(np.float64, st.integers(1, 20), elements=st.integers(-6, 6).map(float)),
    st.floats(0.02, 0.9),
)
def test_above_the_threshold_is_where_the_p_value_is_at_most_alpha(held_out, score, alpha):
    """Ties included."""
    if np.floor(alpha * (len(held_out) + 1)) < 1:
        with pytest.raises(DataError, match="at least"):
            conformal(held_out, alpha)
        return
    above = score > conformal(held_out, alpha)
    np.testing.assert_array_equal(above, p_values(score, held_out) <= alpha)


def test_the_needed_number_of_held_out_rows_suffices():
    for alpha in (0.5, 0.1, 0.05, 0.01, 0.001):
        m = round(1 / alpha) - 1
        conformal(np.arange(m, dtype=float), alpha)
        with pytest.raises(DataError, match=f"at least {m} "):
            conformal(np.arange(m - 1, dtype=float), alpha)


def test_few_of_the_rows_that_are_reported_are_normal():
    """The rate of false discoveries over draws, beside the rate asked for."""
    rng = np.random.default_rng(0)
    normal = np.arange(200) < 180
    wrong, found = [], []
    for _ in range(300):
        score = rng.normal(size=200) + np.where(normal, 0, 4)
        reported = benjamini_hochberg(p_values(score, rng.normal(size=1000)), 0.2)
        wrong.append((reported & normal).sum() / max(reported.sum(), 1))
        found.append(reported[~normal].mean())
    assert np.mean(wrong) <= 0.2
    assert np.mean(found) > 0.8
    assert not benjamini_hochberg(np.ones(5), 0.1).any()


def test_unified_scores_are_zero_at_the_mean_and_the_error_function_beyond():
    reference = np.array([1.0, 3.0])
    score = np.array([-9.0, 2.0, 3.0, 1e9])
    np.testing.assert_allclose(unified(score, reference), [0, 0, 0.6826894921, 1])


def test_rules_by_name_are_the_functions():
    rng = np.random.default_rng(0)
    label = np.repeat([-1, 0, 1], [20, 150, 30])
    known = Reference(rng.normal(size=200) - 2 * (label - 1), label, rng.normal(size=99))
    expected = {
        "quantile(0.2)": quantile(known.score[label == 0], 0.2),
        "sigma(2)": sigma(known.score[label >= 0], 2),
        "extreme(0.01)": extreme(known.score[label >= 0], 0.01),
        "f1": f1(known.score, label),
        "conformal(0.1)": conformal(known.held_out, 0.1),
        "2.5": 2.5,
        "-1e-3": -1e-3,
    }
    for text, value in expected.items():
        assert threshold(parse_rule(text), known) == value
    assert {text.partition("(")[0] for text in expected} > set(RULES)
    assert parse_rule(" quantile ") == Rule("quantile", None)
    assert parse_rule(3) == Rule("fixed", 3.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("quantil", "Did you mean 'quantile'"),
        ("quantile(0)", r"in \(0, 1\)"),
        ("quantile(a)", "given 'quantile"),
        ("sigma(-1)", "above 0"),
        ("f1(3)", "given 'f1"),
        ("sigma(3", "given 'sigma"),
        ("__import__('os')", "unknown threshold rule"),
        ("nan", "unknown|number"),
        (float("inf"), "number"),
        (None, "number"),
        (True, "number"),
        ([3.0], "number"),
        ("", "number"),
    ],
)
def test_other_rules_are_refused(text, says):
    with pytest.raises(ConfigError, match=says):
        parse_rule(text)


@pytest.mark.parametrize(
    "score", [np.zeros(0), np.zeros((3, 2)), np.array([1.0, np.nan]), np.array([np.inf])]
)
def test_scores_that_are_none_are_refused(score):
    for rule in (lambda s: quantile(s, 0.1), sigma, extreme, conformal):
        with pytest.raises(DataError):
            rule(score)


def test_extreme_needs_a_tail():
    with pytest.raises(DataError, match="50"):
        extreme(np.arange(49.0))
    with pytest.raises(ConfigError, match="risk"):
        extreme(np.arange(100.0), 0.3)
