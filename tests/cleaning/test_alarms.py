"""The bound on false alarms holds for contaminated references, and says so when it cannot."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jaxad.cleaning import bound_alarms
from jaxad.errors import ConfigError, DataError
from jaxad.thresholds import conformal

FOLDER = Path(__file__).parents[2] / "experiments" / "audit"
SPEC = importlib.util.spec_from_file_location("false_alarms", FOLDER / "false_alarms.py")
assert SPEC is not None and SPEC.loader is not None
simulation = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(simulation)


@pytest.mark.parametrize("anomalies", simulation.MEANS)
@pytest.mark.parametrize(("answers", "wrong"), [(0, 0.0), (20, 0.0), (20, 0.2)])
def test_false_alarms_stay_below_the_bound(anomalies, answers, wrong):
    cell = {"rows": 117, "contamination": 0.1, "alpha": 0.1}
    made = simulation.simulate(
        **cell, anomalies=anomalies, answers=answers, wrong=wrong, draws=500, seed=0
    )
    assert made["false_alarms"] <= 0.1
    if anomalies == "low" and not wrong:
        assert made["false_alarms"] >= 0.08  # and the bound is not loose


def test_the_stored_simulation_stays_below_the_bound_in_every_cell():
    cells = pd.read_csv(FOLDER / "results" / "false_alarms.csv")
    assert len(cells) == 156
    assert (cells.false_alarms <= cells.alpha).all()
    plain = cells[(cells.anomalies == "low") & (cells.contamination == 0.2) & (cells.rows == 117)]
    assert (plain.plain_false_alarms > plain.alpha).any()  # what the condition is needed for


def test_answers_at_the_top_of_the_reference_raise_the_power():
    cell = {"rows": 200, "contamination": 0.1, "anomalies": "high", "alpha": 0.05, "wrong": 0.0}
    with_answers, without = (
        simulation.simulate(**cell, answers=answers, draws=200, seed=0) for answers in (20, 0)
    )
    assert with_answers["true_alarms"] > without["true_alarms"] + 0.2


def test_without_a_condition_it_is_the_conformal_threshold():
    scores = np.random.default_rng(0).normal(size=150)
    for alpha in (0.01, 0.05, 0.2):
        assert bound_alarms(scores, alpha).threshold == conformal(scores, alpha)


def test_a_reference_that_is_too_small_gives_no_threshold_and_says_why():
    bound = bound_alarms(np.arange(30.0), 0.05, hidden=12)
    assert bound.threshold is None
    assert "30 reference rows, of which up to 12 may be anomalies" in bound.describe()
    assert bound_alarms(np.arange(30.0), 0.05, hidden=99).threshold is None


def test_wrong_arguments_are_refused():
    with pytest.raises(ConfigError, match="alpha"):
        bound_alarms(np.arange(30.0), 1.0)
    with pytest.raises(DataError, match="finite"):
        bound_alarms(np.array([1.0, np.nan]))
