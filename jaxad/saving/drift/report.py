"""The report of `monitor`: alarms, tests and columns."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

__all__ = ["Alarms", "ColumnReport", "DriftTest", "MonitorReport"]


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
