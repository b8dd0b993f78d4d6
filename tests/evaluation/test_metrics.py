"""Metrics against scikit-learn's and closed forms; promises about masks, padding and errors."""

from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from jaxad.errors import DataError
from jaxad.evaluation.metrics import (
    auprc_normal,
    auroc,
    average_precision,
    best_f1,
    compute_metrics,
    precision_at_n,
    summarise,
)

FUNCTIONS = {
    "auroc": auroc,
    "auprc": average_precision,
    "auprc_normal": auprc_normal,
    "best_f1": lambda *arguments: best_f1(*arguments)[0],
    "precision_at_n": precision_at_n,
}
FINITE = st.floats(allow_nan=False, allow_infinity=False)
# Few distinct values make ties; floats of all sizes make none that float32 would not add.
SCORES = st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 0.5, 1e30, np.inf]) | FINITE


def expected(score, label):
    """The same in float64: from scikit-learn where it has the metric."""
    score = np.unique(score, return_inverse=True)[1]
    precision, recall, _ = sk.precision_recall_curve(label, score)
    order = np.argsort(-score, kind="stable")
    n = int(label.sum())
    tied = score == score[order[n - 1]]
    above = score > score[order[n - 1]]
    held = label[above].sum() + (n - above.sum()) * label[tied].mean()
    return {
        "auroc": sk.roc_auc_score(label, score),
        "auprc": sk.average_precision_score(label, score),
        "auprc_normal": sk.average_precision_score(1 - label, -score),
        "best_f1": np.max(2 * precision * recall / np.maximum(precision + recall, 1e-30)),
        "precision_at_n": held / n,
    }


@st.composite
def cases(draw, longest=40):
    score = np.array(draw(st.lists(SCORES, min_size=2, max_size=longest)))
    label = draw(st.lists(st.integers(0, 1), min_size=len(score) - 2, max_size=len(score) - 2))
    return score, np.array([0, 1, *label])


