"""Metrics of given scores against values worked out by hand."""

import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError
from jaxad.evaluation.scoring import evaluate_scores

# Two normal rows, a seen anomaly above both, an unseen one between them, and a row of padding.
SCORES = np.array([[1.0, 3.0, 4.0, 2.0, 9.0]])
LABEL = np.array([0, 0, 1, 1, 0], np.int8)
SEEN = np.array([False, False, True, False, True])


def make_test(seen=SEEN, label=LABEL, count=4):
    x = np.zeros((label.shape[-1], 2), np.float32)
    return jaxad.TestData(x, label, np.int32(count), seen)


def test_auroc_of_seen_and_unseen_anomalies_by_hand():
    found = evaluate_scores(SCORES, make_test())
    assert found.auroc_seen is not None and found.auroc_unseen is not None
    assert found.auroc_seen.per_seed.tolist() == [1.0]  # 4 above 1 and 3
    assert found.auroc_unseen.per_seed.tolist() == [0.5]  # 2 above 1 only
    assert found.auroc.per_seed.tolist() == [0.75]


def test_each_seed_has_its_own_seen_anomalies():
    """The second seed has the same scores and the other anomaly seen."""
    other = np.array([False, False, False, True, False])
    found = evaluate_scores(np.tile(SCORES, (2, 1)), make_test(np.stack([SEEN, other])))
    assert found.auroc_seen is not None and found.auroc_unseen is not None
    assert found.auroc_seen.per_seed.tolist() == [1.0, 0.5]
    assert found.auroc_unseen.per_seed.tolist() == [0.5, 1.0]
    assert found.auroc_seen.mean == 0.75


def test_ties_count_half_and_several_anomalies_are_averaged():
    # Seen anomalies at 2 and 0, unseen at 3, 1 and 5; normal rows at 2 and 1.
    scores = np.array([[2.0, 1.0, 2.0, 0.0, 3.0, 1.0, 5.0]])
    label = np.array([0, 0, 1, 1, 1, 1, 1], np.int8)
    seen = np.array([False, False, True, True, False, False, False])
    found = evaluate_scores(scores, make_test(seen, label, 7))
    assert found.auroc_seen is not None and found.auroc_unseen is not None
    # 2 against (2, 1): 0.5 + 1; 0: none; so 1.5 of 4 pairs.
    assert found.auroc_seen.per_seed == pytest.approx([1.5 / 4])
    # 3: 2; 1 against (2, 1): 0.5; 5: 2; so 4.5 of 6 pairs.
    assert found.auroc_unseen.per_seed == pytest.approx([4.5 / 6])


@pytest.mark.parametrize("seen", [np.zeros(5, bool), LABEL == 1], ids=["none", "all"])
def test_without_both_kinds_of_anomalies_neither_has_a_value(seen):
    found = evaluate_scores(SCORES, make_test(seen))
    assert found.auroc_seen is None and found.auroc_unseen is None
    assert "auroc_seen" not in found.as_dict()


def test_the_training_and_the_test_part_of_a_split_are_scored():
    split = jaxad.contaminate("blobs", 0, contamination=0.1)
    fitted = jaxad.fit(jaxad.make("gaussian", split.train), split.train)
    for part in (split.train, split.test):
        np.testing.assert_array_equal(
            jaxad.score(fitted, part), jaxad.score(fitted, np.asarray(part.x))
        )
    with pytest.raises(ConfigError, match=r"x\.train or x\.test"):
        jaxad.score(fitted, split)
