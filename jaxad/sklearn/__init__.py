"""scikit-learn estimators for all detectors of the library, on tables."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jaxad.sklearn.classifier import JaxADClassifier
from jaxad.sklearn.estimator import JaxADDetector

if TYPE_CHECKING:
    from jaxad.sklearn import scorers

__all__ = ["JaxADClassifier", "JaxADDetector", "scorers"]

_REMOVED = ("training_labels", "truth_labels")


def __getattr__(name: str) -> Any:
    """Import the scorers on first use; raise an error for names of earlier versions."""
    if name == "scorers":  # they import scikit-learn's metrics
        return import_module("jaxad.sklearn.scorers")
    if name in _REMOVED:
        raise ImportError(
            f"jaxad.sklearn.{name} was removed: estimators take labels as they are, with the "
            "parameters positive= and normal=; jaxad.data.tables.labels.as_training_labels "
            "converts them to training labels"
        )
    raise AttributeError(f"module 'jaxad.sklearn' has no attribute {name!r}")
