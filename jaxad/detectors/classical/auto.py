"""The composite that is the default for tables: its parts follow from the labels alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxad.detector import HostDetector
from jaxad.detectors.classical.neighbours import NeighbourDistance
from jaxad.detectors.classical.pu_bagging import Bags, BagScore, fit_bags
from jaxad.detectors.classical.scores import Isolation
from jaxad.detectors.classical.unlabelled import CheckedConfig, sample_rows
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register

__all__ = ["Auto", "AutoScore", "Surprise"]

_KNOTS = 1024  # quantiles that a distribution of scores is kept by


@dataclass(frozen=True, kw_only=True)
class Auto(CheckedConfig):
    """Settings of the composite.

    Attributes:
        trees: Number of trees of the isolation forest, >= 1.
        members: Number of bags, used if there are labelled anomalies, >= 1.
        neighbours: Number of neighbours, >= 1.
        reject: Fraction of the unlabelled rows that are not neighbours of others: those that lie
            farthest from their own, in [0, 1).
        reference: Maximum number of rows that neighbours are searched among, >= 20; larger data is
            sampled at random.
        unlabelled_share: Weight of the parts without labels beside one labelled anomaly, in [0, 1];
            it is divided by the square root of the number of labelled anomalies.
    """

    trees: int = 100
    members: int = 150
    neighbours: int = 10
    reject: float = 0.2
    reference: int = 4096
    unlabelled_share: float = 0.3

    def __post_init__(self):
        for name in ("trees", "members", "neighbours"):
            self._need(is_count(getattr(self, name), 1), name, "a whole number of at least 1")
        self._need(is_number(self.reject) and 0 <= self.reject < 1, "reject", "in [0, 1)")
        self._need(is_count(self.reference, 20), "reference", "a whole number of at least 20")
        share = self.unlabelled_share
        self._need(is_number(share) and 0 <= share <= 1, "unlabelled_share", "in [0, 1]")


@dataclass(frozen=True)
class Surprise:
    """How rare a score is among reference scores: minus the logarithm of its upper tail.

    The tail is that of the empirical distribution, linear between its knots. Beyond the largest
    reference score it grows in proportion to the distance from it, so that scores there keep their
    order.

    Attributes:
        knots: Quantiles of the reference scores, increasing, `(k,)`.
        rows: Number of reference scores.
    """

    knots: Float[np.ndarray, "k"]
    rows: int

    def __call__(self, scores: Float[np.ndarray, "m"]) -> Float[np.ndarray, "m"]:
        """Return `(m,)` numbers, about 0 for the smallest reference score."""
        places = np.linspace(0.5, self.rows - 0.5, len(self.knots)) / self.rows
        tail = 1 - np.interp(scores, self.knots, places)
        high = self.knots[-1]
        unit = max(high - np.interp(0.9, places, self.knots), 1e-9 * max(abs(high), 1))
        return -np.log(tail) + np.maximum(scores - high, 0) / unit


@dataclass(frozen=True)
class AutoScore:
    """Weighted mean of how rare the scores of the parts are.

    Attributes:
        forest: The isolation forest.
        near: The mean distance to the nearest rows.
        bags: The bags of trees; None without labelled anomalies.
        surprises: How rare the scores of each part are among those of the unlabelled rows.
        weights: The weight of each part, with sum 1.
    """

    forest: Isolation
    near: NeighbourDistance
    bags: BagScore | None
    surprises: list[Surprise]
    weights: Float[np.ndarray, "parts"]

    def __call__(self, rows: np.ndarray) -> Float[np.ndarray, "m"]:
        """Return the scores of `(m, d)` rows."""
        return self.weights @ self.list_parts(rows)

    def list_parts(self, rows: np.ndarray) -> Float[np.ndarray, "parts m"]:
        """Return what each part adds to the scores of `(m, d)` rows, before its weight."""
        parts: list[Any] = [self.forest, self.near, self.bags]
        pairs = zip(parts, self.surprises, strict=False)
        return np.stack([surprise(part(rows)) for part, surprise in pairs])


@register("auto", Auto, uses_labels=True, host=True)
def build_auto(config: Auto, spec: Spec) -> HostDetector:
    """Composite for tables; the score is how rare a row is for a forest, neighbours and bags.

    Without labelled anomalies it is the mean of minus the logarithms of two tails: of the scores of
    an isolation forest, and of the mean distances to the nearest rows, searched among the rows
    without those that lie farthest from their own neighbours. With labelled anomalies `pu_bagging`
    is a third part, whose weight grows with their number. Labels and numbers of rows alone decide.
    """

    def train(x, label, seed):
        from sklearn.ensemble import IsolationForest

        others = x[label >= 0]
        forest = IsolationForest(n_estimators=config.trees, random_state=seed).fit(others)
        parts: list[Any] = [Isolation(forest), fit_neighbours(others, config, seed)]
        weights, bags, labelled = [0.5, 0.5], None, int((label < 0).sum())
        if labelled:
            settings = Bags(
                members=config.members, neighbours=config.neighbours, reference=config.reference
            )
            bags = fit_bags(x, label, settings, seed)
            parts.append(bags)
            share = config.unlabelled_share / np.sqrt(labelled)
            weights = [share / 2, share / 2, 1 - share]
        surprises = [fit_surprise(part(others)) for part in parts]
        return AutoScore(parts[0], parts[1], bags, surprises, np.array(weights))

    return HostDetector(train, score_type=AutoScore)


def fit_neighbours(x: Float[np.ndarray, "n d"], config: Auto, seed: int) -> NeighbourDistance:
    """Return the distance to rows, without the fraction of them that is farthest from the others.

    Args:
        x: Rows that are not labelled anomalies.
        config: The number of neighbours, the fraction, and how many rows are searched among.
        seed: Seed of the sample.
    """
    x = sample_rows(x, config.reference, seed)
    near = NeighbourDistance(x, min(config.neighbours, len(x) - 1), "mean")
    distance = near(x)
    kept = x[np.argsort(distance, kind="stable")[: max(2, round((1 - config.reject) * len(x)))]]
    return NeighbourDistance(kept, min(config.neighbours, len(kept) - 1), "mean")


def fit_surprise(scores: Float[np.ndarray, "n"]) -> Surprise:
    """Return how rare further scores are among these."""
    places = np.linspace(0, 1, min(len(scores), _KNOTS))
    return Surprise(np.quantile(scores, places), len(scores))
