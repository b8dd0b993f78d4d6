"""Classical detectors, mostly those of scikit-learn, with the interface of the other detectors."""

from jaxad.detectors.classical import (  # registers them  # noqa: F401
    auto,
    labelled,
    neighbours,
    pu_bagging,
    tails,
    unlabelled,
)
