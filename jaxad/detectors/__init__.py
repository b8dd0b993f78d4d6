"""Detectors, one file each: reference, configuration, and how it is built from the four choices."""

from jaxad.detectors import (  # registers them
    autoencoder,
    classical,
    contradicting,
    deep_sad,
    deep_svdd,
    forecaster,
)
from jaxad.detectors.registry import REGISTRY, Entry, entry, make

__all__ = [
    "REGISTRY",
    "Entry",
    "autoencoder",
    "classical",
    "contradicting",
    "deep_sad",
    "deep_svdd",
    "entry",
    "forecaster",
    "make",
]
