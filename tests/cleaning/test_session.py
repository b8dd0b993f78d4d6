"""Sessions: what is asked, what is told, and what comes out."""

import warnings

import numpy as np
import pandas as pd
import pytest

import jaxad
from jaxad.cleaning import CleaningOptions
from jaxad.errors import ConfigError, DataError, DataWarning

FEW = {"members": 20, "detector": "iforest"}


@pytest.fixture(scope="module")
def rows():
    """120 rows around 0, of which the first 8 are far away."""
    x = np.random.default_rng(0).normal(size=(120, 3))
    x[:8] += 8
    return x


def run(session, k=1):
    """Answer all questions truthfully."""
    while session.left:
        session.tell({row: row < 8 for row in session.ask(k).row})
    return session


@pytest.fixture(scope="module")
def ended(rows):
    return run(jaxad.clean(rows, budget=12, alpha=0.2, **FEW), 2)


@pytest.fixture(scope="module")
def result(ended):
    return ended.result()


def test_anomalies_are_found_and_dropped(result):
    assert set(range(8)) == set(result.suspects.row[result.suspects.verified])
    assert result.true_share > 0.9
    assert not result.kept[:8].any()
    assert result.alarms is not None and result.alarms.threshold is not None
    assert result.detector.threshold_ == result.alarms.threshold
    assert result.remaining.low == 0


def test_a_session_is_a_function_of_its_answers(rows, ended):
    """Whether it was asked one by one, in twos, or loaded with its answers."""
    assert run(jaxad.clean(rows, budget=12, alpha=0.2, **FEW), 2).answers == ended.answers
    again = jaxad.Cleaning(rows, np.zeros(120, np.int8), ended.options, ended.answers[:6])
    assert run(again, 2).answers == ended.answers
    np.testing.assert_array_equal(again.suspicion(), ended.suspicion())


@pytest.mark.slow
def test_no_row_of_the_reference_influences_suspicion_or_detector(rows):
    session = run(jaxad.clean(rows, budget=4, **FEW))
    other = rows.copy()
    other[session.reference & (np.arange(120) >= 8)] += 0.3
    moved = jaxad.Cleaning(other, np.zeros(120, np.int8), session.options, session.answers)
    trained = ~session.reference
    np.testing.assert_array_equal(*(s._ground.inputs[trained] for s in (session, moved)))
    np.testing.assert_array_equal(*(s.suspicion()[trained] for s in (session, moved)))
    scores = [s.result().detector.anomaly_score(rows) for s in (session, moved)]
    np.testing.assert_array_equal(*scores)


def test_the_reference_has_a_fixed_part_of_the_budget(ended):
    asked = [a.row for a in ended.answers]
    assert ended.reference[asked].sum() == 12 * 0.25
    assert ended.reference.sum() == 30


def test_answers_may_come_in_any_order_be_refused_or_not_asked_for(rows):
    session = jaxad.clean(rows, budget=6, **FEW)
    first, second, third = session.ask(3).row
    session.tell([(third, 0), (first, "anomaly"), (second, None), (119, "normal")])
    assert session.spent == 2 and session.left == 4
    assert session.labels[[third, first, second, 119]].tolist() == [1, -1, 0, 1]
    assert second not in session.ask(4).row.tolist()
    session.tell({third: 1})
    assert session.labels[third] == -1 and session.spent == 2


def test_pending_rows_are_asked_for_again(rows):
    session = jaxad.clean(rows, budget=6, **FEW)
    first = session.ask(2).row.tolist()
    assert session.ask(3).row.tolist()[:2] == first


def test_checks_are_asked_for_last_and_give_an_exact_interval(rows):
    session = run(jaxad.clean(rows, budget=10, checks=4, **FEW))
    assert [a.reason for a in session.answers] == ["suspicious"] * 6 + ["check"] * 4
    assert session.remaining().method == "checked"


@pytest.mark.parametrize("by", ["uncertain", "different"])
def test_other_questions_have_their_reason(rows, by):
    session = jaxad.clean(rows, budget=6, **FEW)
    session.tell({0: 1, 100: 0})
    asked = session.ask(2, by)
    assert len(set(asked.row)) == 2 and asked.reason.str.contains(by).all()
    assert not {0, 100} & set(asked.row)


