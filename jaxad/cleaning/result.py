"""What a cleaning gives: suspects, what remains, a detector and its threshold."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int8

from jaxad.cleaning.alarms import AlarmBound, bound_alarms
from jaxad.cleaning.examples import Examples
from jaxad.cleaning.options import CleaningOptions
from jaxad.cleaning.remaining import Remaining
from jaxad.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CleaningResult", "bound_mistakes", "conclude", "expect_true"]

_ONE_SIDED = 9  # answers that say anomaly for each that says normal


@dataclass(frozen=True, eq=False)
class CleaningResult:
    """The result of a cleaning.

    Attributes:
        suspects: The rows to drop: known anomalies, and unlabelled rows whose estimated probability
            of being anomalies is above `drop_above`. The columns are `row`, the name of the row
            where it has one, `probability` and `verified`, the most probable first.
        true_share: The expected share of anomalies among them, by `expect_true` for those that
            answers call anomalies; NaN if there are none.
        kept: `(n,)` whether a row remains.
        remaining: The estimate of the anomalies among the rows without a label that remain.
        detector: The detector, trained on the rows that remain outside of the reference, and on the
            known anomalies: a `JaxADDetector` with the threshold of `alarms` for tables, else a
            `FileDetector`; None for texts where no detector was named.
        alarms: The threshold and its bound; None without a reference.
        noun: What the rows are called, such as "windows".
    """

    suspects: "pd.DataFrame"
    true_share: float
    kept: Bool[np.ndarray, "n"]
    remaining: Remaining
    detector: Any
    alarms: AlarmBound | None
    noun: str = "rows"

    def __repr__(self) -> str:
        return "CleaningResult(\n  " + "\n  ".join(self.describe()) + "\n)"

    def describe(self) -> list[str]:
        """Return the result in a few lines."""
        count, verified = len(self.suspects), int(self.suspects.verified.sum())
        share = f", expected share of anomalies {self.true_share:.2f}" if count else ""
        left = self.remaining
        lines = [
            f"{count} {self.noun} to drop, {verified} of them verified{share}",
            f"of {left.rows} unlabelled {self.noun} that remain, {100 * left.share:.1f} % are "
            f"expected to be anomalies, 95 % interval {100 * left.low:.1f} to "
            f"{100 * left.high:.1f} % ({left.method})"
            if left.rows
            else f"no unlabelled {self.noun} remain",
        ]
        anomalous, normal = left.continued
        if anomalous > _ONE_SIDED * normal:
            lines.append(
                f"{anomalous} of {anomalous + normal} answers outside of the reference say "
                "anomaly, so they hardly tell where the anomalies end: give more answers"
            )
        return lines if self.alarms is None else [*lines, self.alarms.describe()]


def conclude(
    examples: Examples,
    label: Int8[np.ndarray, "n"],
    reference: Bool[np.ndarray, "n"],
    remaining: Remaining,
    options: CleaningOptions,
) -> CleaningResult:
    """Drop suspects, train a detector on what remains, and choose its threshold.

    Args:
        examples: The examples.
        label: -1 known anomaly, 0 unknown, 1 verified normal.
        reference: The rows that are kept out of training.
        remaining: The estimate for the rows without a label, with the probability of each row.
        options: The options.

    Raises:
        DataError: Fewer than two examples remain for training.
    """
    import pandas as pd

    assert remaining.probability is not None
    told = _count(label < 0), _count(label > 0)
    verified = expect_true(*told, options.label_noise)
    probability = np.where(label < 0, verified, remaining.probability)
    dropped = (label < 0) | ((label == 0) & (probability > options.drop_above))
    rows = np.flatnonzero(dropped)
    rows = rows[np.lexsort((rows, -probability[rows], label[rows]))]
    suspects = pd.DataFrame(
        {"row": rows, "probability": probability[rows], "verified": label[rows] < 0}
    )
    if examples.by is not None and examples.names is not None:
        by = "id" if examples.by in suspects else examples.by
        suspects.insert(1, by, examples.names[rows])
    remain = int((~dropped & ~reference).sum())
    if remain < 2:
        raise DataError(
            f"{remain} {examples.noun} remain to train a detector on, and at least 2 are needed; "
            "all others are known or suspected anomalies. Correct wrong answers, or add "
            f"{examples.noun} and begin again"
        )
    left = _leave_out(remaining, dropped[label == 0], probability[label == 0])
    detector, alarms = _train(examples, label, reference, dropped, remaining, options)
    share = float(probability[rows].mean()) if len(rows) else float("nan")
    return CleaningResult(suspects, share, ~dropped, left, detector, alarms, examples.noun)


def _leave_out(
    remaining: Remaining, dropped: Bool[np.ndarray, "r"], probability: Float[np.ndarray, "r"]
) -> Remaining:
    """Return the estimate without the rows that are dropped.

    The share loses the expected number of anomalies among them. The interval holds whatever their
    number is, if that of all rows does: all of them at its lower end, and none at the upper one.
    """
    before, after = len(dropped), max(int((~dropped).sum()), 1)
    low, share, high = (
        float(np.clip((end * before - taken) / after, 0, 1))
        for end, taken in (
            (remaining.low, dropped.sum()),
            (remaining.share, probability[dropped].sum()),
            (remaining.high, 0),
        )
    )
    return remaining._replace(rows=int((~dropped).sum()), share=share, low=low, high=high)


def _train(
    examples: Examples,
    label: Int8[np.ndarray, "n"],
    reference: Bool[np.ndarray, "n"],
    dropped: Bool[np.ndarray, "n"],
    remaining: Remaining,
    options: CleaningOptions,
) -> tuple[Any, AlarmBound | None]:
    """Train on rows outside of the reference, and choose a threshold by those inside."""
    trained = examples.train(label, dropped, reference, options)
    kept = reference & (label >= 0)
    if trained is None or not kept.any():
        return trained and trained.detector, None
    scores = trained.score_reference()
    hidden = int(np.ceil(remaining.high * np.sum(kept & (label == 0))))
    told = _count(reference & (label < 0)), _count(reference & (label > 0))
    mistaken, missed = bound_mistakes(*told, options.label_noise)
    hidden = min(hidden + missed, _count(kept))
    alarms = bound_alarms(scores, options.alpha, hidden, mistaken)
    if alarms.threshold is not None:
        trained.set_threshold(alarms.threshold, scores)
    return trained.detector, alarms


def expect_true(anomalous: int, normal: int, label_noise: float) -> float:
    r"""Return the expected share of anomalies among the rows that answers call anomalies.

    If a share p of the rows asked for are anomalies, a share q = p (1 - e) + (1 - p) e of the
    answers says anomaly, with the noise e, and p (1 - e) / q of those are right. It is the mean of
    this over the posterior of p, whose prior is uniform.

    Args:
        anomalous: The number of answers that say anomaly.
        normal: The number of answers that say normal.
        label_noise: The share of wrong answers, in [0, 0.5).
    """
    p = (np.arange(1000) + 0.5) / 1000
    said = p * (1 - label_noise) + (1 - p) * label_noise
    fit = anomalous * np.log(said) + normal * np.log(1 - said)
    weight = np.exp(fit - fit.max())
    return float(weight @ (p * (1 - label_noise) / said) / weight.sum())


def bound_mistakes(anomalous: int, normal: int, label_noise: float) -> tuple[int, int]:
    """Return the largest numbers of normal rows called anomalies, and of anomalies called normal.

    Their sum is the 95 % quantile of the number of wrong answers, each of which is wrong with the
    probability `label_noise`. As many as possible are normal rows called anomalies, since those
    raise false alarms most.

    Args:
        anomalous: The number of answers for rows of the reference that say anomaly.
        normal: The number of those that say normal.
        label_noise: The share of wrong answers, in [0, 0.5).
    """
    from scipy.stats import binom

    asked = anomalous + normal
    wrong = int(binom.ppf(0.95, asked, label_noise)) if asked and label_noise else 0
    mistaken = min(wrong, anomalous)
    return mistaken, min(wrong - mistaken, normal)


def _count(rows: Bool[np.ndarray, "n"]) -> int:
    return int(np.sum(rows))
