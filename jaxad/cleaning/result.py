"""What a cleaning gives: suspects, what remains, a detector and its threshold."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int8

from jaxad.cleaning.alarms import AlarmBound, bound_alarms
from jaxad.cleaning.options import CleaningOptions
from jaxad.cleaning.remaining import Remaining
from jaxad.cleaning.rows import select_rows

if TYPE_CHECKING:
    import pandas as pd

    from jaxad.sklearn import JaxADDetector

__all__ = ["CleaningResult", "conclude"]


@dataclass(frozen=True, eq=False)
class CleaningResult:
    """The result of a cleaning.

    Attributes:
        suspects: The rows to drop: known anomalies, and unlabelled rows whose estimated probability
            of being anomalies is above `drop_above`. The columns are `row`, `probability` and
            `verified`, the most probable first.
        true_share: The expected share of anomalies among them; NaN if there are none.
        kept: `(n,)` whether a row remains.
        remaining: The estimate of the anomalies among the rows without a label that remain.
        detector: The detector, trained on the rows that remain outside of the reference, and on the
            known anomalies. Its threshold is that of `alarms`.
        alarms: The threshold and its bound; None without a reference.
    """

    suspects: "pd.DataFrame"
    true_share: float
    kept: Bool[np.ndarray, "n"]
    remaining: Remaining
    detector: "JaxADDetector"
    alarms: AlarmBound | None

    def __repr__(self) -> str:
        return "CleaningResult(\n  " + "\n  ".join(self.describe()) + "\n)"

    def describe(self) -> list[str]:
        """Return the result in a few lines."""
        count, verified = len(self.suspects), int(self.suspects.verified.sum())
        share = f", expected share of anomalies {self.true_share:.2f}" if count else ""
        left = self.remaining
        lines = [
            f"{count} rows to drop, {verified} of them verified{share}",
            f"of {left.rows} unlabelled rows that remain, {100 * left.share:.1f} % are expected to "
            f"be anomalies, 95 % interval {100 * left.low:.1f} to {100 * left.high:.1f} % "
            f"({left.method})",
        ]
        return lines if self.alarms is None else [*lines, self.alarms.describe()]


def conclude(
    x: Any,
    label: Int8[np.ndarray, "n"],
    reference: Bool[np.ndarray, "n"],
    remaining: Remaining,
    options: CleaningOptions,
) -> CleaningResult:
    """Drop suspects, train a detector on what remains, and choose its threshold.

    Args:
        x: The rows.
        label: -1 known anomaly, 0 unknown, 1 verified normal.
        reference: The rows that are kept out of training.
        remaining: The estimate for the rows without a label, with the probability of each row.
        options: The options.
    """
    import pandas as pd

    assert remaining.probability is not None
    probability = np.where(label < 0, 1 - options.label_noise, remaining.probability)
    dropped = (label < 0) | ((label == 0) & (probability > options.drop_above))
    rows = np.flatnonzero(dropped)
    rows = rows[np.lexsort((rows, -probability[rows], label[rows]))]
    suspects = pd.DataFrame(
        {"row": rows, "probability": probability[rows], "verified": label[rows] < 0}
    )
    left = _leave_out(remaining, dropped[label == 0], probability[label == 0])
    detector, alarms = _train(x, label, reference, dropped, remaining, options)
    share = float(probability[rows].mean()) if len(rows) else float("nan")
    return CleaningResult(suspects, share, ~dropped, left, detector, alarms)


def _leave_out(
    remaining: Remaining, dropped: Bool[np.ndarray, "r"], probability: Float[np.ndarray, "r"]
) -> Remaining:
    """Return the estimate without the rows that are dropped.

    The ends of the interval lose the expected number of anomalies among them.
    """
    taken, before, after = probability[dropped].sum(), len(dropped), max(int((~dropped).sum()), 1)
    low, share, high = (
        float(np.clip((end * before - taken) / after, 0, 1))
        for end in (remaining.low, remaining.share, remaining.high)
    )
    return remaining._replace(rows=int((~dropped).sum()), share=share, low=low, high=high)


def _train(
    x: Any,
    label: Int8[np.ndarray, "n"],
    reference: Bool[np.ndarray, "n"],
    dropped: Bool[np.ndarray, "n"],
    remaining: Remaining,
    options: CleaningOptions,
) -> tuple["JaxADDetector", AlarmBound | None]:
    """Train on rows outside of the reference, and choose a threshold by those inside."""
    from jaxad.sklearn import JaxADDetector

    trained = ~reference & (~dropped | (label < 0))
    target = np.where(label < 0, 1, np.where(label > 0, 2, 0))[trained]
    verified = 2 if (target == 2).any() else None
    detector = JaxADDetector(
        options.detector,
        label="none" if hasattr(x, "columns") else None,
        normal=verified,
        settings=options.settings,
        seed=options.seed,
    )
    detector.fit(select_rows(x, trained), target if target.any() else None)
    detector.set_params(normal=None)
    # Only known anomalies leave the reference: leaving out suspects would choose among normal rows.
    kept = reference & (label >= 0)
    if not kept.any():
        return detector, None
    scores = detector.anomaly_score(select_rows(x, kept))
    hidden = int(np.ceil(remaining.high * np.sum(kept & (label == 0))))
    wrong = _count_mistaken(int(np.sum(reference & (label < 0))), options.label_noise)
    alarms = bound_alarms(scores, options.alpha, hidden, wrong)
    if alarms.threshold is not None:
        detector.set_params(threshold=alarms.threshold)
        detector.threshold_ = alarms.threshold
        detector.reference_ = detector.reference_._replace(held_out=scores)
    return detector, alarms


def _count_mistaken(removed: int, label_noise: float) -> int:
    """Return the 95 % quantile of the number of wrong answers among those removed."""
    from scipy.stats import binom

    return int(binom.ppf(0.95, removed, label_noise)) if removed and label_noise else 0
