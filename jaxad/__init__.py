"""Deep anomaly detection in JAX when training data is contaminated and labels are scarce."""

from importlib import import_module
from typing import Any

from jaxad.data import (
    Dataset,
    Split,
    as_train_data,
    contaminate,
    from_arrays,
    load_dataset,
)
from jaxad.detector import Detector, HostDetector, Phase
from jaxad.detectors import REGISTRY, make
from jaxad.evaluation.scoring import Evaluation, evaluate, score
from jaxad.explain.auditing import Audit, audit
from jaxad.recommendation import recommend
from jaxad.saving.folder import load, save
from jaxad.training.fitted import Fit
from jaxad.training.train import fit
from jaxad.types import Batch, State, TestData, TrainData
from jaxad.utils.compilation_cache import enable_compilation_cache

__version__ = "0.2.0"

__all__ = [
    "REGISTRY",
    "Audit",
    "Batch",
    "Dataset",
    "Detector",
    "Evaluation",
    "Fit",
    "HostDetector",
    "Phase",
    "Split",
    "State",
    "TestData",
    "TrainData",
    "__version__",
    "as_train_data",
    "audit",
    "contaminate",
    "enable_compilation_cache",
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

# Packages that are imported when they are first used: they need scikit-learn or pandas.
_LAZY = ("explain", "recommendation", "report", "results", "sklearn", "sweep", "thresholds")


def __getattr__(name: str) -> Any:
    """Import a package of the library on first use, so that `import jaxad` reaches all of it."""
    if name in _LAZY:
        return import_module(f"jaxad.{name}")
    raise AttributeError(f"module 'jaxad' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
