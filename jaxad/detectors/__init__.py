"""Detectors, one file each: reference, configuration, and how it is built from the four choices."""

from jaxad.detectors import autoencoder, deep_sad, deep_svdd  # registers them
from jaxad.detectors.registry import REGISTRY, Entry, entry, make

__all__ = ["REGISTRY", "Entry", "autoencoder", "deep_sad", "deep_svdd", "entry", "make"]
