"""Saved detectors: fitted detectors as folders, and scoring files with them."""

from jaxad.saving.folder import check_savable, load, save
from jaxad.saving.scoring import SavedDetector, ScoredRows, open_detector
from jaxad.saving.training_file import save_trained

__all__ = [
    "SavedDetector",
    "ScoredRows",
    "check_savable",
    "load",
    "open_detector",
    "save",
    "save_trained",
]
