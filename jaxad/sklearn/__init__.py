"""The scikit-learn estimator: any detector of the library on a table of one's own."""

from jaxad.sklearn.estimator import JaxADDetector
from jaxad.sklearn.labels import training_labels, truth_labels

__all__ = ["JaxADDetector", "training_labels", "truth_labels"]
