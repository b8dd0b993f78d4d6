"""Bags of trees on labelled anomalies against few random unlabelled rows.

References:
    Mordelet and Vert 2014, A bagging SVM to learn from positive and unlabeled examples.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float, Int8

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig
from jaxad.detectors.classical.outlier_scores import OutlierScores, fit_outlier_scores
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError

__all__ = [
    "BagScore",
    "Bags",
    "FittedBags",
    "LabelWeights",
    "compute_agreement",
    "fit_bags",
    "join_inputs",
    "vote",
]

LabelWeights = Literal["equal", "agreement"]

_TINY = 1e-9  # a distance of 0, of a row that training holds too, has a logarithm
_LEAST = 1e-3  # of the weight of a labelled anomaly: each is drawn now and then


@dataclass(frozen=True, kw_only=True)
class Bags(CheckedConfig):
    """Settings of bagging for learning from positive and unlabelled rows.

    Attributes:
        members: Number of bags, each with one tree, >= 1.
        unlabelled: Smallest number of unlabelled rows in a bag, >= 1. All are taken if there are
            fewer.
        ratio: Number of unlabelled rows in a bag for each labelled anomaly, if that is more than
            `unlabelled`, > 0.
        depth: Maximum depth of a tree, >= 1; None: until its leaves are pure.
        outlier_scores: Whether trees also split by the unsupervised outlier scores of a row.
        neighbours: Number of neighbours of the outlier score by distance, >= 1.
        reference: Maximum number of unlabelled rows that neighbours are searched among, >= 2;
            larger data is sampled at random.
        label_weights: "equal": each bag has all labelled anomalies; "agreement": it draws as many
            with replacement, those more often that the other labels or the outlier scores take for
            anomalies. For labels some of which may be wrong; takes twice as long.
    """

    members: int = 150
    unlabelled: int = 20
    ratio: float = 2.0
    depth: int | None = None
    outlier_scores: bool = True
    neighbours: int = 10
    reference: int = 4096
    label_weights: LabelWeights = "equal"

    def __post_init__(self):
        for name in ("members", "unlabelled", "neighbours"):
            self._need(is_count(getattr(self, name), 1), name, "a whole number of at least 1")
        depth_ok = self.depth is None or is_count(self.depth, 1)
        self._need(depth_ok, "depth", "a whole number of at least 1, or None")
        self._need(is_number(self.ratio) and self.ratio > 0, "ratio", "> 0")
        self._need(is_count(self.reference, 2), "reference", "a whole number of at least 2")
        if not isinstance(self.outlier_scores, bool):
            raise ConfigError(
                f"outlier_scores must be True or False; given {self.outlier_scores!r}"
            )
        choices = get_args(LabelWeights)
        self._need(self.label_weights in choices, "label_weights", " or ".join(map(repr, choices)))


@dataclass(frozen=True)
class BagScore:
    """Mean over bags of the share of labelled anomalies in the leaf of a row.

    Attributes:
        trees: Fitted trees of scikit-learn; the last of their classes is that of anomalies.
        outlier_scores: Further inputs of the trees; None for the rows alone.
        out_of_bag: `(n,)` the score of each training row by the trees whose bag it is not in; by
            all trees for rows in all bags, as labelled anomalies are unless they are drawn.
    """

    trees: list
    outlier_scores: OutlierScores | None
    out_of_bag: Float[np.ndarray, "n"]

    def __call__(self, rows: np.ndarray) -> Float[np.ndarray, "m"]:
        """Return the scores of `(m, d)` rows, in [0, 1]."""
        scores = None if self.outlier_scores is None else self.outlier_scores(rows)
        return vote(self.trees, join_inputs(rows, scores))


class FittedBags(NamedTuple):
    """The trees of all bags, and what they say of the rows that they were not fitted to.

    Attributes:
        trees: The tree of each bag.
        out_of_bag: `(n,)` scores of the training rows as in `BagScore`.
    """

    trees: list
    out_of_bag: Float[np.ndarray, "n"]


@register("pu_bagging", Bags, uses_labels=True, host=True)
def build_pu_bagging(config: Bags, spec: Spec) -> HostDetector:
    """Bagging on positive and unlabelled rows; the score is the mean vote of randomised trees.

    Each tree learns all labelled anomalies against a few unlabelled rows, drawn anew for each bag
    without replacement, and labelled normal rows, of which as many are drawn with replacement as
    there are. So few of the rows that a tree takes as normal are hidden anomalies, and other trees
    outvote those that drew one. Beside the row, inputs are the scores of an isolation forest, of
    neighbours and of a Gaussian, fitted to the unlabelled rows. An unlabelled row that equals a
    labelled anomaly takes part like any other; it has the score of that anomaly. With
    `label_weights="agreement"` the bags are fitted twice, the second time to labelled anomalies
    that are drawn with the weights of `compute_agreement`.

    Raises:
        DataError: There are no labelled anomalies.
    """
    spec.need_labelled_anomaly("pu_bagging", "auto or iforest")

    def train(x, label, seed):
        scores = outlying = None
        if config.outlier_scores:
            scores = fit_outlier_scores(
                x[label >= 0],
                seed,
                neighbours=config.neighbours,
                reference=config.reference,
            )
            outlying = np.argsort(np.argsort(scores(x), axis=0), axis=0).mean(axis=1)
        inputs = join_inputs(x, None if scores is None else scores(x))
        fitted = fit_bags(inputs, label, config, seed, outlying)
        return BagScore(fitted.trees, scores, fitted.out_of_bag)

    return HostDetector(train, score_type=BagScore)


def fit_bags(
    inputs: Float[np.ndarray, "n k"],
    label: Int8[np.ndarray, "n"],
    config: Bags,
    seed: int,
    outlying: Float[np.ndarray, "n"] | None = None,
) -> FittedBags:
    """Fit the trees of all bags.

    Args:
        inputs: The inputs of the trees, a line for each training row.
        label: -1 labelled anomaly, 0 unlabelled, 1 labelled normal; some are labelled anomalies.
        config: The settings.
        seed: Seed of all random choices.
        outlying: How far out each row lies, from detectors without labels; None for votes alone.
            Used with `label_weights="agreement"`.
    """
    anomalies = np.flatnonzero(label < 0)
    if config.label_weights == "equal" or len(anomalies) == 1:
        return _fit_bags(inputs, label, config, seed, lambda rng: anomalies)
    count = len(anomalies)
    first = _fit_bags(inputs, label, config, seed, lambda rng: rng.choice(anomalies, count))
    weights = compute_agreement(first.out_of_bag, label, outlying)
    return _fit_bags(
        inputs, label, config, seed, lambda rng: rng.choice(anomalies, count, p=weights)
    )


def compute_agreement(
    votes: Float[np.ndarray, "n"],
    label: Int8[np.ndarray, "n"],
    outlying: Float[np.ndarray, "n"] | None = None,
) -> Float[np.ndarray, "a"]:
    """Return the weight of each labelled anomaly by what speaks for it beside its own label.

    With the fraction u of the other rows whose score without labels is lower, and the fraction v of
    those whose votes are lower, the weight is proportional to max(u, v)^2.

    Args:
        votes: Votes of trees that were not fitted to the row.
        label: -1 labelled anomaly, 0 unlabelled, 1 labelled normal.
        outlying: How far out each row lies, from detectors without labels; None for votes alone.

    Returns:
        The weights, > 0, with sum 1.
    """
    found = [votes] if outlying is None else [votes, outlying]
    anomalous = label < 0
    places = [
        np.searchsorted(np.sort(score[~anomalous]), score[anomalous]) / (~anomalous).sum()
        for score in found
    ]
    weights = np.max(places, axis=0) ** 2 + _LEAST
    return weights / weights.sum()


def _fit_bags(
    inputs: np.ndarray,
    label: np.ndarray,
    config: Bags,
    seed: int,
    draw: Callable[[np.random.Generator], np.ndarray],
) -> FittedBags:
    """Fit the trees of all bags, each to the labelled anomalies that `draw` returns for it."""
    anomalies, normals = np.flatnonzero(label < 0), np.flatnonzero(label > 0)
    unlabelled = np.flatnonzero(label == 0)
    rng = np.random.default_rng(seed)
    count = min(len(unlabelled), max(config.unlabelled, round(config.ratio * len(anomalies))))
    trees, total, voters = [], np.zeros(len(label)), np.zeros(len(label), int)
    for _ in range(config.members):
        known = draw(rng)
        drawn = rng.choice(unlabelled, count, replace=False)
        if len(normals):  # with replacement, so that each is out of some bags and gets votes
            bag = np.concatenate([known, rng.choice(normals, len(normals)), drawn])
        else:
            bag = np.concatenate([known, drawn])
        tree = _fit_tree(inputs[bag], label[bag] < 0, config.depth, int(rng.integers(2**31)))
        inside = np.zeros(len(label), bool)
        inside[bag] = True
        outside = np.flatnonzero(~inside)
        if len(outside):
            total[outside] += vote([tree], inputs[outside])
            voters[outside] += 1
        trees.append(tree)
    always = voters == 0
    total[always], voters[always] = vote(trees, inputs[always]), 1
    return FittedBags(trees, total / voters)


def vote(trees: list, inputs: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m"]:
    """Return the mean probability of an anomaly over trees."""
    small = np.ascontiguousarray(inputs, np.float32)  # as trees take it, converted once
    total = sum(tree.predict_proba(small, check_input=False)[:, -1] for tree in trees)
    return np.asarray(total / len(trees))


def join_inputs(
    rows: Float[np.ndarray, "m d"], scores: Float[np.ndarray, "m 3"] | None
) -> Float[np.ndarray, "m k"]:
    """Return the inputs of trees: rows and, if there are any, their outlier scores.

    Distances are given by their logarithms, as splits are drawn uniformly between the extremes.
    """
    if scores is None:
        return rows
    return np.column_stack([rows, scores[:, 0], np.log(scores[:, 1:] + _TINY)])


def _fit_tree(inputs: np.ndarray, anomalous: np.ndarray, depth: int | None, seed: int) -> Any:
    from sklearn.tree import ExtraTreeClassifier

    return ExtraTreeClassifier(max_depth=depth, random_state=seed).fit(inputs, anomalous)
