r"""A threshold with a bound on false alarms from a reference that may hold anomalies.

With $m$ scores of reference rows that were not trained on, the threshold is the $k$-th largest of
them. Let the reference have held $m_0$ normal rows, $w$ of which were taken out because they were
labelled anomalies by mistake. A new normal row scores above the threshold only if at most $k - 1 +
w$ of the $m_0$ rows score as high as it does. It is exchangeable with them, therefore

$$P(\text{false alarm}) \le \frac{k + w}{m_0 + 1}, \qquad m_0 \ge m - u + w,$$

if at most $u$ anomalies remain in the reference, *whatever their scores are*. The largest $k$ for
which this is at most $\alpha$ is $k = \lfloor \alpha (m - u + w + 1) \rfloor - w$. Known anomalies
may be taken out before, however they were found: this leaves all normal rows where they are, and
raises the power, since the threshold falls. With $u = w = 0$ it is the ordinary conformal
threshold, whose bound also holds for a contaminated reference if anomalies score at least as high
as normal rows (in the stochastic order).

References:
    Bashari, Sesia and Romano 2025, Robust conformal outlier detection under contaminated reference
    data, ICML, arXiv 2502.04807 (contaminated references are conservative; labels spent on their
    top); Bates, Candes, Lei, Romano and Sesia 2023, Testing for outliers with conformal p-values.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxad.thresholds.checks import check_range, check_scores

__all__ = ["AlarmBound", "bound_alarms"]


class AlarmBound(NamedTuple):
    """A threshold, and the bound on false alarms that comes with it.

    Attributes:
        threshold: A row with a higher score is an alarm; None if the reference is too small.
        alpha: The bound on the probability that a new normal row is an alarm.
        reference: The number m of reference rows.
        hidden: The largest number u of anomalies among them for which the bound holds.
        mistaken: The largest number w of normal rows that were taken out as anomalies.
    """

    threshold: float | None
    alpha: float
    reference: int
    hidden: int
    mistaken: int

    def describe(self) -> str:
        """Return the bound and its condition in words."""
        if self.threshold is None:
            return (
                f"no threshold: {self.reference} reference rows, of which up to {self.hidden} may "
                f"be anomalies, are too few for a bound of {self.alpha:g} on false alarms"
            )
        wrong = f", and at most {self.mistaken} answers in it were wrong" if self.mistaken else ""
        return (
            f"threshold {self.threshold:.6g}: at most {100 * self.alpha:g} % of new normal rows "
            f"score above it on average, if at most {self.hidden} of the {self.reference} "
            f"reference rows are anomalies{wrong}"
        )


def bound_alarms(
    scores: Float[np.ndarray, "m"], alpha: float = 0.05, hidden: int = 0, mistaken: int = 0
) -> AlarmBound:
    """Choose the lowest threshold whose bound on false alarms is at most `alpha`.

    Args:
        scores: `(m,)` scores of reference rows that were not trained on, without known anomalies.
        alpha: The bound, in (0, 1).
        hidden: The largest number u of anomalies among them.
        mistaken: The largest number w of normal rows that were taken for known anomalies.

    Raises:
        ConfigError: `alpha` is out of range.
        DataError: A score is not finite, or there are none.

    Example:
        >>> bound_alarms(np.arange(99.0), 0.05).threshold
        94.0
        >>> bound_alarms(np.arange(99.0), 0.05, hidden=20).threshold
        95.0
    """
    check_range("alpha", alpha, 0, 1)
    scores = np.sort(check_scores(scores))
    place = int(alpha * (max(len(scores) - hidden, 0) + mistaken + 1) * (1 + 1e-12)) - mistaken
    threshold = float(scores[-place]) if place >= 1 else None
    return AlarmBound(threshold, alpha, len(scores), hidden, mistaken)
