"""Classical detectors, mostly those of scikit-learn, with the interface of the other detectors."""

from jaxad.detectors.classical import labelled, unlabelled  # registers them  # noqa: F401