@settings(deadline=None)
@given(cases())
def test_small_data_with_ties(case):
    score, label = case
    want = expected(score, label)
    for name, function in FUNCTIONS.items():
        np.testing.assert_allclose(function(score, label), want[name], atol=1e-6, err_msg=name)
    together = compute_metrics(score[None], label)
    for name, value in want.items():
        np.testing.assert_allclose(together[name], [value], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("share", [0.5, 0.01, 0.0002])
@pytest.mark.parametrize("distinct", [10, 1000, None], ids=["10", "1000", "all"])
def test_a_hundred_thousand_rows_in_float32(share, distinct):
    rng = np.random.default_rng(0)
    n = 100_000
    label = (rng.random(n) < share).astype(int)
    score = (rng.normal(size=n) + label).astype(np.float32)
    if distinct:
        score = np.round(score * distinct / 10)
    have, want = compute_metrics(score[None], label), expected(score, label)
    for name, value in want.items():
        assert have[name].dtype == np.float32
        np.testing.assert_allclose(have[name], [value], atol=1e-6, err_msg=name)


def test_the_same_under_jit_and_vmap_with_masks():
    rng = np.random.default_rng(0)
    score = rng.integers(0, 8, (5, 50)).astype(np.float32)
    label, where = rng.integers(0, 2, (5, 50)), rng.random((5, 50)) < 0.6
    # What the mask hides may be anything.
    score, label = np.where(where, score, np.nan), np.where(where, label, 7)
    for name, function in FUNCTIONS.items():
        want = [expected(s[w], y[w])[name] for s, y, w in zip(score, label, where, strict=True)]
        traced = jax.jit(jax.vmap(function))(score, label, where)
        np.testing.assert_allclose(traced, want, atol=1e-6, err_msg=name)
        concrete = [function(*rows) for rows in zip(score, label, where, strict=True)]
        np.testing.assert_array_equal(concrete, traced, err_msg=name)


def test_rows_behind_the_count_change_nothing():
    rng = np.random.default_rng(1)
    score, label = rng.integers(0, 5, (2, 30)).astype(float), rng.integers(0, 2, (2, 30))
    score[0, 20:], label[0, 20:] = np.inf, 1
    padded = compute_metrics(score, label, np.array([20, 30]))
    for name, value in compute_metrics(score[:1, :20], label[:1, :20]).items():
        assert padded[name][0] == value[0]
    for name, value in compute_metrics(score[1:], label[1:]).items():
        assert padded[name][1] == value[0]


@settings(deadline=None)
@given(cases())
def test_only_the_order_of_the_scores_matters(case):
    score, label = case
    ranks = np.unique(score, return_inverse=True)[1]
    for name, value in compute_metrics(score[None], label).items():
        assert value == compute_metrics(np.exp2(ranks - 30.0)[None], label)[name]


def test_float64_scores_keep_an_order_that_float32_would_lose():
    score, label = 1e9 + np.array([0.0, 1.0, 2.0, 3.0]), np.array([0, 0, 1, 1])
    assert auroc(score, label) == 1
    f1, threshold = best_f1(score, label)
    assert (f1, threshold) == (1, 1e9 + 2)


@settings(deadline=None)
@given(cases(), st.booleans())
def test_the_threshold_of_the_best_f1_gives_it(case, single):
    score, label = case
    if single:
        with np.errstate(over="ignore", under="ignore"):
            score = score.astype(np.float32)
    f1, threshold = best_f1(score, label)
    assert threshold.dtype == score.dtype
    np.testing.assert_allclose(f1, sk.f1_score(label, score >= threshold), atol=1e-6)


def test_the_threshold_is_the_highest_of_equal_ones_and_survives_jit():
    score = jnp.array([3.0, 2.0, 2.0, 1.0])
    label = jnp.array([1, 0, 1, 1])
    assert best_f1(score, label)[1] == 1.0
    label = jnp.array([1, 0, 0, 1])
    f1, threshold = jax.jit(best_f1)(score, label)
    assert (float(f1), float(threshold)) == (pytest.approx(2 / 3), 3.0)


def test_precision_at_n_is_its_mean_over_all_orders_of_ties():
    score, label = np.array([2, 1, 1, 1, 1, 0]), np.array([0, 1, 0, 1, 0, 1])
    shares = []
    for order in map(list, permutations(range(6))):
        first = np.argsort(-score[order], kind="stable")[:3]
        shares.append(label[order][first].mean())
    np.testing.assert_allclose(precision_at_n(score, label), np.mean(shares), rtol=1e-6)


def test_perfect_inverted_and_constant_scores():
    label = np.array([0, 0, 0, 1])
    assert (
        auroc(label, label) == average_precision(label, label) == precision_at_n(label, label) == 1
    )
    assert auroc(-label, label) == 0
    assert auroc(np.zeros(4), label) == 0.5
    assert average_precision(np.zeros(4), label) == 0.25
    assert auprc_normal(np.zeros(4), label) == 0.75


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_has_no_value_is_an_error_or_nan_when_traced(name):
    function, score = FUNCTIONS[name], np.arange(3.0)
    bad = {
        "0 anomalies": (score, np.zeros(3, int)),
        "0 normal rows": (score, np.ones(3, int)),
        "score has nan": (np.array([0, np.nan, 1]), np.array([0, 1, 1])),
    }
    for message, arguments in bad.items():
        with pytest.raises(DataError, match=message):
            function(*arguments)
        assert jnp.isnan(jax.jit(function)(*arguments))
    with pytest.raises(DataError, match="0 normal, 1 anomaly"):
        function(score, np.array([-1, 0, 1]))
    with pytest.raises(DataError, match=r"\(3,\), \(2,\)"):
        function(score, np.array([0, 1]))
    with pytest.raises(DataError, match="0 anomalies"):
        function(score, np.array([0, 0, 1]), np.array([True, True, False]))


def test_evaluate_scores_refuses_shapes_that_do_not_fit():
    score, label = np.zeros((2, 3)), np.array([0, 1, 1])
    for bad in ((score[0], label), (score, label[:2]), (score, np.tile(label, (3, 1)))):
        with pytest.raises(DataError, match="have shapes"):
            compute_metrics(*bad)
    for counts in (np.array([3]), np.array([3, 4])):
        with pytest.raises(DataError, match="counts is"):
            compute_metrics(score, label, counts)


def test_data_of_many_lengths_share_one_program():
    rng = np.random.default_rng(0)
    events = []

    def listener(event, *_, **__):
        events.append(event)

    def compilations(n):
        events.clear()
        compute_metrics(rng.normal(size=(2, n)), rng.permutation(n) % 2)
        return sum("backend_compile" in event for event in events)

    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        jax.clear_caches()
        assert [compilations(n) for n in (100, 2, 500, 1024, 1025)] == [1, 0, 0, 0, 1]
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)


def test_float64_and_no_implicit_broadcasting():
    with jax.enable_x64(True), jax.numpy_rank_promotion("raise"):
        score, label = np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1])
        want = expected(score, label)
        for name, value in compute_metrics(score[None], label).items():
            np.testing.assert_allclose(value, [want[name]], atol=1e-7)
        assert jax.jit(auroc)(score, label) == 0.875


def test_summary_of_seeds():
    values = [0.5, 0.7, 0.9, 0.6]
    summary = summarise(values)
    assert summary.mean == pytest.approx(0.675)
    assert summary.std == pytest.approx(np.std(values, ddof=1))
    low, high = summary.interval
    assert min(values) <= low < summary.mean < high <= max(values)
    assert summarise(values).interval == (low, high)
    np.testing.assert_array_equal(summary.per_seed, values)


def test_the_bootstrap_interval_is_near_the_normal_one_for_many_seeds():
    values = np.random.default_rng(3).normal(size=400)
    summary = summarise(values)
    half = 1.96 * summary.std / 20
    np.testing.assert_allclose(
        summary.interval, (summary.mean - half, summary.mean + half), atol=0.01
    )


def test_one_seed_has_no_spread():
    summary = summarise([0.5])
    assert summary.mean == 0.5
    assert np.isnan([summary.std, *summary.interval]).all()


@pytest.mark.parametrize("values", [[], [0.5, np.nan], [[0.5, 0.6]]])
def test_summarise_refuses_what_is_not_one_number_a_seed(values):
    with pytest.raises(DataError, match="one finite number per seed"):
        summarise(values)
