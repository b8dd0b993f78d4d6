"""Monitoring: whether new rows are like those that a saved detector was trained on."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.profile import (
    PROFILE,
    ColumnProfile,
    Profile,
    read_profile,
    read_values,
)
from jaxad.data.tables.reading import open_table
from jaxad.data.tables.roles import assign_roles
from jaxad.errors import ConfigError, DataError
from jaxad.saving.estimator import ESTIMATOR, read_record
from jaxad.saving.scoring import SavedDetector
from jaxad.thresholds import Reference, Rule, parse_rule

__all__ = ["Alarms", "ColumnReport", "DriftTest", "MonitorReport", "adjust_by_holm", "monitor"]

MARGIN = 0.1  # of the distance between the distribution of training scores and that of new ones
FACTOR = 2  # of the share of alarms, likewise
_SAMPLE = 50_000  # numbers of a column that are tested
_NAMED = 5  # unseen categories that are named
_PROMISING = ("quantile", "conformal", "extreme")  # their number is a share of alarms


class DriftTest(NamedTuple):
    """A test for drift.

    Attributes:
        of: What is tested: "alarm rate", "scores", "values" or "gaps".
        column: The column, for values and gaps.
        name: The name of the test.
        statistic: Its statistic.
        p_value: Its p-value.
        adjusted: The p-value with Holm's correction for all tests.
        drift: Whether the adjusted p-value is below the level.
    """

    of: str
    column: str | None
    name: str
    statistic: float
    p_value: float
    adjusted: float = 1.0
    drift: bool = False


@dataclass(frozen=True)
class Alarms:
    """The alarms among the new rows.

    Attributes:
        rule: The rule of the threshold.
        threshold: The threshold.
        count: How many new rows have a score above it.
        rate: Their share.
        low: The lower end of the exact interval (Clopper and Pearson) of the rate.
        high: Its upper end.
        promised: The share by the rule; for rules without one, that of the reference scores.
    """

    rule: str
    threshold: float
    count: int
    rate: float
    low: float
    high: float
    promised: float


class ColumnReport(NamedTuple):
    """What new rows have in a column.

    Attributes:
        name: The name of the column.
        kind: "number", "category" or "other"; see `ColumnProfile`.
        gaps: How many new rows have no value of this kind.
        gap_rate: Their share.
        training_gap_rate: The share of training rows without one.
        unseen: How many new rows have a category that training did not have.
        categories: The first of these categories.
    """

    name: str
    kind: str
    gaps: int
    gap_rate: float
    training_gap_rate: float
    unseen: int
    categories: tuple[str, ...]


class MonitorReport(NamedTuple):
    """The comparison of new rows with those of training.

    Attributes:
        rows: The number of new rows.
        bad: How many of them could not be scored.
        level: The probability of any drift being reported where there is none.
        held_out: Whether the reference scores are of rows that were not trained on.
        alarms: The alarms.
        tests: All tests.
        columns: Each column.
    """

    rows: int
    bad: int
    level: float
    held_out: bool
    alarms: Alarms
    tests: tuple[DriftTest, ...]
    columns: tuple[ColumnReport, ...]

    @property
    def drift(self) -> bool:
        """Whether any test found drift."""
        return any(test.drift for test in self.tests)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as values of JSON."""
        values = self._asdict() | {"drift": self.drift, "alarms": asdict(self.alarms)}
        for name in ("tests", "columns"):
            values[name] = [one._asdict() for one in values[name]]
        return values


class _Sample:
    """A random sample of numbers that come in pieces: those with the smallest random priorities."""

    def __init__(self):
        self.values, self.priority = np.zeros(0), np.zeros(0)
        self.rng = np.random.default_rng(0)

    def add(self, values: Float[np.ndarray, "_"]) -> None:
        """Add numbers, and keep at most `_SAMPLE` of all."""
        self.values = np.concatenate([self.values, values])
        self.priority = np.concatenate([self.priority, self.rng.random(len(values))])
        if len(self.values) > 2 * _SAMPLE:
            self.cut()

    def cut(self) -> Float[np.ndarray, "_"]:
        """Return the sample."""
        if len(self.values) > _SAMPLE:
            kept = np.argpartition(self.priority, _SAMPLE)[:_SAMPLE]
            self.values, self.priority = self.values[kept], self.priority[kept]
        return self.values


