"""Evaluation of the rule: each data set in turn is left out, and a detector is chosen for it.

No result on a data set takes part in the choice for it. The best choice in hindsight is the
detector with the highest AUROC on the data set itself. It is unknown beforehand and profits from
the noise of its seeds: with more seeds the regrets would be smaller.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from jaxad.recommendation.evidence import Measurement
from jaxad.recommendation.rules import (
    RankedDetector,
    prefer_composite,
    rank_detectors,
    select_nearest,
)
from jaxad.recommendation.situation import Situation

__all__ = ["RULES", "Outcome", "always", "leave_sets_out", "nearest_tasks"]

CHANCE = 0.5  # the AUROC of a choice without a result: all of its seeds diverged

Rule = Callable[[Sequence[Measurement], Situation], list[RankedDetector]]


class Outcome(NamedTuple):
    """A choice for a data set that was left out.

    Attributes:
        task: The data set and its normal class.
        labelled: How many labelled anomalies there were.
        hidden: The share of hidden ones.
        choice: The chosen detector and its settings.
        auroc: Its AUROC, from 0 to 1.
        best: The detector that was best in hindsight.
        most: The AUROC of that one.
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
        """The difference in AUROC between the best choice in hindsight and this one."""
        return self.most - self.auroc


def nearest_tasks(
    measured: Sequence[Measurement], situation: Situation, most: int
) -> list[Measurement]:
    """Return the results on the tables whose rows and columns are nearest to the situation's.

    The distance is the Euclidean norm of the logarithms of the ratios of rows and of columns; what
    is unknown of the situation is left out.
    """
    far: dict[tuple, float] = {}
    for one in measured:
        pairs = ((one.rows, situation.rows), (one.columns, situation.columns))
        far[one.task] = math.hypot(*(math.log(a / b) for a, b in pairs if a and b))
    kept = sorted(far, key=lambda task: (far[task], task))[:most]
    return [one for one in measured if one.task in kept]


def by_situation(measured: Sequence[Measurement], situation: Situation) -> list[RankedDetector]:
    """Rank by the rule of `jaxad recommend`."""
    return prefer_composite(rank_detectors(select_nearest(measured, situation)))


def by_share(measured: Sequence[Measurement], situation: Situation) -> list[RankedDetector]:
    """Rank by the nearest share of hidden anomalies even where few data sets were measured."""
    return rank_detectors(select_nearest(measured, situation, enough=1))


def by_rank(measured: Sequence[Measurement], situation: Situation) -> list[RankedDetector]:
    """Rank by the rule with mean rank in place of mean AUROC."""
    return sorted(by_situation(measured, situation), key=lambda one: one.rank)


def by_size(measured: Sequence[Measurement], situation: Situation) -> list[RankedDetector]:
    """Rank by the rule on the six tables nearest in rows and columns."""
    return rank_detectors(nearest_tasks(select_nearest(measured, situation), situation, 6))


def by_most(measured: Sequence[Measurement], situation: Situation) -> list[RankedDetector]:
    """Rank by the rule as if the share of hidden anomalies were unknown."""
    return rank_detectors(select_nearest(measured, replace(situation, contamination=None)))


def by_both(measured: Sequence[Measurement], situation: Situation) -> list[RankedDetector]:
    """Rank by the mean over all shares of hidden anomalies, for any number of data sets."""
    return rank_detectors(select_nearest(measured, situation, enough=len(measured) + 1))


def fixed(measured: Sequence[Measurement], situation: Situation) -> list[RankedDetector]:
    """Rank by the mean over all counts and shares: one order with labels and one without."""
    counts = {one.labelled for one in measured if one.labelled}
    counts = counts if situation.labelled_anomalies else {0}
    scores: dict[tuple[str, str], list[RankedDetector]] = {}
    for count in counts:
        for one in by_both(measured, replace(situation, labelled_anomalies=count)):
            scores.setdefault((one.detector, one.settings), []).append(one)
    full = [found for found in scores.values() if len(found) == len(counts)]
    full.sort(key=lambda found: -sum(one.auroc for one in found))
    return [found[0] for found in full]


def always(detector: str, settings: str = "") -> Rule:
    """Return the rule that chooses the same detector in every situation."""

    def rule(measured: Sequence[Measurement], situation: Situation) -> list[RankedDetector]:
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


def leave_sets_out(measured: Sequence[Measurement], rule: Rule) -> list[Outcome]:
    """Choose a detector for each data set in each situation, from the results on the others.

    Args:
        measured: Results of one kind of example, all with or all without an exposure set.
        rule: A function from results and a situation to detectors, the best first.

    Returns:
        The outcomes; there is none where the rule has no answer.
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
        reached = {one.choice: one.auroc for one in select_nearest(own, situation, enough=1)}
        best = max(reached, key=lambda choice: reached[choice])
        for one in rule(others, situation)[:1]:
            choice = (one.detector, one.settings)
            auroc = reached.get(choice, CHANCE)
            where = (asked.task, asked.labelled, asked.hidden)
            outcomes.append(Outcome(*where, choice, auroc, best, reached[best]))
    return outcomes


def _situations(measured: Iterable[Measurement]) -> list[Measurement]:
    """Return one result for each data set and situation."""
    found = {(one.task, one.labelled, one.hidden): one for one in measured}
    return [found[key] for key in sorted(found)]
