"""Which results speak for a situation, and how detectors rank by them.

The rule is one line: the detector with the highest mean AUROC over the data sets that were measured
in the nearest situation. A situation is near by its kind of example, by how many labelled anomalies
there are (none, or the nearest count in ratio) and by the share of hidden anomalies. Where that is
not known, it is taken for the largest that was measured. Where few data sets were measured, all
shares decide together. How well this does is measured by leaving data sets out
(`jaxad.recommendation.held_out`).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jaxad.recommendation.evidence import Measured
from jaxad.recommendation.situation import Situation

__all__ = ["ENOUGH", "Ranked", "ranking", "spoken_for"]

ENOUGH = 10


class Ranked(NamedTuple):
    """A detector, and how well it did in the results that were looked at.

    Attributes:
        detector: Its name.
        settings: Its settings, as in `Measured`.
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
    measured: tuple[Measured, ...]


def spoken_for(
    measured: Iterable[Measured], situation: Situation, enough: int = ENOUGH
) -> list[Measured]:
    """The results of the situation that is nearest to this one.

    What learns nothing from labels is mostly measured without them: where a detector has no result
    with as many labels, its results without stand for it.

    Args:
        measured: All results.
        situation: What is asked for. Its rows and columns are not looked at.
        enough: With fewer data sets than this of the situation's kind the results of all shares of
            hidden anomalies are given: one share alone is then too few to choose by.
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


def ranking(measured: Iterable[Measured]) -> list[Ranked]:
    """Detectors by their mean AUROC, the best first.

    Only detectors that have a result wherever another one has one are compared: a mean over fewer
    data sets is a mean over others.
    """
    of_choice: dict[tuple[str, str], dict[tuple, Measured]] = defaultdict(dict)
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
        Ranked(
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


def _nearest_count(asked: int, counts: set[int]) -> int:
    """No labels stand for themselves alone; of other counts the nearest in ratio."""
    some = sorted(count for count in counts if count > 0)
    if asked == 0 or not some:
        return 0
    return min(some, key=lambda count: abs(math.log(count / asked)))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
