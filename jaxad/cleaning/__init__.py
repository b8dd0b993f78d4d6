"""Cleaning of training sets that hold hidden anomalies, with few answers and stated bounds."""

from jaxad.cleaning.alarms import AlarmBound, bound_alarms
from jaxad.cleaning.options import CleaningOptions
from jaxad.cleaning.remaining import PRIORS, Prior, Remaining, bound_by_checks, extrapolate
from jaxad.cleaning.result import CleaningResult
from jaxad.cleaning.session import Cleaning
from jaxad.cleaning.start import clean

__all__ = [
    "PRIORS",
    "AlarmBound",
    "Cleaning",
    "CleaningOptions",
    "CleaningResult",
    "Prior",
    "Remaining",
    "bound_alarms",
    "bound_by_checks",
    "clean",
    "extrapolate",
]
