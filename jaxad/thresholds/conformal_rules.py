"""Conformal p-values: a guaranteed rate of false alarms, from normal rows held out."""

import numpy as np
from jaxtyping import Bool, Float

from jaxad.errors import DataError
from jaxad.thresholds.checks import Scores, check_range, check_scores

__all__ = ["benjamini_hochberg", "check_held_out", "conformal", "p_values"]


def p_values(score: Scores, held_out: Float[np.ndarray, "m"]) -> Scores:
    r"""Compute conformal p-values: how rare a score is among normal rows.

    $$p(s) = \frac{1 + |\{i : c_i \ge s\}|}{m + 1}$$

    for scores $c_1, \dots, c_m$ of normal rows that were not trained on. For a normal row that is
    exchangeable with them $P(p \le \alpha) \le \alpha$ for every $\alpha$, whatever the detector
    and the distribution; the probability includes the draw of the rows held out.

    Args:
        score: `(n,)` scores.
        held_out: `(m,)` scores of normal rows that were not trained on.

    Returns:
        `(n,)` in [1 / (m + 1), 1].

    References:
        Bates, Candes, Lei, Romano and Sesia 2023, Testing for outliers with conformal p-values,
        section 2; Vovk, Gammerman and Shafer 2005.

    Example:
        >>> p_values(np.array([0.0, 2.5, 9.0]), np.array([1.0, 2.0, 3.0]))
        array([1.  , 0.5 , 0.25])
    """
    ordered = np.sort(check_scores(held_out))
    above = len(ordered) - np.searchsorted(ordered, check_scores(score), side="left")
    return (1 + above) / (len(ordered) + 1)


def conformal(held_out: Scores, alpha: float = 0.05) -> float:
    r"""Return the lowest threshold with a probability of false alarms of at most `alpha`.

    It is the $\lfloor \alpha (m + 1) \rfloor$-th largest of the m scores held out: a score is above
    it where its conformal p-value is at most $\alpha$.

    Args:
        held_out: `(m,)` scores of normal rows that were not trained on. Hidden anomalies among
            them with high scores make false alarms rarer, and true alarms too.
        alpha: The probability of a false alarm, in (0, 1).

    Raises:
        DataError: Fewer than `1 / alpha - 1` scores, for which no p-value is that small.
    """
    held_out = np.asarray(held_out)
    place = check_held_out(len(held_out), alpha)
    return float(np.sort(check_scores(held_out))[-place])


def check_held_out(count: int, alpha: float) -> int:
    r"""Check that enough rows are held out for the threshold of `conformal`.

    Args:
        count: The number m of rows held out.
        alpha: The probability of a false alarm, in (0, 1).

    Returns:
        The place of the threshold among the scores held out, $\lfloor \alpha (m + 1) \rfloor$.

    Raises:
        DataError: Fewer than `1 / alpha - 1` rows.
    """
    check_range("alpha", alpha, 0, 1)
    place = int(np.floor(alpha * (count + 1) * (1 + 1e-12)))
    if place < 1:
        raise DataError(
            f"conformal({alpha:g}) needs at least {int(np.ceil(1 / alpha - 1 - 1e-9))} "
            f"normal rows that were not trained on; given {count}"
        )
    return place


def benjamini_hochberg(p: Scores, rate: float = 0.1) -> Bool[np.ndarray, "n"]:
    r"""Select the rows to report, so that on average at most a share `rate` of them is normal.

    These are the k rows with the smallest p-values, where k is the largest number with
    $p_{(k)} \le \mathrm{rate}\, k / n$. Conformal p-values of independent rows are positively
    dependent, because they share the rows held out; the bound holds for them (Bates et al.,
    theorem 2).

    Args:
        p: `(n,)` p-values.
        rate: The false discovery rate, in (0, 1).

    Returns:
        `(n,)` whether a row is reported.

    References:
        Benjamini and Hochberg 1995, Controlling the false discovery rate.
    """
    check_range("rate", rate, 0, 1)
    p = np.asarray(p, float)
    ordered = np.sort(p)
    within = np.flatnonzero(ordered <= rate * np.arange(1, len(p) + 1) / max(len(p), 1))
    return p <= ordered[within[-1]] if len(within) else np.zeros(len(p), bool)
