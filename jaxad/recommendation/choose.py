"""From a situation to a detector, the reasons, and the results behind them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from jaxad.detectors import get_entry
from jaxad.errors import DataError, unknown_name
from jaxad.recommendation.evidence import Measured, read_results, settings_of
from jaxad.recommendation.rules import Ranked, ranking, spoken_for
from jaxad.recommendation.situation import Situation

__all__ = ["Recommendation", "named", "recommend"]

_BY_RECORD = (
    "Its weighting keeps a record of each training row, which an audit can read. Only detectors of "
    "which that is true were compared, and by the AUROC of test rows, not by audits."
)
_BY_SCORE = (
    "An audit ranks training rows by its scores. No detector whose weighting keeps a record of "
    "them was measured in this situation; detectors were compared by the AUROC of test rows."
)
RECORDS = ("latent_outlier_exposure", "elite")  # weightings that `jaxad audit` can read


@dataclass(frozen=True)
class Recommendation:
    """A detector for a situation, and why.

    Attributes:
        situation: What was asked for.
        detector: The detector's name.
        config: Its settings where they differ from the defaults, as `jaxad.make` takes them.
        reasons: Why, and what to know of it; a sentence or two each.
        ranked: The detectors that were compared, the best first; () where a rule decides that was
            not measured against others.
    """

    situation: Situation
    detector: str
    config: dict[str, Any]
    reasons: tuple[str, ...]
    ranked: tuple[Ranked, ...]

    @property
    def evidence(self) -> tuple[Measured, ...]:
        """The results of the recommended detector, one for each data set and share of anomalies."""
        return self.ranked[0].measured if self.ranked else ()

    @property
    def saved(self) -> Ranked | None:
        """The best of the detectors that `jaxad fit` can save: those that jaxad itself trains."""
        return next((one for one in self.ranked if not get_entry(one.detector).host), None)


def recommend(*, measured: Sequence[Measured] | None = None, **asked: Any) -> Recommendation:
    """Which detector to try first, and why.

    The choice is made from results on other data sets, measured in the nearest situation; the data
    that it is made for is neither trained on nor looked at. docs/explanation/recommendations.md
    says how far such a choice is from the best one in hindsight.

    Args:
        measured: The results to go by; by default those that jaxad comes with.
        **asked: What there is, the fields of a `jaxad.recommendation.situation.Situation`: `kind`
            ("table", "image", "sequence", "text"), `rows`, `columns`, `labelled_anomalies`,
            `labelled_normals`, `contamination`, `want` ("scores", "audit", "heatmaps") and
            `exposure`. What is left out is a table without labels of which nothing is known.

    Returns:
        The recommendation.

    Raises:
        ConfigError: A value out of its range, values at odds, or a field that there isn't.
        DataError: There is no result to go by.

    Example:
        >>> found = recommend(rows=2000, columns=20, labelled_anomalies=50, contamination=0.1)
        >>> len(found.evidence) > 5
        True
    """
    known = [field.name for field in fields(Situation)]
    for name in asked:
        if name not in known:
            raise unknown_name("field of a situation", name, known)
    situation = Situation(**asked)
    if situation.want == "heatmaps":
        return _heat_maps(situation)
    near = spoken_for(read_results() if measured is None else measured, situation)
    ranked = ranking(near)
    reasons = []
    if situation.want == "audit":
        recording = [one for one in ranked if _leaves_record(one)]
        reasons = [_BY_RECORD if recording else _BY_SCORE]
        ranked = recording or ranked
    if situation.exposure:
        ranked = [one for one in ranked if not get_entry(one.detector).host]
    if not ranked:
        beside = " with an exposure set" if situation.exposure else ""
        raise DataError(
            f"there are no results to go by on other data of the kind {situation.kind!r}{beside}"
        )
    best = ranked[0]
    config = settings_of(best.settings)
    found = Recommendation(situation, best.detector, config, (), tuple(ranked))
    return replace(found, reasons=(_ranked_by(ranked), *reasons, *_notes(found)))


def _ranked_by(ranked: Sequence[Ranked]) -> str:
    """What decides, and by how much."""
    best, tasks = ranked[0], {one.task for one in ranked[0].measured}
    labelled = max(one.labelled for other in ranked for one in other.measured)
    shares = sorted({one.hidden for one in best.measured})
    text = (
        f"It has the highest mean AUROC of {len(ranked)} detectors, {100 * best.auroc:.1f} %, over "
        f"{len(tasks)} task{'s' * (len(tasks) > 1)} with {labelled or 'no'} labelled anomalies and "
        f"{' or '.join(f'{100 * share:.0f} %' for share in shares)} hidden ones."
    )
    if len(ranked) > 1:
        other = ranked[1]
        behind = 100 * (best.auroc - other.auroc)
        text += f" The next, {named(other)}, is {behind:.1f} points behind."
    return text


def named(one: Ranked | Measured) -> str:
    """A detector with the settings that matter, as tables have it."""
    return f"{one.detector} ({one.settings})" if one.settings else one.detector


def _leaves_record(one: Ranked) -> bool:
    weighting = str(settings_of(one.settings).get("weighting", ""))
    return one.detector.startswith("elite") or any(name in weighting for name in RECORDS)


def _notes(found: Recommendation) -> list[str]:
    """What the numbers do not say."""
    situation, best, other = found.situation, found.ranked[0], found.saved
    notes, rows = [], [one.rows for one in best.measured]
    if get_entry(best.detector).host:
        notes.append(
            "scikit-learn trains it, and its models are not saved: `jaxad audit` ranks the rows of "
            "a file by it, and jaxad.fit and jaxad.score score others in Python."
        )
        if other is not None:
            behind = 100 * (best.auroc - other.auroc)
            notes.append(
                f"The best that can be saved is {named(other)}, {behind:.1f} points behind."
            )
    columns = [one.columns for one in best.measured]
    for name, has, seen in (
        ("rows", situation.rows, rows),
        ("columns", situation.columns, columns),
    ):
        if has is not None and not min(seen) <= has <= max(seen):
            notes.append(f"Measured with {min(seen):,} to {max(seen):,} {name}; here are {has:,}.")
    count = situation.labelled_anomalies
    used = max(one.labelled for one in best.measured)
    if count and not used and not get_entry(best.detector).uses_labels:
        notes.append("It learns nothing from the labels, and yet nothing that does was better.")
    elif count and used and not used / 3 <= count <= 3 * used:
        notes.append(f"Measured with {used} labelled anomalies, and not with {count}.")
    if situation.labelled_normals:
        notes.append("Labelled normal rows were in none of these results.")
    if best.detector == "ssad":
        notes.append('It needs a convex solver: pip install "jaxad[ssad]".')
    if situation.kind == "image":
        notes.append(
            "Measured with dense layers on 28 x 28 grey images of one collection; for larger or "
            "coloured ones leave channels and widths out, which was not measured here."
        )
    if situation.kind == "sequence":
        notes.append("Measured on a single data set of heartbeats: weak evidence.")
    if situation.kind == "text":
        notes.append(
            "Measured on five topics of one collection, with word vectors of 100 dimensions; cvdd "
            "also says which words a score comes from."
        )
    return notes


def _heat_maps(situation: Situation) -> Recommendation:
    """FCDD: the only detector here whose score is the mean of a map."""
    if situation.exposure:
        learns = "It learns from the exposure set."
    elif situation.labelled_anomalies:
        learns = "It learns from the labelled anomalies."
    else:
        learns = "Without labels it learns from confetti, artificial anomalies with known pixels."
    reasons = (
        "Its score is the mean of a heat map: the map explains the score itself. This is a rule; "
        "detectors were not ranked by their heat maps. docs/explanation/fcdd.md has its numbers.",
        learns,
    )
    artificial = not (situation.exposure or situation.labelled_anomalies)
    config = {"pixelwise": True} if artificial else {}
    return Recommendation(situation, "fcdd", config, reasons, ())
