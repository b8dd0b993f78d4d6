"""The scikit-learn estimator for all detectors of the library, on tables."""

from jaxad.data.labels import training_labels, truth_labels
from jaxad.sklearn.estimator import JaxADDetector

__all__ = ["JaxADDetector", "training_labels", "truth_labels"]
