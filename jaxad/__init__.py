"""Deep anomaly detection in JAX when training data is contaminated and labels are scarce."""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxad.cleaning import Cleaning, clean
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
    "Cleaning",
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
    "clean",
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

# The modules of the names above. They are imported on first use: `import jaxad` alone must be fast.
_MODULES = {
    "jaxad.cleaning": ("Cleaning", "clean"),
    "jaxad.data": (
        "Dataset",
        "Split",
        "as_train_data",
        "contaminate",
        "from_arrays",
        "load_dataset",
    ),
    "jaxad.detector": ("Detector", "HostDetector", "Phase"),
    "jaxad.detectors": ("REGISTRY", "make"),
    "jaxad.evaluation.scoring": ("Evaluation", "evaluate", "score"),
    "jaxad.explain.auditing": ("Audit", "audit"),
    "jaxad.recommendation": ("recommend",),
    "jaxad.saving.folder": ("load", "save"),
    "jaxad.training.fitted": ("Fit",),
    "jaxad.training.train": ("fit",),
    "jaxad.types": ("Batch", "State", "TestData", "TrainData"),
    "jaxad.utils.compilation_cache": ("enable_compilation_cache",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Return a public name or a package of the library, which is imported on first use."""
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value  # the next access is a plain one
        return value
    if not name.startswith("_"):
        try:
            return import_module(f"jaxad.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"jaxad.{name}":
                raise
    raise AttributeError(f"module 'jaxad' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names and the packages of the library."""
    packages = (module.name for module in iter_modules(__path__) if module.name[0] != "_")
    return sorted({*globals(), *_HOMES, *packages})
