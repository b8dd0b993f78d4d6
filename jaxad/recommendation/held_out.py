"""How good the rule is: each data set in turn is left out, and a detector is chosen for it.

Nothing of a data set takes part in the choice that is made for it. The best choice in hindsight is
the detector with the highest AUROC on the data set itself, which nobody can know beforehand, and
which has the luck of its seeds in it: regrets are larger than they would be with more seeds.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from jaxad.recommendation.evidence import Measured
from jaxad.recommendation.rules import Ranked, ranking, spoken_for
from jaxad.recommendation.situation import Situation

__all__ = ["RULES", "Outcome", "always", "leave_sets_out", "nearest_tasks"]

CHANCE = 0.5  # what a choice counts for that has no result: all of its seeds diverged

Rule = Callable[[Sequence[Measured], Situation], list[Ranked]]


class Outcome(NamedTuple):
    """A choice for a data set that was left out.

    Attributes:
        task: The data set and its normal class.
        labelled: How many labelled anomalies there were.
        hidden: The share of hidden ones.
        choice: The chosen detector and its settings.
        auroc: What it reached, from 0 to 1.
        best: The detector that was best in hindsight.
        most: What that one reached.
    """

    task: tuple[str, str]
    labelled: int
    hidden: float
    choice: tuple[str, str]
    auroc: float
    best: tuple[str, str]
    most: float

    @property
    def regret(self) -> float:
        """How much less the choice reached than the best in hindsight, in AUROC."""
        return self.most - self.auroc


def nearest_tasks(measured: Sequence[Measured], situation: Situation, most: int) -> list[Measured]:
    """The results on the tables whose rows and columns are nearest to the situation's.

    Near is by ratio: the root of the squared logarithms, added. What is not known of the situation
    is not looked at.
    """
    far: dict[tuple, float] = {}
    for one in measured:
        pairs = ((one.rows, situation.rows), (one.columns, situation.columns))
        far[one.task] = math.hypot(*(math.log(a / b) for a, b in pairs if a and b))
    kept = sorted(far, key=lambda task: (far[task], task))[:most]
    return [one for one in measured if one.task in kept]


def by_situation(measured: Sequence[Measured], situation: Situation) -> list[Ranked]:
    """The rule of `jaxad recommend`."""
    return ranking(spoken_for(measured, situation))


def by_share(measured: Sequence[Measured], situation: Situation) -> list[Ranked]:
    """By the nearest share of hidden anomalies even where only a few data sets were measured."""
    return ranking(spoken_for(measured, situation, enough=1))


def by_rank(measured: Sequence[Measured], situation: Situation) -> list[Ranked]:
    """The rule by mean rank in place of mean AUROC."""
    return sorted(by_situation(measured, situation), key=lambda one: one.rank)


def by_size(measured: Sequence[Measured], situation: Situation) -> list[Ranked]:
    """The rule by the six tables nearest in rows and columns."""
    return ranking(nearest_tasks(spoken_for(measured, situation), situation, 6))


def by_most(measured: Sequence[Measured], situation: Situation) -> list[Ranked]:
    """The rule where the share of hidden anomalies is not known."""
    return ranking(spoken_for(measured, replace(situation, contamination=None)))


def by_both(measured: Sequence[Measured], situation: Situation) -> list[Ranked]:
    """The mean over all shares of hidden anomalies, however many data sets were measured."""
    return ranking(spoken_for(measured, situation, enough=len(measured) + 1))


def fixed(measured: Sequence[Measured], situation: Situation) -> list[Ranked]:
    """One detector with labels and one without, by the mean over all counts and shares."""
    counts = {one.labelled for one in measured if one.labelled}
    counts = counts if situation.labelled_anomalies else {0}
    scores: dict[tuple[str, str], list[Ranked]] = {}
    for count in counts:
        for one in by_both(measured, replace(situation, labelled_anomalies=count)):
            scores.setdefault((one.detector, one.settings), []).append(one)
    full = [found for found in scores.values() if len(found) == len(counts)]
    full.sort(key=lambda found: -sum(one.auroc for one in found))
    return [found[0] for found in full]


def always(detector: str, settings: str = "") -> Rule:
    """The same detector whatever is known."""

    def rule(measured: Sequence[Measured], situation: Situation) -> list[Ranked]:
        ranked = by_situation(measured, situation)
        return [one for one in ranked if (one.detector, one.settings) == (detector, settings)]

    return rule


RULES: dict[str, Rule] = {
    "the rule": by_situation,
    "nearest share, with any number of data sets": by_share,
    "the rule, by mean rank": by_rank,
    "the rule, six nearest tables": by_size,
    "the rule, hidden anomalies not known": by_most,
    "mean over shares of hidden anomalies": by_both,
    "fixed: one with labels, one without": fixed,
}


def leave_sets_out(measured: Sequence[Measured], rule: Rule) -> list[Outcome]:
    """What a rule chooses for each data set in each situation, from the results of the others.

    A rule that has no answer in a situation has no outcome there.

    Args:
        measured: Results of one kind of example, all with or all without an exposure set.
        rule: From results and a situation to detectors, the best first.
    """
    outcomes = []
    for asked in _situations(measured):
        own = [one for one in measured if one.task == asked.task]
        others = [one for one in measured if one.task != asked.task]
        situation = Situation(
            kind=asked.kind,
            rows=max(2, asked.rows),
            columns=asked.columns or None,
            labelled_anomalies=asked.labelled,
            contamination=asked.hidden,
            exposure=bool(asked.exposure),
        )
        reached = {one.choice: one.auroc for one in spoken_for(own, situation, enough=1)}
        best = max(reached, key=lambda choice: reached[choice])
        for one in rule(others, situation)[:1]:
            choice = (one.detector, one.settings)
            auroc = reached.get(choice, CHANCE)
            where = (asked.task, asked.labelled, asked.hidden)
            outcomes.append(Outcome(*where, choice, auroc, best, reached[best]))
    return outcomes


def _situations(measured: Iterable[Measured]) -> list[Measured]:
    """One result for each data set and situation."""
    found = {(one.task, one.labelled, one.hidden): one for one in measured}
    return [found[key] for key in sorted(found)]
