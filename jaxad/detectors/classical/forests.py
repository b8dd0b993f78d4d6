"""Forests of scikit-learn: isolation without labels, and classification of labelled anomalies.

No setting is tuned: defaults are those of scikit-learn or rules of thumb that use no labels.

References:
    Ruff et al. 2021, A unifying review of deep and shallow anomaly detection, section 3.
"""

from dataclasses import dataclass

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig
from jaxad.detectors.classical.on_components import (
    ComponentsConfig,
    IsolationOnComponents,
    build_on_components,
)
from jaxad.detectors.classical.scores import AnomalyProbability, Isolation
from jaxad.detectors.config import is_count
from jaxad.detectors.registry import Spec, register

__all__ = ["Forest", "Isolating"]


@dataclass(frozen=True, kw_only=True)
class Forest(CheckedConfig):
    """Settings of a forest.

    Attributes:
        trees: Number of trees, >= 1.
    """

    trees: int = 100

    def __post_init__(self):
        self._need(is_count(self.trees, 1), "trees", "a whole number of at least 1")


@dataclass(frozen=True, kw_only=True)
class Isolating(ComponentsConfig, Forest):
    """Settings of the isolation forest.

    Attributes:
        trees: Number of trees, >= 1.
        variance: Fraction of the variance of the training rows that is kept by the principal
            components that are split, in (0, 1), such as 0.95; None for the columns themselves.
    """

    variance: float | None = None

    def __post_init__(self):
        super().__post_init__()
        self._check_variance()


@register("iforest", Isolating, uses_labels=False, host=True)
def build_iforest(config: Isolating, spec: Spec) -> HostDetector:
    """Isolation forest; the score is high if few random splits isolate a row.

    Fitted by scikit-learn.
    """

    def train(config, x, seed):
        from sklearn.ensemble import IsolationForest

        model = IsolationForest(n_estimators=config.trees, random_state=seed).fit(x)
        return Isolation(model)

    return build_on_components(train, config, Isolation, IsolationOnComponents, config.variance)


@register("random_forest", Forest, uses_labels=True, host=True)
def build_random_forest(config: Forest, spec: Spec) -> HostDetector:
    """Random forest; the score is the predicted probability that a row is an anomaly.

    Labelled anomalies are classified against all other rows, with the same total weight for both
    classes. Fitted by scikit-learn.

    Raises:
        DataError: There are no labelled anomalies.
    """
    spec.need_labelled_anomaly("random_forest", "iforest")

    def train(x, label, seed):
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(
            n_estimators=config.trees, class_weight="balanced", random_state=seed
        ).fit(x, label < 0)
        return AnomalyProbability(model)

    return HostDetector(train, score_type=AnomalyProbability)
