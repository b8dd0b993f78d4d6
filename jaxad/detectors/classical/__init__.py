"""Detectors of scikit-learn under this library's interface."""

from jaxad.detectors.classical import labelled, unlabelled  # registers them  # noqa: F401