@pytest.mark.slow
def test_labels_that_are_known_count_and_are_not_asked_for(rows):
    y = np.zeros(120)
    y[[0, 1]] = 1
    session = run(jaxad.clean(rows, y, budget=8, **FEW))
    assert not {0, 1} & {a.row for a in session.answers}
    assert {0, 1} <= set(session.result().suspects.row)
    assert not session.reference[[0, 1]].any()


@pytest.mark.filterwarnings("ignore::jaxad.errors.DataWarning")
def test_a_value_that_training_rows_do_not_have_is_suspicious_in_the_reference(rows):
    """A gap, text in place of a number, and another value of a constant column; 8 rows are far."""
    frame = pd.DataFrame(rows, columns=list("abc")).assign(d=3.5).astype(object)
    reference = np.flatnonzero(jaxad.clean(frame, budget=4, **FEW).reference)
    row = int(reference[reference >= 8][0])
    for column, value in (("a", None), ("b", "text"), ("d", 4.0)):
        changed = frame.copy()
        changed.loc[row, column] = value
        session = jaxad.clean(changed, budget=4, **FEW)
        assert session.reference[row]
        suspicion = session.suspicion()
        normal = np.arange(120) >= 8
        assert (suspicion[normal] <= suspicion[row]).all(), column
        assert (suspicion == suspicion[row]).sum() < 4, column


def test_answers_that_nearly_all_say_anomaly_are_pointed_out():
    x = np.random.default_rng(0).normal(size=(300, 3))
    x[:30] += 8
    session = jaxad.clean(x, budget=8, reference=0.0, **FEW)
    while session.left:
        session.tell({row: row < 30 for row in session.ask(4).row})
    assert "8 of 8 answers outside of the reference say anomaly" in str(session.result())
    session.tell({200: 0, 250: 0})  # rows that were not asked for are not continued
    assert "8 of 8 answers" in str(session.result())


def test_values_that_occur_once_do_not_make_rows_of_the_reference_suspicious():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4))
    x[:30] += 4
    city = rng.choice(list("abcdefgh"), 300).astype(object)
    once = 30 + rng.permutation(270)[:12]
    city[once] = [f"city {i}" for i in range(12)]
    session = jaxad.clean(pd.DataFrame(x, columns=list("wxyz")).assign(city=city), budget=8, **FEW)
    suspicion, reference = session.suspicion(), session.reference
    inside, outside = (np.isin(np.arange(300), once) & part for part in (reference, ~reference))
    assert inside.sum() >= 2
    assert (suspicion[inside] < np.median(suspicion[:30])).all()
    assert abs(np.median(suspicion[inside]) - np.median(suspicion[outside])) < 1.5


def test_a_session_without_any_row_left_has_a_result(rows):
    session = jaxad.clean(rows[:20], budget=20, reference=0.0, **FEW)
    session.tell({row: row < 8 for row in range(20)})
    assert session.remaining().share == 0
    assert "no unlabelled rows remain" in str(session.result())


@pytest.mark.slow
def test_frames_with_words_and_gaps_are_cleaned(rows):
    frame = pd.DataFrame(rows, columns=list("abc")).assign(kind=np.where(rows[:, 0] > 0, "x", "y"))
    frame.loc[50, "a"] = None
    session = run(jaxad.clean(frame, budget=4, **FEW))
    result = session.result()
    assert np.isfinite(result.detector.anomaly_score(frame)).all()
    assert result.detector.feature_names_in_.tolist() == ["a", "b", "c", "kind"]


@pytest.mark.slow
def test_a_reference_of_none_gives_no_threshold(rows):
    session = run(jaxad.clean(rows, budget=4, reference=0.0, **FEW))
    assert session.result().alarms is None and not session.reference.any()


