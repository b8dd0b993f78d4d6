"""Range metrics: values of the authors' package, definitions written as loops, and invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.ranges import (
    compute_affiliation,
    compute_range_metrics,
    compute_volumes,
    find_ranges,
)
from tests.fuzzing import examples

PLACE = np.arange(300)
LABEL = np.isin(PLACE // 10, [3, 4, 9, 11, 12, 20, 29])
SCORE = (PLACE * 37 % 101) / 101 + 0.4 * np.roll(LABEL, 4)

# Computed with the package vus 0.0.6, `RangeAUC_volume_opt(LABEL, SCORE, buffer, thresholds)`, and
# its `pr_from_events`. The package itself needs TensorFlow, tsfresh, stumpy and arch.
VUS = [
    (0, 250, 0.6957639751552794, 0.49009847740567997),
    (1, 40, 0.6973167701863354, 0.4905695821264483),
    (10, 40, 0.7873382798444731, 0.6087943031179534),
    (33, 250, 0.8641903638072747, 0.7277262071236026),
    (60, 250, 0.9059654028152292, 0.7979919072628758),
]
AFFILIATION = [
    (0.5, 0.5918982952032488, 0.9974084033613446),
    (0.9, 0.7158652794451114, 0.985324649859944),
    (1.2, 0.9678921568627452, 0.9309738095238096),
    (1.39, 0.6166666666666667, 0.13733333333333336),
]


@pytest.mark.parametrize(("buffer", "thresholds", "roc", "pr"), VUS)
def test_volumes_are_those_of_the_package_vus(buffer, thresholds, roc, pr):
    found = compute_volumes(SCORE, LABEL, buffer, thresholds)
    np.testing.assert_allclose(found, (roc, pr, buffer), rtol=1e-12)


@pytest.mark.parametrize(("threshold", "precision", "recall"), AFFILIATION)
def test_affiliation_is_that_of_the_package_vus(threshold, precision, recall):
    found = compute_affiliation(threshold < SCORE, LABEL)
    np.testing.assert_allclose(found, (precision, recall), rtol=1e-12)


def volumes_by_definition(score, label, buffer, thresholds):
    """The formulas, one timestamp, threshold and length of the buffer at a time."""
    n, ranges = len(score), find_ranges(label)
    limits = np.sort(score)[::-1][np.linspace(0, n - 1, thresholds).astype(int)]
    roc, pr = [], []
    for w in range(buffer + 1):
        soft = np.array(label, float)
        for i in np.flatnonzero(~np.asarray(label)):
            distances = [max(a - i, i - (b - 1)) for a, b in ranges]
            near = [d for d in distances if d <= w // 2]
            soft[i] = 0 if not near else 1 if len(near) > 1 else np.sqrt(1 - near[0] / w)
        zones = []
        for a, b in ranges:
            if zones and a - w // 2 <= zones[-1][1]:
                zones[-1] = zones[-1][0], b - 1 + w // 2
            else:
                zones.append((max(a - w // 2, 0), b - 1 + w // 2))
        points = [(0.0, 0.0, 1.0)]
        for limit in limits:
            alarm = score >= limit
            true, in_buffer = (soft * alarm).sum(), (soft * alarm)[~label].sum()
            positive = label.sum() + in_buffer / 2
            existence = np.mean([alarm[a : b + 1].any() for a, b in zones])
            recall = min(1, true / positive) * existence
            points.append((recall, (alarm.sum() - true) / (n - positive), true / alarm.sum()))
        up, across, precision = np.array(points).T
        pr.append(np.sum(np.diff(up) * precision[1:]))
        roc.append(np.trapezoid([*up, 1], [*across, 1]))
    return np.mean(roc), np.mean(pr)


def affiliation_by_definition(alarm, label, fine=200):
    """The mean of the probabilities at points of a fine grid."""
    step = (np.arange(len(label) * fine) + 0.5) / fine
    alarm, truth = np.repeat(alarm, fine), find_ranges(label)
    borders = [0, *((truth[:-1, 1] + truth[1:, 0]) / 2), len(label)]
    precision, recall = [], []
    for (a, b), low, high in zip(truth, borders, borders[1:], strict=False):
        zone = (step >= low) & (step < high)
        x, found, y = step[zone], step[zone & alarm], step[(step >= a) & (step < b)]
        to_truth = np.maximum(np.maximum(a - x, x - b), 0)
        if not found.size:
            recall.append(0)
            continue
        d = np.maximum(np.maximum(a - found, found - b), 0)
        precision.append(np.mean([1 if u == 0 else np.mean(to_truth > u) for u in d]))
        d = np.abs(y[:, None] - found).min(axis=1)
        d[d < 0.6 / fine] = 0
        hits = [1 if u == 0 else np.mean(np.abs(x - at) > u) for u, at in zip(d, y, strict=True)]
        recall.append(np.mean(hits))
    return np.mean(precision) if precision else np.nan, np.mean(recall)


@st.composite
def series(draw):
    n = draw(st.integers(5, 60))
    label = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    label[draw(st.integers(0, n - 2)) :][:2] = [True, False]
    seed = draw(st.integers(0, 99))
    score = np.random.default_rng(seed).integers(0, draw(st.sampled_from([3, 1000])), n)
    return score.astype(float), label, draw(st.integers(0, min(n, 13)))


@settings(max_examples=examples(25))
@given(series())
def test_volumes_are_those_of_the_definition(drawn):
    score, label, buffer = drawn
    found = compute_volumes(score, label, buffer, 20)
    expected = volumes_by_definition(score, label, buffer, 20)
    np.testing.assert_allclose(found[:2], expected, rtol=1e-9, atol=1e-12)
    again = compute_volumes(np.exp(score / 100), label, buffer, 20)
    np.testing.assert_allclose(again, found, rtol=1e-12)  # only the order matters
    back = compute_volumes(score[::-1], label[::-1], buffer, 20)
    np.testing.assert_allclose(back, found, rtol=1e-9)


def test_affiliation_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    for share in (0.05, 0.3, 0.9):
        alarm = np.roll(rng.random(40) < share, 3)
        label = np.isin(np.arange(40) // 4, [1, 2, 6, 9])
        expected = affiliation_by_definition(alarm, label)
        np.testing.assert_allclose(compute_affiliation(alarm, label), expected, atol=0.01)


def test_closed_forms():
    label = np.isin(np.arange(100) // 5, [4, 11])
    assert compute_volumes(label, label) == (1.0, 1.0, 5)
    constant = compute_volumes(np.zeros(100), label, 0)
    np.testing.assert_allclose(constant[:2], (0.5, 0.1))
    score = np.random.default_rng(0).normal(size=100)
    one = np.arange(100) // 5 == 4  # one range, no buffer, all thresholds: once a range is reached
    score[one] += 2
    found = compute_range_metrics(score, one, 0, thresholds=100)
    assert found["vus_roc"] == pytest.approx(found["auroc"], abs=1e-6)
    assert found["vus_pr"] == pytest.approx(found["auprc"], abs=1e-6)
    assert compute_affiliation(label, label) == (1.0, 1.0)
    nothing = compute_affiliation(np.zeros(100), label)
    assert np.isnan(nothing.precision) and nothing.recall == 0


def test_a_late_alarm_costs_single_timestamps_more_than_ranges():
    label = np.isin(np.arange(400) // 10, [5, 20, 33])
    late = compute_range_metrics(np.roll(label, 6).astype(float), label, 20, threshold=0.5)
    wrong = compute_range_metrics(np.roll(label, 60).astype(float), label, 20, threshold=0.5)
    assert late["vus_pr"] > late["auprc"] + 0.1
    assert late["vus_pr"] > wrong["vus_pr"] + 0.35
    assert late["affiliation_precision"] > 0.9 > wrong["affiliation_precision"]


def test_timestamps_without_a_score_do_not_count():
    rim = np.full(7, np.nan)
    padded = np.concatenate([rim, SCORE, rim])
    label = np.pad(LABEL, 7)
    assert compute_range_metrics(padded, label, 0) == compute_range_metrics(SCORE, LABEL, 0)
    label[:5] = True  # a range that has no score at all
    assert compute_volumes(padded, label, 0) == compute_volumes(SCORE, LABEL, 0)


def test_a_million_timestamps_take_seconds():
    rng = np.random.default_rng(0)
    label = np.zeros(1_000_000, bool)
    for start in rng.integers(0, label.size, 1000):
        label[start : start + 100] = True
    found = compute_volumes(rng.normal(size=label.size) + label, label, 500)
    assert 0.7 < found.roc < 1 and 0.3 < found.pr < 1


@pytest.mark.parametrize(
    ("error", "message", "score", "label", "options"),
    [
        (DataError, "shapes", [1, 2], [1], {}),
        (DataError, r"label has \[0 2\]", [1, 2], [0, 2], {}),
        (DataError, "0 anomalous timestamps of 2", [1, 2], [0, 0], {}),
        (DataError, "2 anomalous timestamps of 2", [1, 2], [1, 1], {}),
        (DataError, "0 anomalous timestamps of 1", [1, np.nan], [0, 1], {}),
        (ConfigError, "buffer 3 must lie between 0 and the 2", [1, 2], [0, 1], {"buffer": 3}),
        (ConfigError, "thresholds 1", [1, 2], [0, 1], {"thresholds": 1}),
    ],
)
def test_bad_input(error, message, score, label, options):
    with pytest.raises(error, match=message):
        compute_range_metrics(score, label, **options)


@pytest.mark.parametrize(
    ("message", "alarm", "label"),
    [("shapes", [1], [1, 0]), ("alarm has", [2, 0], [1, 0]), ("no true range", [1, 0], [0, 0])],
)
def test_bad_alarms(message, alarm, label):
    with pytest.raises(DataError, match=message):
        compute_affiliation(alarm, label)
