"""Saved detectors: fitted detectors as folders, and scoring files with them."""

from jaxad.saving.drift.monitoring import monitor
from jaxad.saving.drift.report import MonitorReport
from jaxad.saving.folder import check_savable, load, save
from jaxad.saving.scored_rows import ScoredRows
from jaxad.saving.scoring import SavedDetector, open_detector
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