@pytest.mark.slow
def test_wrong_answers_widen_the_bound_and_lower_the_share(rows):
    result = run(jaxad.clean(rows, budget=12, alpha=0.2, label_noise=0.2, **FEW)).result()
    assert result.true_share < 1
    assert result.alarms is not None and result.alarms.mistaken >= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0}, "budget must be a whole number from 1; given 0"),
        ({"budget": 2.5}, "budget must be"),
        ({"budget": 121}, "budget must be at most the number of rows without a label, 120"),
        ({"checks": 21}, "checks must be at most the budget, 20"),
        ({"alpha": 1}, "alpha must be in"),
        ({"alpha": True}, "alpha must be in"),
        ({"reference": 0.95}, "reference must be in"),
        ({"label_noise": 0.5}, "label_noise must be in"),
        ({"bugdet": 3}, "'bugdet' is not an option of clean"),
    ],
)
def test_wrong_options_are_refused(rows, options, message):
    with pytest.raises(ConfigError, match=message):
        jaxad.clean(rows, **options)


def test_wrong_rows_and_labels_are_refused(rows):
    with pytest.raises(DataError, match="0 rows without a label"):
        jaxad.clean(rows, np.ones(120))
    with pytest.raises(DataError, match="y has 3 labels and X has 120 rows"):
        jaxad.clean(rows, [0, 1, 0])
    with pytest.raises(DataError, match="give a table"):
        jaxad.clean(rows[:, 0])
    with pytest.raises(DataError, match="without a label"):
        jaxad.clean(rows[:5])


def test_labels_among_the_columns_are_warned_of(rows):
    frame = pd.DataFrame(rows, columns=list("abc")).assign(label=np.arange(120) % 2)
    with pytest.warns(DataWarning, match="column 'label', which is read like all others"):
        jaxad.clean(frame, budget=4, **FEW)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jaxad.clean(frame, np.zeros(120), budget=4, **FEW)
        jaxad.clean(frame.drop(columns="label"), budget=4, **FEW)


def test_answers_without_a_meaning_are_refused_whole(rows):
    session = jaxad.clean(rows, np.r_[1, np.zeros(119)], budget=4, **FEW)
    row = int(session.ask().row[0])
    for answers, message in (
        ([(row, 1), (row, 0)], "answered twice"),
        ([(row, 1), (500, 1)], "row must be a whole number from 0 to 119; given 500"),
        ([(row, "maybe")], "'maybe' has no meaning"),
        ([row], "answers must be labels by row"),
        (pd.DataFrame({"row": [row]}), "answers has no column 'label'"),
        ([(0, 0)], "row 0 has a label in the table already"),
    ):
        with pytest.raises(DataError, match=message):
            session.tell(answers)
    assert session.spent == 0
    session.tell([(row, 1), (row, True), (row, None), (0, 1)])
    assert session.spent == 1


def test_an_answer_is_taken_back_by_a_question_mark_alone(rows):
    session = jaxad.clean(rows, budget=4, **FEW)
    row = int(session.ask().row[0])
    session.tell(pd.Series([1, 0], index=[float(row), 119 if row < 119 else 118]))
    told = session.labels.copy()
    assert session.spent == 1 and np.count_nonzero(told) == 2
    session.tell({row: None, 5: None})
    session.tell({6: "?"})
    np.testing.assert_array_equal(session.labels, told)
    session.tell(dict.fromkeys(np.flatnonzero(told), "?"))
    assert session.spent == 0 and not session.labels.any() and session.left == 4
    assert [answer.row for answer in session.answers] == [row]  # others can be asked for again
    assert row not in session.ask(4).row.tolist()


def test_answers_that_leave_nothing_to_train_on_are_refused_by_the_result(rows):
    session = jaxad.clean(rows[:20], budget=20, **FEW)
    session.tell({row: row < 19 for row in session.ask(20).row})
    with pytest.raises(DataError, match="rows remain to train a detector on"):
        session.result()


def test_unknown_questions_are_refused(rows):
    session = jaxad.clean(rows, budget=4, **FEW)
    with pytest.raises(ConfigError, match="by"):
        session.ask(1, "check")
    session.ask(1)
    with pytest.raises(ConfigError, match="by"):  # also where no further question is needed
        session.ask(1, "check")
    for k in (0, True, 1.5):
        with pytest.raises(ConfigError, match="k must be"):
            session.ask(k)


def test_the_options_have_the_documented_defaults():
    assert CleaningOptions().budget == 20 and CleaningOptions().reference == 0.25
