"""Detectors, one file each: reference, configuration, and how it is built from the four choices."""

from jaxad.detectors import (  # registers them
    anoonly,
    autoencoder,
    contradicting,
    deep_sad,
    deep_svdd,
    devnet,
    feawad,
    forecaster,
    prenet,
)
from jaxad.detectors.registry import REGISTRY, Entry, entry, make

__all__ = [
    "REGISTRY",
    "Entry",
    "anoonly",
    "autoencoder",
    "contradicting",
    "deep_sad",
    "deep_svdd",
    "devnet",
    "entry",
    "feawad",
    "forecaster",
    "make",
    "prenet",
]
