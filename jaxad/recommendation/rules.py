"""The selection of results for a situation, and the ranking of detectors by them.

The rule chooses the detector with the highest mean AUROC over the data sets that were measured in
the nearest situation. Situations are compared by the kind of example, by the number of labelled
anomalies (none, or the nearest count in ratio) and by the share of hidden anomalies. An unknown
share counts as the largest that was measured. Where few data sets were measured, the results of all
shares are used. On tables `auto`, the composite for them, is preferred where it is at most a point
or one standard error of the paired difference behind, as the first places of others are close.
`jaxad.recommendation.held_out` evaluates the rule by leaving data sets out.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import stdev
from typing import NamedTuple

from jaxad.recommendation.evidence import Measurement
from jaxad.recommendation.situation import Situation

__all__ = ["ENOUGH", "RankedDetector", "prefer_composite", "rank_detectors", "select_nearest"]

ENOUGH = 10
PREFERRED, MARGIN = "auto", 0.01  # a detector, and how far behind the first one it may be


class RankedDetector(NamedTuple):
    """A detector with its mean results.

    Attributes:
        detector: Its name.
        settings: Its settings, as in `Measurement`.
        auroc: Mean AUROC over results, from 0 to 1.
        auprc: Mean average precision.
        rank: Mean rank by AUROC among the detectors ranked, 1 for the best.
        measured: The results themselves.
    """

    detector: str
    settings: str
    auroc: float
    auprc: float
    rank: float
    measured: tuple[Measurement, ...]


def select_nearest(
    measured: Iterable[Measurement], situation: Situation, enough: int = ENOUGH
) -> list[Measurement]:
    """Return the results in the situation that is nearest to this one.

    Detectors that do not learn from labels are mostly measured without them: where a detector has
    no result with as many labels, its results without labels are used.

    Args:
        measured: All results.
        situation: The situation; its rows and columns are not used.
        enough: With fewer data sets than this of the situation's kind, the results of all shares of
            hidden anomalies are returned, because those of one share are too few.
    """
    own = [one for one in measured if one.kind == situation.kind]
    own = [one for one in own if bool(one.exposure) == situation.exposure]
    if not own:
        return []
    if len({one.task for one in own}) >= enough:
        asked = 1.0 if situation.contamination is None else situation.contamination
        nearest = -min((abs(one.hidden - asked), -one.hidden) for one in own)[1]
        own = [one for one in own if one.hidden == nearest]
    count = _nearest_count(situation.labelled_anomalies, {one.labelled for one in own})
    labelled = [one for one in own if one.labelled == count]
    known, tasks = {one.choice for one in labelled}, {one.task for one in labelled}
    without = [one for one in own if one.labelled == 0 and one.task in tasks]
    return labelled + [one for one in without if one.choice not in known]


def rank_detectors(measured: Iterable[Measurement]) -> list[RankedDetector]:
    """Rank detectors by their mean AUROC, the best first.

    Only detectors with a result on every data set and share are compared, because means over
    different data sets are not comparable.
    """
    of_choice: dict[tuple[str, str], dict[tuple, Measurement]] = defaultdict(dict)
    for one in measured:
        of_choice[one.choice][(*one.task, one.hidden)] = one
    cells = set().union(*of_choice.values())
    full = {choice: found for choice, found in of_choice.items() if set(found) == cells}
    ranks = {choice: [] for choice in full}
    for cell in cells:
        values = [found[cell].auroc for found in full.values()]
        for choice, found in full.items():
            mine = found[cell].auroc
            above, equal = sum(v > mine for v in values), sum(v == mine for v in values)
            ranks[choice].append(above + (equal + 1) / 2)
    ranked = [
        RankedDetector(
            choice[0],
            choice[1],
            _mean([one.auroc for one in found.values()]),
            _mean([one.auprc for one in found.values()]),
            _mean(ranks[choice]),
            tuple(found[cell] for cell in sorted(found)),
        )
        for choice, found in full.items()
    ]
    return sorted(ranked, key=lambda one: (-one.auroc, one.detector, one.settings))


def prefer_composite(ranked: list[RankedDetector]) -> list[RankedDetector]:
    """Return ranked detectors with `auto` first, if it is close to the best one.

    Close means within one point of AUROC, or within one standard error of the paired difference,
    whichever is more.
    Detectors that were ranked on other data than tables keep their order.
    """
    if any(one.kind != "table" for other in ranked[:1] for one in other.measured):
        return ranked
    most = max((one.auroc for one in ranked), default=0.0)
    close = [one for one in ranked if one.auroc >= most - max(MARGIN, _error(ranked[0], one))]
    first = [one for one in close if (one.detector, one.settings) == (PREFERRED, "")]
    return first + [one for one in ranked if one not in first]


def _error(first: RankedDetector, other: RankedDetector) -> float:
    """Return the standard error of the mean difference in AUROC between two detectors."""
    pairs = zip(first.measured, other.measured, strict=True)
    differences = [one.auroc - two.auroc for one, two in pairs]
    return stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else 0.0


def _nearest_count(asked: int, counts: set[int]) -> int:
    """Return the count of labels that is nearest in ratio; 0 is near to 0 only."""
    some = sorted(count for count in counts if count > 0)
    if asked == 0 or not some:
        return 0
    return min(some, key=lambda count: abs(math.log(count / asked)))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
