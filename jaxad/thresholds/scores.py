"""Thresholds from the scores of training rows, or of rows held out."""

from math import erf, sqrt

import numpy as np
from jaxtyping import Float, Int

from jaxad.errors import ConfigError, DataError
from jaxad.thresholds.checks import Scores, check_range, check_scores

__all__ = ["extreme", "f1", "logistic", "quantile", "sigma", "unified"]


def quantile(score: Scores, contamination: float) -> float:
    r"""Return the $1 - \rho$ quantile of scores: a share $\rho$ of them lies above it.

    Args:
        score: `(n,)` scores of rows that contain the expected share of anomalies.
        contamination: The share $\rho$ of anomalies, in (0, 1).

    Returns:
        The threshold, interpolated between two scores.

    Raises:
        ConfigError: `contamination` is out of range.
        DataError: No scores, or one that is not finite; so for all rules.

    Example:
        >>> quantile(np.arange(10.0), 0.2)
        7.2
    """
    check_range("contamination", contamination, 0, 1)
    return float(np.quantile(check_scores(score), 1 - contamination))


def sigma(score: Scores, k: float = 3.0) -> float:
    r"""Return the mean plus k standard deviations.

    By Cantelli's inequality at most a share $1 / (1 + k^2)$ of the population lies above it,
    whatever the distribution: one in ten for k = 3. For a Gaussian it is 0.13 %.

    Args:
        score: `(n,)` scores of mostly normal rows.
        k: The number of standard deviations, > 0.
    """
    check_range("k", k, 0, np.inf)
    score = check_scores(score)
    return float(score.mean() + k * score.std())


def extreme(score: Scores, risk: float = 1e-3, level: float = 0.98) -> float:
    r"""Return the score that a normal row exceeds with probability `risk`: peaks over threshold.

    Excesses over the quantile t at `level` follow a generalised Pareto distribution with shape
    $\xi$ and scale $\sigma$, which extrapolates the tail:

    $$z = t + \frac{\sigma}{\xi} \left( \left( \frac{\mathrm{risk}\, n}{n_t} \right)^{-\xi} - 1
    \right),$$

    with $n_t$ of n scores above t; for $\xi = 0$ the limit
    $t - \sigma \log(\mathrm{risk}\, n / n_t)$. Both are fitted by maximum likelihood.

    Args:
        score: `(n,)` scores of mostly normal rows, at least 50. At least 10 must lie above t, which
            is lowered until they do.
        risk: The probability of a false alarm, in (0, 1 - level).
        level: Where the tail begins, in (0, 1).

    Returns:
        The threshold.

    Raises:
        ConfigError: A number is out of range.
        DataError: Fewer than 50 scores.

    References:
        Siffer, Fouque, Termier and Largouet 2017, Anomaly detection in streams with extreme value
        theory, equation 1.
    """
    check_range("level", level, 0, 1)
    check_range("risk", risk, 0, 1)
    score = np.sort(check_scores(score))
    n = len(score)
    if n < 50:
        raise DataError(f"extreme needs at least 50 scores; given {n}")
    level = min(level, 1 - 10 / n)
    if risk >= 1 - level:
        raise ConfigError(f"risk must be below 1 - level = {1 - level:.3g}; given {risk}")
    start = float(np.quantile(score, level))
    excess = score[score > start] - start
    if len(excess) < 2 or excess.max() <= 1e-12 * max(abs(start), 1e-300):
        return float(score[-1])  # all excesses are equal: there is no tail to fit
    from scipy.stats import genpareto

    unit = excess.mean()
    with np.errstate(all="ignore"):  # steps that the fit tries and rejects
        shape, _, scale = genpareto.fit(excess / unit, floc=0)
    log = np.log(risk * n / len(excess))
    stretch = -log if abs(shape) < 1e-8 else np.expm1(-shape * log) / shape
    return start + float(unit * scale * stretch)


def f1(score: Scores, label: Int[np.ndarray, "n"]) -> float:
    r"""Return the threshold with the largest F1 of the labelled rows.

    It lies halfway to the next lower score. It is optimistic on the rows that a detector was
    trained on; use rows held out.

    Args:
        score: `(n,)` scores.
        label: `(n,)` training labels: -1 anomaly, 1 normal. Unlabelled rows (0) count as normal if
            no row is labelled normal; else they do not count.

    Raises:
        DataError: No labelled anomaly, or no other row.
    """
    score, label = check_scores(score), np.asarray(label)
    if not (label > 0).any():
        label = np.where(label == 0, 1, label)
    score, anomaly = score[label != 0], label[label != 0] < 0
    if not anomaly.any() or anomaly.all():
        raise DataError(
            f"f1 needs labelled rows of both kinds; given {int(anomaly.sum())} labelled "
            f"anomalies and {int((~anomaly).sum())} labelled normal rows"
        )
    order = np.argsort(-score, kind="stable")
    score, hits = score[order], np.cumsum(anomaly[order])
    last = np.append(score[:-1] > score[1:], True)  # rows of equal score share a threshold
    values = np.where(last, 2 * hits / (np.arange(1, len(score) + 1) + anomaly.sum()), -1.0)
    best = int(np.argmax(values))
    if best + 1 == len(score):
        return float(np.nextafter(score[best], -np.inf))
    middle = float(score[best + 1] + (score[best] - score[best + 1]) / 2)
    return middle if middle < score[best] else float(score[best + 1])


def unified(score: Scores, reference: Float[np.ndarray, "m"]) -> Scores:
    r"""Map scores to [0, 1] by Gaussian scaling, to compare or combine detectors.

    $\max(0, \mathrm{erf}((s - \mu) / (\sigma \sqrt 2)))$ with the mean and the standard deviation
    of the reference. It grows with the score and is 0 up to the mean. It is *not* a calibrated
    probability.

    Args:
        score: `(n,)` scores.
        reference: `(m,)` scores of mostly normal rows.

    References:
        Kriegel, Kroger, Schubert and Zimek 2011, Interpreting and unifying outlier scores,
        section 3.2.
    """
    reference = check_scores(reference)
    spread = max(float(reference.std()), float(np.finfo(np.float64).tiny))
    with np.errstate(over="ignore"):
        z = (check_scores(score) - reference.mean()) / (spread * sqrt(2))
    return np.array([max(0.0, erf(value)) for value in z])


def logistic(score: Scores, threshold: float, reference: Float[np.ndarray, "m"]) -> Scores:
    r"""Map scores to [0, 1] by a logistic function that is 1/2 at the threshold.

    $1 / (1 + \exp(-(s - t) / \sigma))$ with the threshold $t$ and the standard deviation of the
    reference. It grows with the score. It is *not* a calibrated probability.

    Args:
        score: `(n,)` scores.
        threshold: The threshold.
        reference: `(m,)` scores of mostly normal rows.

    Example:
        >>> logistic(np.array([2.0]), 2.0, np.array([0.0, 1.0]))
        array([0.5])
    """
    spread = max(float(check_scores(reference).std()), float(np.finfo(np.float64).tiny))
    with np.errstate(over="ignore"):
        z = (check_scores(score) - threshold) / spread
        return np.where(z < 0, 1 - 1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z)))
