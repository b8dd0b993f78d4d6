"""Deep anomaly detection in JAX for training data that is itself dirty."""

from jaxad.checkpoint import load, save
from jaxad.data import (
    Dataset,
    Split,
    as_train_data,
    contaminate,
    from_arrays,
    load_dataset,
)
from jaxad.detector import Detector, Phase
from jaxad.detectors import REGISTRY, make
from jaxad.evaluate import Evaluation, evaluate, score
from jaxad.explain import Audit, audit
from jaxad.fitted import Fit
from jaxad.recommend import recommend
from jaxad.train import fit
from jaxad.types import Batch, State, TestData, TrainData

__version__ = "0.1.0"

__all__ = [
    "REGISTRY",
    "Audit",
    "Batch",
    "Dataset",
    "Detector",
    "Evaluation",
    "Fit",
    "Phase",
    "Split",
    "State",
    "TestData",
    "TrainData",
    "__version__",
    "as_train_data",
    "audit",
    "contaminate",
    "evaluate",
    "fit",
    "from_arrays",
    "load",
    "load_dataset",
    "make",
    "recommend",
    "save",
    "score",
]