@dataclass
class _Gathered:
    """What is gathered of a column while a file is read in pieces."""

    profile: ColumnProfile
    sample: _Sample = field(default_factory=_Sample)
    counts: Counter = field(default_factory=Counter)
    gaps: int = 0
    rows: int = 0

    def add(self, column: Any) -> None:
        """Add the values of further rows."""
        found = read_values(column, self.profile.name, self.profile.kind)
        self.sample.add(found.numbers)
        self.counts.update(found.counts)
        self.gaps += found.gaps
        self.rows += len(column)


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

    scores, rows, bad, alarms = _Sample(), 0, 0, 0
    for part in saved.score_file(source, options):
        mean = part.mean[part.good]
        scores.add(mean)
        rows, bad = rows + part.count, bad + len(part.bad)
        alarms += int((mean > limit).sum())
    if rows == bad:
        raise DataError(f"{source}: none of {rows} rows could be scored")
    columns = _gather_columns(saved, profile, source, options)

    good = rows - bad
    tests = [
        _test_alarms(alarms, good, compared, limit, held_out),
        _test_scores(scores.cut(), compared, held_out),
    ]
    for one in columns:
        tests += _test_column(one)
    adjusted = adjust_by_holm(np.array([test.p_value for test in tests]))
    low, high = _clopper_pearson(alarms, good)
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
        tuple(_report_column(one) for one in columns),
    )


def adjust_by_holm(p: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    """Return p-values with Holm's correction for k tests.

    References:
        Holm 1979, A simple sequentially rejective multiple test procedure.

    Example:
        >>> adjust_by_holm(np.array([0.01, 0.04, 0.02])).round(3)
        array([0.03, 0.04, 0.04])
    """
    order = np.argsort(p)
    factors = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p[order]), 1.0)
    return adjusted


def _load_profile(saved: SavedDetector) -> Profile:
    path = saved.folder / PROFILE
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


def _gather_columns(
    saved: SavedDetector, profile: Profile, source: str | Path, options: TableOptions
) -> list[_Gathered]:
    """Read the columns of a file; bad rows are left out."""
    names = [column.name for column in profile.columns]
    table = open_table(source, options, names)
    chosen = names
    if not saved.columns:  # arrays have no names: columns are known by their places
        roles = assign_roles(table.names, options, index=table.index, what=table.name)
        chosen = list(roles.features[: len(names)])
    missing = [name for name in chosen if name not in table.names]
    if missing or len(chosen) < len(names):
        raise DataError(f"{source}: columns of training are missing: {', '.join(missing or names)}")
    gathered = [_Gathered(column) for column in profile.columns]
    for piece in table.pieces(columns=chosen):
        rows = piece.table
        if piece.bad:
            good = np.ones(rows.num_rows, bool)
            good[list(piece.bad)] = False
            rows = rows.filter(good)
        for one, name in zip(gathered, chosen, strict=True):
            one.add(rows[name])
    return gathered


def _test_alarms(
    count: int, rows: int, compared: Float[np.ndarray, "m"], limit: float, held_out: bool
) -> DriftTest:
    """DriftTest the number of alarms among new rows.

    If the new rows are like those of the reference, of which k - 1 of m lie above the threshold,
    the share of alarms is distributed as Beta(k, m + 1 - k), because the threshold itself is chosen
    by a sample; the number of alarms is then beta-binomial.
    """
    from scipy.stats import betabinom

    m, k = len(compared), min(int((compared > limit).sum()) + 1, len(compared))
    if not held_out:
        k = min(FACTOR * k, m)
    law = betabinom(rows, k, m + 1 - k)
    high = float(law.sf(count - 1))
    p_value = min(1.0, 2 * min(high, float(law.cdf(count)))) if held_out else min(high, 1.0)
    return DriftTest("alarm rate", None, "beta-binomial", count / rows, p_value)


