r"""How many anomalies remain among the rows that were not asked.

Two estimates:

* `extrapolate` continues the answers. The j-th most suspicious row is an anomaly with the
  probability $p_j = 1 / (1 + e^{-a} j^{\,b})$, with $b \ge 0$: it falls as a power of the rank. The
  posterior of a and b, given the answers in the order of asking, is summed over a grid. Under a
  prior the share of anomalies among all rows is exponential, cut at a half, and b is half normal.
  The estimate is that of the first of `PRIORS`. The interval holds those of both, since few answers
  hardly tell where the anomalies end. This is a model; how often the interval holds the true share
  is measured, not guaranteed.
* `bound_by_checks` uses rows that were drawn at random from those that were not asked. Its interval
  is exact (Clopper and Pearson 1934), whatever the scores are worth; if answers may be wrong, it
  holds for each share of wrong ones up to the one given.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["PRIORS", "Prior", "Remaining", "bound_by_checks", "extrapolate"]

_LEVEL = 0.95
_A = np.linspace(-6, 60, 133)
_B = np.linspace(0, 14, 57)
_COUNTS = 2000  # the distribution of the number of anomalies is computed at so many points


class Prior(NamedTuple):
    """The prior of `extrapolate`.

    Attributes:
        share: The mean of the exponential prior of the share of anomalies among all rows, > 0.
        slope: The deviation of the half-normal prior of b, > 0.
    """

    share: float
    slope: float


PRIORS = (Prior(0.05, 2.0), Prior(0.2, 0.7))


class Remaining(NamedTuple):
    """An estimate of the anomalies among rows that were not asked.

    Attributes:
        rows: The number of these rows.
        share: The expected share of anomalies among them.
        low: The lower end of the 95 % interval of the share.
        high: The upper end.
        method: "extrapolated" from the answers, or "checked" by rows drawn at random.
        probability: The probability of each row, the most suspicious first; None for "checked". In
            a session, that of each row of the table, 0 for rows with a label.
        continued: The numbers of answers that say anomaly and normal and were continued; 0 and 0
            for "checked".
    """

    rows: int
    share: float
    low: float
    high: float
    method: str
    probability: Float[np.ndarray, "rows"] | None = None
    continued: tuple[int, int] = (0, 0)


def extrapolate(
    answers: Bool[np.ndarray, "q"],
    rows: int,
    label_noise: float = 0.0,
    priors: Sequence[Prior] = PRIORS,
) -> Remaining:
    """Continue the answers to the rows that were not asked.

    Args:
        answers: Whether each row that was asked is an anomaly, in the order of suspicion.
        rows: The number of rows that were not asked, less suspicious than these.
        label_noise: The share of wrong answers, in [0, 0.5).
        priors: The first one gives the estimate; the interval holds those of all.
    """
    told = np.asarray(answers, bool)
    if not rows:
        return Remaining(0, 0.0, 0.0, 0.0, "extrapolated", np.zeros(0))
    found = [_extrapolate(told, rows, label_noise, one) for one in priors]
    low, high = min(one.low for one in found), max(one.high for one in found)
    continued = int(told.sum()), int((~told).sum())
    return found[0]._replace(low=low, high=high, continued=continued)


def _extrapolate(
    answers: Bool[np.ndarray, "q"], rows: int, label_noise: float, prior: Prior
) -> Remaining:
    from scipy.special import expit
    from scipy.stats import norm

    q = len(answers)
    a, b = (grid.ravel() for grid in np.meshgrid(_A, _B, indexing="ij"))
    rank = np.log(np.arange(1, q + rows + 1))
    # Ranks far down are pooled: p changes little from one to the next.
    ends = np.unique(np.r_[q, np.round(np.geomspace(q + 1, q + rows, 60)).astype(int)])
    ends = ends[ends <= q + rows]
    sizes = np.diff(ends)
    middle = np.log((ends[:-1] + ends[1:] + 1) / 2)
    asked = expit(a[:, None] - b[:, None] * rank[:q])
    rest = expit(a[:, None] - b[:, None] * middle)
    said = label_noise + (1 - 2 * label_noise) * asked
    fit = np.log(np.where(answers, said, 1 - said) + 1e-300).sum(axis=1)
    whole = (asked.sum(axis=1) + rest @ sizes) / max(q + rows, 1)
    fit += -whole / prior.share - 0.5 * (b / prior.slope) ** 2
    allowed = whole <= max(0.5, whole.min())
    weight = np.where(allowed, np.exp(np.minimum(fit - fit[allowed].max(), 0)), 0)
    weight /= weight.sum()
    mean = rest @ sizes
    spread = np.sqrt((rest * (1 - rest)) @ sizes + 1e-9)
    counts = np.arange(rows + 1)
    if rows > _COUNTS:
        some = np.r_[np.linspace(0, rows, _COUNTS // 2), np.geomspace(1, rows, _COUNTS // 2)]
        counts = np.unique(some.round().astype(int))
    heavy = weight > 1e-6
    below = weight[heavy] @ norm.cdf((counts + 0.5 - mean[heavy, None]) / spread[heavy, None])
    below /= weight[heavy].sum()
    first, last = np.searchsorted(below, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    low = int(counts[first - 1]) + 1 if first else 0
    high = int(counts[min(last, len(counts) - 1)])
    probability = np.repeat(weight @ rest, sizes)
    n = max(rows, 1)
    share, ends = float(probability.sum() / n), (low / n, min(high, rows) / n)
    return Remaining(rows, share, *ends, "extrapolated", probability)


def bound_by_checks(
    answers: Bool[np.ndarray, "c"], rows: int, label_noise: float = 0.0
) -> Remaining:
    """Return the exact interval from rows that were drawn at random.

    With a share e of wrong answers, anomalies of a share p are told with the share
    p (1 - e) + (1 - p) e. The interval contains each p that this leads to for an e of at most
    `label_noise`; the expected share is that for `label_noise`.

    Args:
        answers: Whether each row drawn is an anomaly.
        rows: The number of rows that they were drawn from.
        label_noise: The largest share of wrong answers, in [0, 0.5).
    """
    from scipy.stats import beta

    def correct(told: float) -> float:
        return float(np.clip((told - label_noise) / (1 - 2 * label_noise), 0, 1))

    count, hits = len(answers), int(np.sum(answers))
    tail = (1 - _LEVEL) / 2
    low = float(beta.ppf(tail, hits, count - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, count - hits)) if hits < count else 1.0
    share = correct((hits + 0.5) / (count + 1))
    return Remaining(rows, share, min(low, correct(low)), max(high, correct(high)), "checked")
