"""Saved detectors: fitted detectors as folders, and scoring files with them."""

from jaxad.saving.folder import check_savable, load, save
from jaxad.saving.monitoring import MonitorReport, monitor
from jaxad.saving.scoring import SavedDetector, ScoredRows, open_detector
from jaxad.saving.training_file import save_trained

__all__ = [
    "MonitorReport",
    "SavedDetector",
    "ScoredRows",
    "check_savable",
    "load",
    "monitor",
    "open_detector",
    "save",
    "save_trained",
]