def _test_scores(
    scores: Float[np.ndarray, "n"], compared: Float[np.ndarray, "m"], held_out: bool
) -> DriftTest:
    distance, p_value = _kolmogorov_smirnov(scores, compared, 0.0 if held_out else MARGIN)
    return DriftTest("scores", None, "Kolmogorov-Smirnov", distance, p_value)


def _test_column(one: _Gathered) -> Iterator[DriftTest]:
    """Yield the tests of the values of a column and of its gaps."""
    profile, name = one.profile, one.profile.name
    values = one.sample.cut()
    if profile.kind == "number" and len(values) and len(profile.sample):
        distance, p_value = _kolmogorov_smirnov(values, profile.sample)
        yield DriftTest("values", name, "Kolmogorov-Smirnov", distance, p_value)
    if profile.kind == "category" and one.counts and profile.counts:
        statistic, p_value = _chi_squared(one)
        yield DriftTest("values", name, "chi-squared", statistic, p_value)
    new, old = one.gaps, profile.gaps
    if new or old:
        from scipy.stats import fisher_exact

        found: Any = fisher_exact([[new, one.rows - new], [old, profile.rows - old]])
        yield DriftTest("gaps", name, "Fisher's exact", new / max(one.rows, 1), float(found.pvalue))


def _kolmogorov_smirnov(
    a: Float[np.ndarray, "n"], b: Float[np.ndarray, "m"], margin: float = 0.0
) -> tuple[float, float]:
    """Return the largest distance between two distribution functions, and its p-value.

    Args:
        a: The numbers of one sample.
        b: Those of the other.
        margin: The distance that the two distributions may have.
    """
    from scipy.stats import ks_2samp, kstwo

    found: Any = ks_2samp(a, b, method="asymp")
    distance = float(found.statistic)
    effective = max(round(len(a) * len(b) / (len(a) + len(b))), 1)
    return distance, float(np.clip(kstwo.sf(max(distance - margin, 0.0), effective), 0.0, 1.0))


def _chi_squared(one: _Gathered) -> tuple[float, float]:
    """DriftTest whether categories are as frequent as in training.

    Categories with fewer than 5 expected rows are pooled; those that are not stored count as one.
    """
    from scipy.stats import chi2_contingency

    profile = one.profile
    old = dict(zip(profile.categories, profile.counts, strict=True))
    names = sorted(old.keys() | one.counts.keys())
    table = np.array([[old.get(n, 0) for n in names], [one.counts.get(n, 0) for n in names]], float)
    rest = profile.rows - profile.gaps - sum(profile.counts)
    if rest:
        unseen = [name not in old for name in names]
        pooled = table[:, unseen].sum(axis=1) + np.array([rest, 0])
        table = np.column_stack([table[:, np.logical_not(unseen)], pooled])
    table = table[:, np.argsort(-table.sum(axis=0))]
    while table.shape[1] > 1:
        expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
        if expected[-1] >= 5:
            break
        table = np.column_stack([table[:, :-2], table[:, -2] + table[:, -1]])
        table = table[:, np.argsort(-table.sum(axis=0))]
    if table.shape[1] < 2:
        return 0.0, 1.0
    found: Any = chi2_contingency(table, correction=False)
    return float(found.statistic), float(found.pvalue)


def _clopper_pearson(count: int, rows: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share."""
    from scipy.stats import beta

    low = beta.ppf(0.025, count, rows - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, rows - count) if count < rows else 1.0
    return float(low), float(high)


def _report_column(one: _Gathered) -> ColumnReport:
    profile = one.profile
    known = set(profile.categories)
    complete = sum(profile.counts) + profile.gaps == profile.rows
    unseen: Sequence[str] = ()
    if profile.kind == "category" and complete:
        unseen = sorted(set(one.counts) - known, key=lambda text: (-one.counts[text], text))
    return ColumnReport(
        profile.name,
        profile.kind,
        one.gaps,
        one.gaps / max(one.rows, 1),
        profile.gaps / max(profile.rows, 1),
        sum(one.counts[text] for text in unseen),
        tuple(unseen[:_NAMED]),
    )
