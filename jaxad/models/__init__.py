"""Score models: what is measured of an example."""

from jaxad.models.base import Model
from jaxad.models.calibrated import Calibrated, Coded
from jaxad.models.deviation import Deviation
from jaxad.models.forecast import Forecast
from jaxad.models.hypersphere import Hypersphere, SoftBoundary
from jaxad.models.margin import Margined
from jaxad.models.pairs import PairScore
from jaxad.models.reconstruction import Reconstruction
from jaxad.models.residual import ResidualScore
from jaxad.models.variational import Variational

__all__ = [
    "Calibrated",
    "Coded",
    "Deviation",
    "Forecast",
    "Hypersphere",
    "Margined",
    "Model",
    "PairScore",
    "Reconstruction",
    "ResidualScore",
    "SoftBoundary",
    "Variational",
]
