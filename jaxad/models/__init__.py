"""Score models: what is measured of an example."""

from jaxad.models.base import Model
from jaxad.models.hypersphere import Hypersphere, SoftBoundary
from jaxad.models.reconstruction import Reconstruction

__all__ = ["Hypersphere", "Model", "Reconstruction", "SoftBoundary"]
