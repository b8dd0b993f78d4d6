"""Metrics of scores for each timestamp of a series, against true ranges of anomalies."""

from jaxad.evaluation.ranges.affiliation import Affiliation, compute_affiliation
from jaxad.evaluation.ranges.intervals import find_ranges
from jaxad.evaluation.ranges.summary import compute_range_metrics
from jaxad.evaluation.ranges.volumes import Volumes, compute_volumes

__all__ = [
    "Affiliation",
    "Volumes",
    "compute_affiliation",
    "compute_range_metrics",
    "compute_volumes",
    "find_ranges",
]
