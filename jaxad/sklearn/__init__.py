"""The scikit-learn estimator: any detector of the library on a table of one's own."""

from jaxad.data.labels import training_labels, truth_labels
from jaxad.sklearn.estimator import JaxADDetector

__all__ = ["JaxADDetector", "training_labels", "truth_labels"]
