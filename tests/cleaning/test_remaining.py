"""How many anomalies remain: the extrapolation of answers, and random checks."""

import numpy as np
import pytest

from jaxad.cleaning import PRIORS, bound_by_checks, extrapolate
from jaxad.cleaning.remaining import Remaining
from jaxad.cleaning.result import _leave_out


@pytest.mark.parametrize("rows", [5, 100, 3000])
@pytest.mark.parametrize("answers", ["", "1111111111", "0000000000", "1110100000"])
def test_an_extrapolation_is_consistent(answers, rows):
    found = extrapolate(np.array(list(answers)) == "1", rows)
    assert found.probability is not None and len(found.probability) == rows
    assert (np.diff(found.probability) <= 1e-12).all()
    assert found.share == pytest.approx(found.probability.mean())
    assert 0 <= found.low <= found.high <= 1
    assert found.low <= found.share + 1 / rows


def test_more_hits_mean_more_anomalies_and_more_answers_less_doubt():
    few, many = (extrapolate(np.array(a, bool), 500) for a in ([1, 0] * 5, [1, 1] * 5))
    assert many.share > few.share
    short, long = (extrapolate(np.arange(n) < 5, 500) for n in (8, 60))
    assert long.high - long.low < short.high - short.low


def test_wrong_answers_are_taken_into_account():
    answers = np.arange(40) % 5 == 0  # as many as wrong answers alone would give
    assert extrapolate(answers, 500, 0.2).share < extrapolate(answers, 500).share / 2


def test_the_interval_of_an_extrapolation_covers_where_its_model_holds():
    rng, covered = np.random.default_rng(0), []
    for _ in range(40):
        a, b = rng.normal(1, 1), rng.uniform(0.5, 1.3)
        truth = rng.random(320) < 1 / (1 + np.exp(-a) * np.arange(1, 321) ** b)
        found = extrapolate(truth[:20], 300)
        covered.append(found.low <= truth[20:].mean() <= found.high)
    assert np.mean(covered) >= 0.9


@pytest.mark.parametrize("anomalies", [30, 60, 150, 400])
def test_the_interval_holds_where_all_anomalies_rank_first(anomalies):
    """Twenty answers, all of which say anomaly, do not tell where the anomalies end."""
    truth = np.arange(1000) < anomalies
    found = extrapolate(truth[:20], 980)
    assert found.low <= truth[20:].mean() <= found.high
    assert found.probability is not None
    assert (found.probability > 0.5).sum() <= 60


@pytest.mark.parametrize("anomalies", [20, 50, 100])
def test_the_interval_holds_where_the_answers_end_in_normal_rows(anomalies):
    found = extrapolate(np.arange(anomalies + 20) < anomalies, 1000)
    assert found.low == 0 and found.share < 0.04
    assert found.continued == (anomalies, 20)


def test_many_answers_of_one_kind_and_no_rows_give_numbers():
    for answers in (np.ones(2000, bool), np.zeros(2000, bool)):
        found = extrapolate(answers, 500)
        assert 0 <= found.low <= found.share <= found.high <= 1
    assert extrapolate(np.zeros(0, bool), 0).high == 0


def test_the_interval_holds_those_of_all_priors_and_the_estimate_is_of_the_first():
    answers = np.arange(20) < 12
    alone = [extrapolate(answers, 700, priors=[prior]) for prior in PRIORS]
    both = extrapolate(answers, 700)
    assert both.low == min(one.low for one in alone) < max(one.low for one in alone)
    assert both.high == max(one.high for one in alone) > min(one.high for one in alone)
    assert both.share == alone[0].share < alone[1].share


@pytest.mark.parametrize("among_dropped", [0, 10, 30])
def test_the_interval_after_dropping_holds_whatever_was_dropped(among_dropped):
    dropped = np.arange(200) < 30
    truth = np.arange(200) < among_dropped
    truth[150:180] = True
    share = float(truth.mean())
    whole = Remaining(200, 0.2, share, share, "extrapolated")
    left = _leave_out(whole, dropped, np.full(200, 0.2))
    assert left.rows == 170
    assert left.low <= truth[~dropped].mean() <= left.high
    assert left.share == pytest.approx((0.2 * 200 - 0.2 * 30) / 170)


def test_checks_give_the_exact_interval():
    from scipy.stats import binomtest

    found = bound_by_checks(np.arange(30) < 3, 400)
    exact = binomtest(3, 30).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    assert bound_by_checks(np.zeros(10, bool), 400).low == 0
    assert bound_by_checks(np.ones(10, bool), 400).high == 1


def test_checks_hold_the_share_if_answers_are_wrong():
    rng, held = np.random.default_rng(2), []
    for share, noise in ((0.02, 0.2), (0.3, 0.1), (0.8, 0.3), (0.1, 0.0)):
        for _ in range(200):
            truth = rng.random(80) < share
            told = truth ^ (rng.random(80) < noise)
            found = bound_by_checks(told, 500, 0.3)  # up to this share may be wrong
            held.append(found.low <= share <= found.high)
    assert np.mean(held) > 0.95
    few = bound_by_checks(np.arange(80) < 18, 500, 0.2)
    assert few.low < 0.04 < few.high and few.share < 0.1


def test_the_interval_of_a_large_table_is_that_of_all_counts(monkeypatch):
    answers = np.arange(20) < 12
    few = extrapolate(answers, 6000)
    monkeypatch.setattr("jaxad.cleaning.remaining._COUNTS", 10_000)
    every = extrapolate(answers, 6000)
    assert few.low <= every.low and few.high >= every.high
    assert (few.low, few.high) == pytest.approx((every.low, every.high), rel=0.02, abs=0.002)
