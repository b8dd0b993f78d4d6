"""Detectors, one file each: reference, configuration, and how it is built from the four choices."""

from jaxad.detectors import (  # registers them
    anoonly,
    autoencoder,
    classical,
    classifier,
    contradicting,
    dagmm,
    deep_sad,
    deep_svdd,
    devnet,
    elite,
    feawad,
    forecaster,
    ncae,
    prenet,
    vae,
)
from jaxad.detectors.registry import REGISTRY, Entry, entry, make

__all__ = [
    "REGISTRY",
    "Entry",
    "anoonly",
    "autoencoder",
    "classical",
    "classifier",
    "contradicting",
    "dagmm",
    "deep_sad",
    "deep_svdd",
    "devnet",
    "elite",
    "entry",
    "feawad",
    "forecaster",
    "make",
    "ncae",
    "prenet",
    "vae",
]
