"""The choice of a detector for a situation, with its reasons and the results behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from jaxad.detectors import get_entry
from jaxad.errors import DataError, unknown_name
from jaxad.recommendation.evidence import Measurement, parse_settings, read_measurements
from jaxad.recommendation.rules import (
    RankedDetector,
    prefer_composite,
    rank_detectors,
    select_nearest,
)
from jaxad.recommendation.situation import Situation, describe_data

__all__ = ["Recommendation", "label_detector", "recommend"]

_BY_RECORD = (
    "Its weighting keeps a record of each training row, which an audit can read. Only detectors of "
    "which that is true were compared, and by the AUROC of test rows, not by audits."
)
_BY_SCORE = (
    "An audit ranks training rows by its scores. No detector whose weighting keeps a record of "
    "them was measured in this situation; detectors were compared by the AUROC of test rows."
)
# What `jaxad audit` trains on tables with labelled anomalies and without.
AUDIT_LABELLED: tuple[str, dict[str, Any]] = ("auto", {})
AUDIT_UNLABELLED: tuple[str, dict[str, Any]] = (
    "deep_svdd",
    {"weighting": "latent_outlier_exposure(0.1)"},
)
RECORDS = ("latent_outlier_exposure", "elite")  # weightings that `jaxad audit` can read


@dataclass(frozen=True)
class Recommendation:
    """A detector that is recommended for a situation.

    Attributes:
        situation: The situation.
        detector: The name of the detector.
        config: Its settings where they differ from the defaults, as `jaxad.make` takes them.
        reasons: The reasons, and what else to know; a sentence or two each.
        ranked: The detectors that were compared, the best first; () where the choice was not
            measured against others.
    """

    situation: Situation
    detector: str
    config: dict[str, Any]
    reasons: tuple[str, ...]
    ranked: tuple[RankedDetector, ...]

    @property
    def evidence(self) -> tuple[Measurement, ...]:
        """The results of the recommended detector, one for each data set and share of anomalies."""
        return self.ranked[0].measured if self.ranked else ()


def recommend(
    data: Any = None,
    y: Any = None,
    *,
    positive: Any = None,
    normal: Any = None,
    measured: Sequence[Measurement] | None = None,
    **asked: Any,
) -> Recommendation:
    """Recommend a detector to try first, with reasons.

    The choice is based on results on other data sets, measured in the nearest situation; the values
    of the data are neither read nor trained on. docs/explanation/recommendations.md measures how
    far such a choice is from the best one in hindsight.

    Args:
        data: `(n, ...)` rows: a data frame or an array, whose shape gives `kind`, `rows` and
            `columns`. None: they are among the arguments by name.
        y: `(n,)` labels as `jaxad.data.tables.labels.as_training_labels` takes them, which give
            `labelled_anomalies` and `labelled_normals`.
        positive: The values of `y` that mark labelled anomalies.
        normal: The values of `y` that mark verified normal rows.
        measured: The results to use; by default those that jaxad comes with.
        **asked: The fields of a `jaxad.recommendation.situation.Situation`: `kind` ("table",
            "image", "sequence", "text", "features" or "series"), `rows`, `columns`,
            `labelled_anomalies`, `labelled_normals`, `contamination`, `want` ("scores", "audit",
            "heatmaps") and `exposure`. The default is a table without labels of unknown size.

    Returns:
        The recommendation.

    Raises:
        ConfigError: A value out of its range, values that exclude each other, or an unknown field.
        DataError: There are no results for such a situation.

    Example:
        >>> found = recommend(rows=2000, columns=20, labelled_anomalies=50, contamination=0.1)
        >>> len(found.evidence) > 5
        True
        >>> recommend([[0.0] * 8] * 500, [1] * 9 + [0] * 491).situation.labelled_anomalies
        9
    """
    known = [field.name for field in fields(Situation)]
    for name in asked:
        if name not in known:
            raise unknown_name("field of a situation", name, known)
    situation = Situation(**(describe_data(data, y, positive, normal) | asked))
    if situation.want == "heatmaps":
        return _heat_maps(situation)
    if situation.want == "audit" and situation.kind in ("table", "features"):
        return _audit(situation)
    near = select_nearest(read_measurements() if measured is None else measured, situation)
    ranked = prefer_composite(rank_detectors(near))
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
    config = parse_settings(best.settings)
    found = Recommendation(situation, best.detector, config, (), tuple(ranked))
    return replace(found, reasons=(_ranked_by(ranked), *reasons, *_notes(found)))


def _ranked_by(ranked: Sequence[RankedDetector]) -> str:
    """Return the sentences that give the mean AUROC of the first detector and of the next."""
    best, tasks = ranked[0], {one.task for one in ranked[0].measured}
    labelled = max(one.labelled for other in ranked for one in other.measured)
    shares = sorted({one.hidden for one in best.measured})
    first = max(ranked, key=lambda one: one.auroc)
    place = "the highest mean AUROC" if first is best else "one of the highest mean AUROCs"
    text = (
        f"It has {place} of {len(ranked)} detectors, {100 * best.auroc:.1f} %, over "
        f"{len(tasks)} task{'s' * (len(tasks) > 1)} with {labelled or 'no'} labelled anomalies and "
        f"{' or '.join(f'{100 * share:.0f} %' for share in shares)} hidden ones."
    )
    if first is not best:
        text += (
            f" {label_detector(first)} has {100 * first.auroc:.1f} %; auto is preferred where "
            "it is at most a point behind, or one standard error."
        )
    elif len(ranked) > 1:
        other = ranked[1]
        behind = 100 * (best.auroc - other.auroc)
        text += f" The next, {label_detector(other)}, is {behind:.1f} points behind."
    return text


def label_detector(one: RankedDetector | Measurement) -> str:
    """Return the name of a detector with its settings."""
    return f"{one.detector} ({one.settings})" if one.settings else one.detector


def _leaves_record(one: RankedDetector) -> bool:
    weighting = str(parse_settings(one.settings).get("weighting", ""))
    return one.detector.startswith("elite") or any(name in weighting for name in RECORDS)


def _notes(found: Recommendation) -> list[str]:
    """List the limits of the results that the choice is based on."""
    situation, best = found.situation, found.ranked[0]
    notes, rows = [], [one.rows for one in best.measured]
    columns = [one.columns for one in best.measured]
    for name, has, seen in (
        ("rows", situation.rows, rows),
        ("columns", situation.columns, columns),
    ):
        if has is not None and not min(seen) <= has <= max(seen):
            notes.append(f"Measured with {min(seen):,} to {max(seen):,} {name}; here are {has:,}.")
    count = situation.labelled_anomalies
    used = max(one.labelled for one in best.measured)
    if count and not any(one.labelled for other in found.ranked for one in other.measured):
        notes.append("No detector was measured with labels on such data.")
    elif count and not used and not get_entry(best.detector).uses_labels:
        notes.append("It learns nothing from the labels, and yet nothing that does was better.")
    elif count and used and not used / 3 <= count <= 3 * used:
        notes.append(f"Measured with {used} labelled anomalies, and not with {count}.")
    if situation.labelled_normals:
        notes.append("Labelled normal rows were in none of these results.")
    if best.detector == "ssad":
        notes.append('It needs a convex solver: pip install "jaxad[ssad]".')
    if situation.kind == "image":
        notes.append(
            "Measured with dense layers on grey images of at most 64 x 64 pixels; for larger or "
            "coloured ones leave channels and widths out, which was not measured here."
        )
    if situation.kind == "features":
        notes.append(
            "Measured on features of ResNet-18 for pictures of products (MVTec-AD) and, without "
            "labels, on features of BERT for one collection of texts."
        )
    if situation.kind == "sequence":
        notes.append("Measured on a single data set of heartbeats: weak evidence.")
    if situation.kind == "series":
        notes.append(
            "Measured on heartbeats joined to a series of one channel and on synthetic series of "
            "five channels, by the AUROC of timestamps; rows are windows."
        )
    if situation.kind == "text":
        notes.append(
            "Measured on five topics of one collection, with word vectors of 100 dimensions; cvdd "
            "also says which words a score comes from."
        )
    return notes


def _audit(situation: Situation) -> Recommendation:
    """Recommend what `jaxad audit` trains on tables where no detector is named."""
    name, config = AUDIT_LABELLED if situation.labelled_anomalies else AUDIT_UNLABELLED
    record = (
        "An audit ranks rows by its scores out of bag: a bag counts for the rows that it lacks."
        if situation.labelled_anomalies
        else "Its weighting keeps a record of how suspicious each training row is."
    )
    reasons = (
        "It is the default of `jaxad audit`: audits were compared on tables with known hidden "
        "anomalies (experiments/audit/results/benchmark.csv); docs/howto/audit.md has the numbers.",
        record,
    )
    return Recommendation(situation, name, dict(config), reasons, ())


def _heat_maps(situation: Situation) -> Recommendation:
    """Recommend FCDD, the only detector whose score is the mean of a heat map."""
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
    return Recommendation(situation, "fcdd", {}, reasons, ())
