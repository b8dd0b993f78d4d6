"""Score models: what is measured of an example."""

from jaxad.models.base import Model
from jaxad.models.forecast import Forecast
from jaxad.models.hypersphere import Hypersphere, SoftBoundary
from jaxad.models.margin import Margined
from jaxad.models.reconstruction import Reconstruction

__all__ = ["Forecast", "Hypersphere", "Margined", "Model", "Reconstruction", "SoftBoundary"]
