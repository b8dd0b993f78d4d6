"""Classical detectors, mostly those of scikit-learn, with the interface of the other detectors."""

from jaxad.detectors.classical import (  # registers them  # noqa: F401
    auto,
    components,
    densities,
    forests,
    labelled,
    moments,
    neighbours,
    pu_bagging,
    tails,
)
