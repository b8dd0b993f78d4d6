"""Metrics of scores against labels (1 anomaly, 0 normal), and summaries over seeds.

Each metric is a pure function of `score`, `label` and a mask of the rows that count, and works
under `jit` and `vmap`. All metrics share one sort. Rows of equal score lie at one threshold, as in
scikit-learn. Counts are integers and means are taken in fixed point, so that float32 is as exact
for a hundred thousand rows as for ten, and all devices give the same values.

Concrete arrays are checked, scores are replaced by their ranks (float32 would merge values that
float64 tells apart), and rows are padded to few lengths, so that few programs serve all sizes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from jaxad.errors import DataError
from jaxad.utils.forks import refuse_forked

__all__ = [
    "Summary",
    "auprc_normal",
    "auroc",
    "average_precision",
    "best_f1",
    "compute_metrics",
    "precision_at_n",
    "summarise",
]

SHORTEST = 1024  # rows that data is padded to, at the least
LONGEST = 2**24  # rows whose sums fit 32 bits in `_mean`
RESAMPLES = 10_000  # of the bootstrap

Mask = ArrayLike | None
Scalar = Float[Array, ""]


class Summary(NamedTuple):
    """A metric over seeds.

    Attributes:
        per_seed: `(S,)` the values.
        mean: Their mean.
        std: Their sample standard deviation (S - 1 in the denominator); nan for one seed.
        interval: 95 % percentile bootstrap interval of the mean; (nan, nan) for one seed.
    """

    per_seed: np.ndarray
    mean: float
    std: float
    interval: tuple[float, float]


def auroc(score: ArrayLike, label: ArrayLike, where: Mask = None) -> Scalar:
    r"""Compute the area under the receiver operating characteristic (ROC) curve.

    It is the probability that an anomaly scores higher than a normal row; ties count one half:

    $$\frac{1}{PN} \sum_{i: y_i = 1} \sum_{j: y_j = 0} [s_i > s_j] + \tfrac12 [s_i = s_j].$$

    Args:
        score: `(n,)` higher is more anomalous; infinities are allowed.
        label: `(n,)` 1 anomaly, 0 normal.
        where: `(n,)` bool, the rows that count; None for all.

    Returns:
        The area. With traced arrays: nan for labels of one class and for a score of nan.

    Raises:
        DataError: With concrete arrays: labels of one class, a score of nan, or different shapes.
    """
    return _measure(_auroc, score, label, where)[0]


def average_precision(score: ArrayLike, label: ArrayLike, where: Mask = None) -> Scalar:
    r"""Compute the average precision of the anomalies: the area under the precision-recall curve.

    $$\frac1P \sum_{i: y_i = 1} \frac{|\{j: s_j \ge s_i, y_j = 1\}|}{|\{j: s_j \ge s_i\}|}.$$

    Arguments, return value and errors are those of `auroc`.
    """
    return _measure(_average_precision, score, label, where)[0]


def auprc_normal(score: ArrayLike, label: ArrayLike, where: Mask = None) -> Scalar:
    r"""Compute the average precision of the normal rows, by the negated score.

    $$\frac1N \sum_{i: y_i = 0} \frac{|\{j: s_j \le s_i, y_j = 0\}|}{|\{j: s_j \le s_i\}|}.$$

    Arguments, return value and errors are those of `auroc`.
    """
    return _measure(_auprc_normal, score, label, where)[0]


def best_f1(score: ArrayLike, label: ArrayLike, where: Mask = None) -> tuple[Scalar, Any]:
    r"""Compute the highest F1 of the anomalies over all thresholds t, and that threshold.

    $$\max_t \frac{2\,TP_t}{TP_t + FP_t + P}, \quad \text{anomalous where } s_i \ge t.$$

    Arguments and errors are those of `auroc`.

    Returns:
        F1, and the threshold: a score of the data, in its type; the highest one among equals.
    """
    f1, row = _measure(_best_f1, score, label, where)
    return f1, jnp.asarray(score)[row] if isinstance(row, Tracer) else np.asarray(score)[int(row)]


def precision_at_n(score: ArrayLike, label: ArrayLike, where: Mask = None) -> Scalar:
    r"""Compute the share of anomalies among the n highest scores, n = P their number.

    Let A anomalies lie above the group of tied rows that contains the n-th place, let a of the g
    rows in the group be anomalies, and let m of its places be among the first n. A random order
    within the group gives on average

    $$\frac1n \left(A + m \frac{a}{g}\right).$$

    Arguments, return value and errors are those of `auroc`.
    """
    return _measure(_precision_at_n, score, label, where)[0]


def compute_metrics(
    scores: ArrayLike, labels: ArrayLike, counts: ArrayLike | None = None
) -> dict[str, np.ndarray]:
    """Compute all metrics of all seeds in one compiled program with one sort.

    Args:
        scores: `(S, n)` one row of scores per seed.
        labels: `(S, n)`, or `(n,)` for all seeds: 1 anomaly, 0 normal.
        counts: `(S,)` how many of the rows count, from the front; None for all.

    Returns:
        `(S,)` float arrays: "auroc", "auprc", "auprc_normal", "best_f1", "precision_at_n".

    Raises:
        DataError: Shapes that do not fit, a score of nan, or labels of one class.
        ConfigError: This process was forked from one that had used JAX.
    """
    score, label = np.asarray(scores), np.asarray(labels)
    if score.ndim != 2 or label.shape not in (score.shape, score.shape[1:]):
        raise DataError(
            f"scores and labels have shapes {score.shape} and {label.shape}; (seeds, rows) and "
            "the same, or (rows,), are needed"
        )
    seeds, n = score.shape
    count = np.full(seeds, n) if counts is None else np.asarray(counts)
    if count.shape != (seeds,) or np.any(count > n):
        raise DataError(f"counts is {counts!r}; {seeds} numbers of at most {n} are needed")
    where = np.arange(n) < count[:, None]
    refuse_forked()
    values = _evaluate(*_checked(score, np.broadcast_to(label, score.shape), where))
    return {name: np.asarray(value) for name, value in values.items()}


def summarise(values: ArrayLike) -> Summary:
    """Compute mean, standard deviation and bootstrap interval over seeds; deterministic.

    Args:
        values: `(S,)` one finite value per seed.

    Returns:
        The summary.

    Raises:
        DataError: For no values, or values that are not finite.
    """
    per_seed = np.asarray(values, np.float64)
    if per_seed.ndim != 1 or per_seed.size == 0 or not np.isfinite(per_seed).all():
        raise DataError(f"values is {values!r}; one finite number per seed is needed")
    mean, nan = float(per_seed.mean()), float("nan")
    if per_seed.size == 1:
        return Summary(per_seed, mean, nan, (nan, nan))
    draws = np.random.default_rng(0).choice(per_seed, (RESAMPLES, per_seed.size))
    low, high = np.percentile(draws.mean(axis=1), [2.5, 97.5])
    return Summary(per_seed, mean, float(per_seed.std(ddof=1)), (float(low), float(high)))


class _Class(NamedTuple):
    """The rows of one class, from the highest score down.

    Attributes:
        member: Whether the row at a place belongs to the class.
        above: How many rows of the class have a strictly higher score than that row.
        upto: How many have a score at least as high.
        total: How many rows the class has.
    """

    member: Bool[Array, "n"]
    above: Int[Array, "n"]
    upto: Int[Array, "n"]
    total: Int[Array, ""]


class _Ranking(NamedTuple):
    order: Int[Array, "n"]
    anomaly: _Class
    normal: _Class


def _rank(score: Array, label: Array, where: Array) -> _Ranking:
    n = score.size
    if n > LONGEST:
        raise DataError(f"score has {n} rows; at most {LONGEST} can be counted")
    floating = jnp.issubdtype(score.dtype, jnp.floating)
    # Rows that do not count may tie with the lowest score: they are of neither class.
    score = jnp.where(where, score, -jnp.inf if floating else jnp.iinfo(score.dtype).min)
    order = jnp.argsort(score, descending=True)
    change = score[order][1:] != score[order][:-1]
    place = jnp.arange(n, dtype=jnp.int32)
    first = lax.cummax(jnp.where(jnp.append(True, change), place, 0))
    last = lax.cummin(jnp.where(jnp.append(change, True), place, n - 1), reverse=True)

    member = jnp.stack([where & (label == of) for of in (1, 0)])[:, order]
    upto = jnp.cumsum(member, axis=1, dtype=jnp.int32)
    above = (upto - member)[:, first]
    anomaly, normal = map(_Class, member, above, upto[:, last], upto[:, -1])
    return _Ranking(order, anomaly, normal)


def _auroc(r: _Ranking) -> Array:
    beaten_by = (r.anomaly.above + r.anomaly.upto) / (2 * r.anomaly.total)
    return _mean(beaten_by, r.normal)


def _average_precision(r: _Ranking) -> Array:
    return _mean(r.anomaly.upto / (r.anomaly.upto + r.normal.upto), r.anomaly)


def _auprc_normal(r: _Ranking) -> Array:
    normals, anomalies = (of.total - of.above for of in (r.normal, r.anomaly))
    return _mean(normals / (normals + anomalies), r.normal)


def _best_f1(r: _Ranking) -> tuple[Array, Array]:
    f1 = 2 * r.anomaly.upto / (r.anomaly.upto + r.normal.upto + r.anomaly.total)
    best = jnp.argmax(f1)
    return f1[best], r.order[best]


def _precision_at_n(r: _Ranking) -> Array:
    at = jnp.argmax(r.anomaly.upto + r.normal.upto >= r.anomaly.total)
    above = r.anomaly.above[at]
    anomalies, normals = (of.upto[at] - of.above[at] for of in (r.anomaly, r.normal))
    places = r.anomaly.total - above - r.normal.above[at]
    return (above + places * (anomalies / (anomalies + normals))) / r.anomaly.total


_METRICS: dict[str, Callable[[_Ranking], Array]] = {
    "auroc": _auroc,
    "auprc": _average_precision,
    "auprc_normal": _auprc_normal,
    "best_f1": lambda r: _best_f1(r)[0],
    "precision_at_n": _precision_at_n,
}


def _mean(fraction: Array, of: _Class) -> Array:
    """Return the mean over a class of fractions in [0, 1], in fixed point of 24 bits.

    Eight bits at a time are summed, without error.
    """
    fixed = jnp.where(of.member, jnp.round(fraction * 2**24), 0).astype(jnp.uint32)
    parts = {2**-8: fixed >> 16, 2**-16: fixed >> 8 & 255, 2**-24: fixed & 255}
    shares = (unit * (jnp.sum(part) / of.total.astype(jnp.uint32)) for unit, part in parts.items())
    return sum(shares, start=jnp.zeros(()))


def _measure(metric: Callable, score: ArrayLike, label: ArrayLike, where: Mask) -> Any:
    where = np.ones(np.shape(score), bool) if where is None else where
    if np.ndim(score) != 1 or not np.shape(score) == np.shape(label) == np.shape(where):
        shapes = ", ".join(str(np.shape(x)) for x in (score, label, where))
        raise DataError(f"score, label and where have shapes {shapes}; one (n,) is needed")
    if not any(isinstance(x, Tracer) for x in (score, label, where)):
        score, label, where = _checked(np.asarray(score), np.asarray(label), np.asarray(where))
    return _value(metric, jnp.asarray(score), jnp.asarray(label), jnp.asarray(where))


@partial(jax.jit, static_argnums=0)
def _value(metric: Callable[[_Ranking], Any], score: Array, label: Array, where: Array) -> Any:
    ranking = _rank(score, label, where)
    broken = jnp.any(where & jnp.isnan(score))
    value, *row = jax.tree.leaves(metric(ranking))
    defined = (ranking.anomaly.total > 0) & (ranking.normal.total > 0) & ~broken
    return jnp.where(defined, value, jnp.nan), *row


@jax.jit
@jax.vmap
def _evaluate(score: Array, label: Array, where: Array) -> dict[str, Array]:
    ranking = _rank(score, label, where)
    return {name: metric(ranking) for name, metric in _METRICS.items()}


def _checked(
    score: np.ndarray, label: np.ndarray, where: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ranks, labels and mask, whose last axis is padded to a power of two.

    Raises:
        DataError: A score of nan, another label than 0 and 1, or rows of one class only.
    """
    if np.isnan(score[where]).any():
        raise DataError("score has nan; numbers and infinities are allowed")
    if not np.isin(label[where], (0, 1)).all():
        raise DataError(f"label has {np.unique(label[where])}; 0 normal, 1 anomaly are allowed")
    anomalies, normals = (np.sum(where & (label == of), axis=-1) for of in (1, 0))
    if not (np.all(anomalies) and np.all(normals)):
        raise DataError(f"label has {anomalies} anomalies, {normals} normal rows; both are needed")
    _, rank = np.unique(np.where(where, score, 0), return_inverse=True)
    padded = max(SHORTEST, 1 << (score.shape[-1] - 1).bit_length()) - score.shape[-1]
    arrays = rank.reshape(score.shape).astype(np.int32), label.astype(np.int8), where
    rank, label, where = (np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, padded)]) for x in arrays)
    return rank, label, where
