"""The composite that is the default for tables: its parts follow from the labels alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from jaxtyping import Float

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig
from jaxad.detectors.classical.outlier_scores import OutlierScores, fit_again, fit_outlier_scores
from jaxad.detectors.classical.pu_bagging import Bags, LabelWeights, fit_bags, join_inputs, vote
from jaxad.detectors.classical.tails import ColumnHistograms, fit_histograms
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register

__all__ = ["Auto", "AutoScore", "Surprise", "fit_surprise", "weigh_parts"]

_REFITS = 2  # how often parts without labels are fitted again, without the rows farthest out
_WIDE = 100  # columns from which they are fitted once, and histograms have no weight
_KNOTS = 1024  # quantiles that a distribution of scores is kept by
_EQUAL = 1e-3  # the unit beyond equal reference scores, as a share of them; for zeros the unit


@dataclass(frozen=True, kw_only=True)
class Auto(CheckedConfig):
    """Settings of the composite.

    Attributes:
        trees: Number of trees of the isolation forest, >= 1.
        members: Number of bags, used if there are labelled anomalies, >= 1.
        neighbours: Number of neighbours, >= 1.
        reject: Fraction of the unlabelled rows that all parts without labels but the forest are
            fitted again without: those that lie farthest out, in [0, 1). Not used with 100 columns
            or more.
        reference: Maximum number of rows that neighbours are searched among, >= 20; larger data is
            sampled at random.
        unlabelled_share: Weight of the parts without labels beside one labelled anomaly, in [0, 1];
            it is divided by the number of labelled anomalies.
        label_weights: "equal" or "agreement", as of `pu_bagging`: how often bags draw the labelled
            anomalies.
    """

    trees: int = 100
    members: int = 150
    neighbours: int = 10
    reject: float = 0.2
    reference: int = 4096
    unlabelled_share: float = 0.4
    label_weights: LabelWeights = "equal"

    def __post_init__(self):
        for name in ("trees", "members", "neighbours"):
            self._need(is_count(getattr(self, name), 1), name, "a whole number of at least 1")
        self._need(is_number(self.reject) and 0 <= self.reject < 1, "reject", "in [0, 1)")
        self._need(is_count(self.reference, 20), "reference", "a whole number of at least 20")
        share = self.unlabelled_share
        self._need(is_number(share) and 0 <= share <= 1, "unlabelled_share", "in [0, 1]")
        choices = get_args(LabelWeights)
        self._need(self.label_weights in choices, "label_weights", " or ".join(map(repr, choices)))


@dataclass(frozen=True)
class Surprise:
    """How rare a score is among reference scores: minus the logarithm of its upper tail.

    The tail is that of the empirical distribution, linear between its knots. Beyond the largest
    reference score it grows by 1 for each distance between that and the 90 % quantile, or for each
    tenth of the range if that is more, so that scores there keep their order.

    Attributes:
        knots: Quantiles of the reference scores, increasing, `(k,)`.
        rows: Number of reference scores.
        resolution: Smallest distance by which it grows by 1, for reference scores that are equal,
            >= 0.
    """

    knots: Float[np.ndarray, "k"]
    rows: int
    resolution: float = 0.0

    def __call__(self, scores: Float[np.ndarray, "m"]) -> Float[np.ndarray, "m"]:
        """Return `(m,)` numbers, about 0 for the smallest reference score."""
        places = np.linspace(0.5, self.rows - 0.5, len(self.knots)) / self.rows
        tail = 1 - np.interp(scores, self.knots, places)
        low, high = self.knots[0], self.knots[-1]
        least = max(self.resolution, _EQUAL * abs(high)) or _EQUAL
        unit = max(high - np.interp(0.9, places, self.knots), (high - low) / 10, least)
        return -np.log(tail) + np.maximum(scores - high, 0) / unit


@dataclass(frozen=True)
class AutoScore:
    """Weighted mean of how rare the scores of the parts are.

    Attributes:
        outlier_scores: Three parts without labels: an isolation forest, neighbours and a Gaussian.
        histograms: The fourth part without labels.
        trees: The trees of `pu_bagging`; [] without labelled anomalies.
        surprises: How rare the scores of each part are among those of the unlabelled rows.
        weights: The weight of each part, with sum 1.
        out_of_bag: `(n,)` scores of the training rows, with those of `pu_bagging` out of bag.
    """

    outlier_scores: OutlierScores
    histograms: ColumnHistograms
    trees: list
    surprises: list[Surprise]
    weights: Float[np.ndarray, "parts"]
    out_of_bag: Float[np.ndarray, "n"]

    def __call__(self, rows: np.ndarray) -> Float[np.ndarray, "m"]:
        """Return the scores of `(m, d)` rows."""
        return self.weights @ self.list_parts(rows)

    def list_parts(self, rows: np.ndarray) -> Float[np.ndarray, "parts m"]:
        """Return what each part adds to the scores of `(m, d)` rows, before its weight.

        The parts are the isolation forest, neighbours, the Gaussian, histograms and bags.
        """
        scores = self.outlier_scores(rows)
        parts = [*scores.T, self.histograms(rows)]
        if self.trees:
            parts.append(vote(self.trees, join_inputs(rows, scores)))
        return _measure_surprise(self.surprises, parts)


@register("auto", Auto, uses_labels=True, host=True)
def build_auto(config: Auto, spec: Spec) -> HostDetector:
    """Composite for tables; the score is how rare a row is for a forest, neighbours and bags.

    Without labelled anomalies it is the mean of minus the logarithms of four tails: of the scores
    of an isolation forest, of the mean distances to the nearest rows, of the distances of a
    Gaussian, and of the scores of histograms. All but the forest are fitted again without the rows
    that lie farthest out. With 100 columns or more they are fitted once, and histograms have no
    weight. With labelled anomalies `pu_bagging` is a further part, whose weight grows with their
    number. The numbers of labels and columns alone decide.
    """

    def train(x, label, seed):
        others, labelled = x[label >= 0], int((label < 0).sum())
        wide = x.shape[1] >= _WIDE
        refits = 0 if wide else _REFITS
        outlier_scores = fit_outlier_scores(
            others,
            seed,
            neighbours=config.neighbours,
            reference=config.reference,
            trees=config.trees,
            reject=config.reject,
            refits=refits,
        )
        histograms = fit_again(fit_histograms, others, config.reject, refits)
        scores = outlier_scores(x)
        parts, trees = [*scores.T, histograms(x)], []
        weights = weigh_parts(labelled, config.unlabelled_share, wide)
        surprises = [fit_surprise(part[label >= 0]) for part in parts]
        if labelled:
            outlying = weights[:-1] @ _measure_surprise(surprises, parts)
            settings = Bags(members=config.members, label_weights=config.label_weights)
            bags = fit_bags(join_inputs(x, scores), label, settings, seed, outlying)
            parts, trees = [*parts, bags.out_of_bag], bags.trees
            one_vote = 1 / config.members
            surprises = [*surprises, fit_surprise(bags.out_of_bag[label >= 0], one_vote)]
        out_of_bag = weights @ _measure_surprise(surprises, parts)
        return AutoScore(outlier_scores, histograms, trees, surprises, weights, out_of_bag)

    return HostDetector(train, score_type=AutoScore)


def weigh_parts(labelled: int, share: float, wide: bool = False) -> Float[np.ndarray, "parts"]:
    """Return the weights of the four parts without labels and, if there are labels, of the bags.

    Args:
        labelled: The number of labelled anomalies.
        share: The weight of the parts without labels beside one labelled anomaly, in [0, 1].
        wide: Whether rows have many columns; the fourth part, histograms, has no weight then.
    """
    without = np.array([1, 1, 1, 0]) / 3 if wide else np.full(4, 1 / 4)
    if not labelled:
        return without
    share = share / labelled
    return np.append(share * without, 1 - share)


def _measure_surprise(
    surprises: list[Surprise], parts: Sequence[Float[np.ndarray, "m"]]
) -> Float[np.ndarray, "parts m"]:
    return np.stack([measure(part) for measure, part in zip(surprises, parts, strict=True)])


def fit_surprise(scores: Float[np.ndarray, "n"], resolution: float = 0.0) -> Surprise:
    """Return how rare further scores are among these; see `Surprise` for the resolution."""
    places = np.linspace(0, 1, min(len(scores), _KNOTS))
    return Surprise(np.quantile(scores, places), len(scores), resolution)
