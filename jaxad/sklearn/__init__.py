"""scikit-learn estimators for all detectors of the library, on tables."""

from typing import Any

from jaxad.sklearn import scorers
from jaxad.sklearn.classifier import JaxADClassifier
from jaxad.sklearn.estimator import JaxADDetector

__all__ = ["JaxADClassifier", "JaxADDetector", "scorers"]

_REMOVED = ("training_labels", "truth_labels")


def __getattr__(name: str) -> Any:
    """Raise an error that names what replaces a name of an earlier version."""
    if name in _REMOVED:
        raise ImportError(
            f"jaxad.sklearn.{name} was removed: estimators take labels as they are, with the "
            "parameters positive= and normal=; jaxad.data.tables.labels.as_training_labels "
            "converts them to training labels"
        )
    raise AttributeError(f"module 'jaxad.sklearn' has no attribute {name!r}")
