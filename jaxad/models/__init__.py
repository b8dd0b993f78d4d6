"""Score models, which map examples to anomaly scores."""

from jaxad.models.base import Model
from jaxad.models.calibrated import Calibrated, Coded
from jaxad.models.class_code import ClassCode
from jaxad.models.contexts import ContextOut, Contexts
from jaxad.models.deviation import Deviation
from jaxad.models.embedding import Embedding
from jaxad.models.encoded_twice import EncodedTwice
from jaxad.models.flow import Flow
from jaxad.models.forecast import Forecast
from jaxad.models.hyperplane import Hyperplane
from jaxad.models.hypersphere import Hypersphere, SoftBoundary
from jaxad.models.latent_search import LatentSearch
from jaxad.models.margin import Margined
from jaxad.models.mixture import MixtureEnergy
from jaxad.models.neighbours import Neighbours
from jaxad.models.on_codes import OnCodes
from jaxad.models.pairs import PairScore
from jaxad.models.radial import Radial
from jaxad.models.reconstruction import Reconstruction
from jaxad.models.regularised import Regularised
from jaxad.models.residual import ResidualScore
from jaxad.models.score_map import PixelMap, ScoreMap
from jaxad.models.subspace import Subspace
from jaxad.models.transformed_images import TransformedImages
from jaxad.models.transformed_rows import TransformedRows
from jaxad.models.variational import Variational

__all__ = [
    "Calibrated",
    "ClassCode",
    "Coded",
    "ContextOut",
    "Contexts",
    "Deviation",
    "Embedding",
    "EncodedTwice",
    "Flow",
    "Forecast",
    "Hyperplane",
    "Hypersphere",
    "LatentSearch",
    "Margined",
    "MixtureEnergy",
    "Model",
    "Neighbours",
    "OnCodes",
    "PairScore",
    "PixelMap",
    "Radial",
    "Reconstruction",
    "Regularised",
    "ResidualScore",
    "ScoreMap",
    "SoftBoundary",
    "Subspace",
    "TransformedImages",
    "TransformedRows",
    "Variational",
]
