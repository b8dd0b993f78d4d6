"""How suspicious rows are, before any answer and after some.

References:
    Mordelet and Vert 2014, A bagging SVM to learn from positive and unlabeled examples.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int8

from jaxad.data import as_train_data
from jaxad.detector import HostDetector
from jaxad.detectors import make

__all__ = ["Ground", "compute_suspicion", "fit_ground", "weigh_unlabelled"]

_LEAST = 20  # unlabelled rows in a bag, as in `pu_bagging`
_PER_ANOMALY = 2


class Ground(NamedTuple):
    """What is known of rows without labels; it does not change with the answers.

    Attributes:
        outlying: `(n,)` outlier scores of the composite `auto` without labels.
        inputs: `(n, k)` the rows, and the outlier scores of the parts of the composite.
    """

    outlying: Float[np.ndarray, "n"]
    inputs: Float[np.ndarray, "n k"]


def fit_ground(x: Float[np.ndarray, "n d"], fitted: Bool[np.ndarray, "n"], seed: int) -> Ground:
    """Fit the composite `auto` without labels to some rows and score all of them.

    Args:
        x: The rows, scaled.
        fitted: The rows that it is fitted to; all others have no influence.
        seed: Seed of all random choices.
    """
    train = as_train_data(x[fitted])
    detector = make("auto", train)
    assert isinstance(detector, HostDetector)
    some = x[fitted]
    model = detector.train(some, np.zeros(len(some), np.int8), seed)
    parts = model.list_parts(x)  # pyright: ignore[reportFunctionMemberAccess]
    return Ground(np.asarray(model(x)), np.column_stack([x, parts.T]))


def weigh_unlabelled(anomalies: int) -> float:
    """Return the weight of the scores without labels beside some known anomalies, at least one."""
    return 0.15 / anomalies


def compute_suspicion(
    ground: Ground,
    label: Int8[np.ndarray, "n"],
    fitted: Bool[np.ndarray, "n"],
    members: int,
    seed: int,
    weigh: Callable[[int], float] = weigh_unlabelled,
) -> Float[np.ndarray, "n"]:
    r"""Compute the suspicion of rows, given the labels of some.

    Without known anomalies it is how rare the outlier score of a row is,
    $-\log F(s)$ with the upper tail $F$ among the fitted rows. With $n_A$ known anomalies it is

    $$\frac{0.15}{n_A} (-\log F(s)) + \left(1 - \frac{0.15}{n_A}\right) (-\log G(v))$$

    with the upper tail $G$ of the votes $v$ of bags of randomised trees for the row. A tree that
    has seen a row does not vote for it.

    Args:
        ground: What is known of the rows without labels.
        label: -1 known anomaly, 0 unknown, 1 verified normal.
        fitted: The rows whose labels are used, and that bags are drawn from.
        members: The number of trees.
        seed: Seed of the bags.
        weigh: A function from the number of known anomalies to the weight of the scores without
            labels, in [0, 1].

    Returns:
        The suspicion of all rows, known ones included.
    """
    rare = _surprise(ground.outlying, fitted)
    known = label * fitted
    count = int((known < 0).sum())
    if not count:
        return rare
    alone = weigh(count)
    votes = _count_votes(ground.inputs, known, fitted, members, seed)
    return alone * rare + (1 - alone) * _surprise(votes, fitted)


def _count_votes(
    inputs: Float[np.ndarray, "n k"],
    label: Int8[np.ndarray, "n"],
    fitted: Bool[np.ndarray, "n"],
    members: int,
    seed: int,
) -> Float[np.ndarray, "n"]:
    """Return the mean vote of the trees that have not seen a row; 0 if all have."""
    from sklearn.tree import ExtraTreeClassifier

    rng = np.random.default_rng(seed)
    known, unlabelled = np.flatnonzero(label), np.flatnonzero((label == 0) & fitted)
    size = min(len(unlabelled), max(_LEAST, _PER_ANOMALY * int((label < 0).sum())))
    total, seen = np.zeros(len(label)), np.zeros(len(label))
    small = np.asarray(inputs, np.float32)
    for _ in range(members):
        bag = np.concatenate([known, rng.choice(unlabelled, size, replace=False)])
        tree = ExtraTreeClassifier(random_state=int(rng.integers(2**31)))
        tree.fit(inputs[bag], label[bag] < 0)
        others = np.ones(len(label))
        others[bag] = 0
        total += others * np.asarray(tree.predict_proba(small, check_input=False))[:, -1]
        seen += others
    return total / np.maximum(seen, 1)


def _surprise(
    scores: Float[np.ndarray, "n"], fitted: Bool[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    """Return minus the logarithm of the share of the fitted rows that score higher.

    Equal scores count by half.
    """
    ordered = np.sort(scores[fitted])
    below = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return -np.log1p(-(below / 2) / (len(ordered) + 1))
