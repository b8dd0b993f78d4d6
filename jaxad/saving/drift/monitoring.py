"""Monitoring: whether new rows are like those that a saved detector was trained on."""

from pathlib import Path

import numpy as np

from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.profile import PROFILE, Profile, read_profile
from jaxad.errors import ConfigError, DataError
from jaxad.saving.drift.comparing import (
    adjust_by_holm,
    compare_alarms,
    compare_column,
    compare_scores,
    compute_interval,
)
from jaxad.saving.drift.gathering import Sample, gather_columns, report_column
from jaxad.saving.drift.report import Alarms, MonitorReport
from jaxad.saving.estimator import ESTIMATOR, read_record
from jaxad.saving.scoring import SavedDetector
from jaxad.thresholds import Reference, Rule, parse_rule

__all__ = ["monitor"]

_PROMISING = ("quantile", "conformal", "extreme")  # their number is a share of alarms


def monitor(
    saved: SavedDetector,
    source: str | Path,
    *,
    options: TableOptions | None = None,
    rule: Rule | None = None,
    reference: str | Path | None = None,
    level: float = 0.01,
) -> MonitorReport:
    """Compare the rows of a file with those that a detector was trained on.

    Scores are compared with those of rows held out of training, if there are any; else with those
    of the training rows. As detectors tend to score the rows that they were trained on lower, the
    distribution of scores may then differ by 0.1, and the rate of alarms may be twice the promised
    one, before this counts as drift.

    Args:
        saved: The detector, as `open_detector` returns it.
        source: A csv, parquet or feather file with the columns of training.
        options: How the file is read.
        rule: The rule of the threshold. Default: that of an estimator, else "quantile(0.1)".
        reference: A file of normal rows that were not trained on, by whose scores the new ones are
            judged.
        level: The probability, for all tests together, that drift is reported where there is none.

    Raises:
        ConfigError: The detector was saved without a profile of its training rows or without their
            scores, or `level` is not between 0 and 1.
        DataError: The file cannot be read or scored.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level must be above 0 and below 1; given {level}")
    options = options or TableOptions()
    profile = _load_profile(saved)
    known = _choose_reference(saved, reference, options)
    held_out = bool(len(known.held_out))
    limit, rule, promised = _choose_limit(saved, rule, known)
    compared = known.held_out if held_out else known.unlabelled

    scores, rows, bad, alarms = Sample(), 0, 0, 0
    for part in saved.score_file(source, options):
        mean = part.mean[part.good]
        scores.add(mean)
        rows, bad = rows + part.count, bad + len(part.bad)
        alarms += int((mean > limit).sum())
    if rows == bad:
        raise DataError(f"{source}: none of {rows} rows could be scored")
    columns = gather_columns(saved, profile, source, options)

    good = rows - bad
    tests = [
        compare_alarms(alarms, good, compared, limit, held_out),
        compare_scores(scores.cut(), compared, held_out),
    ]
    for one in columns:
        tests += compare_column(one)
    adjusted = adjust_by_holm(np.array([test.p_value for test in tests]))
    low, high = compute_interval(alarms, good)
    text = rule.name if rule.value is None else f"{rule.name}({rule.value:g})"
    return MonitorReport(
        rows,
        bad,
        level,
        held_out,
        Alarms(text, limit, alarms, alarms / good, low, high, promised),
        tuple(
            test._replace(adjusted=float(p), drift=bool(p < level))
            for test, p in zip(tests, adjusted, strict=True)
        ),
        tuple(report_column(one) for one in columns),
    )


def _load_profile(saved: SavedDetector) -> Profile:
    path = saved.folder / PROFILE
    if saved.series is not None:
        raise ConfigError(
            f"{saved.folder} holds a detector of series, whose timestamps depend on each other; "
            "the tests of monitor are for rows of tables that do not. Score the file with "
            "`jaxad score`, and compare its share of anomalous timestamps with that of training"
        )
    if saved.images is not None or saved.fitted.detector.lexicon is not None:
        raise ConfigError(
            f"{saved.folder} holds a detector of pictures or texts; monitor compares the columns "
            "of tables. Score the file with `jaxad score`, or monitor a detector of features of "
            "the pictures or texts that are columns of a table"
        )
    if not path.exists():
        raise ConfigError(
            f"{saved.folder} holds no profile of its training rows ({PROFILE}): fit the detector "
            "again with `jaxad fit` on a table, or save an estimator; both save one since jaxad 0.3"
        )
    return read_profile(path.read_bytes(), str(saved.folder))


def _choose_reference(
    saved: SavedDetector, reference: str | Path | None, options: TableOptions
) -> Reference:
    if reference is not None:
        return saved.read_reference(reference, options)
    if saved.reference is None:
        raise ConfigError(
            f"{saved.folder} holds no scores of its training rows; give a file of normal rows with "
            "--reference"
        )
    return saved.reference


def _choose_limit(
    saved: SavedDetector, rule: Rule | None, known: Reference
) -> tuple[float, Rule, float]:
    """Return the threshold, its rule, and the share of alarms that it promises."""
    own = rule is None and saved.threshold is not None
    if rule is None:
        rule = _read_rule(saved) if own else Rule("quantile", 0.1)
    limit = saved.threshold if own else saved.choose_threshold(rule, known)
    assert limit is not None
    if rule.name in _PROMISING:
        return limit, rule._replace(value=rule.number), rule.number
    compared = known.held_out if len(known.held_out) else known.unlabelled
    return limit, rule, float((compared > limit).mean())


def _read_rule(saved: SavedDetector) -> Rule:
    """Return the rule of a saved estimator's threshold."""
    if not (saved.folder / ESTIMATOR).exists():
        return Rule("fixed", saved.threshold)
    parameters = read_record(saved.folder, saved.scaling).parameters
    rule = parse_rule(parameters["threshold"])
    if rule.name == "quantile" and rule.value is None:
        return rule._replace(value=float(parameters["contamination"]))
    return rule
