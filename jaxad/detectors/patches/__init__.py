"""Detectors of the patches of maps, such as the features of a frozen network."""

from jaxad.detectors.patches import padim, patchcore  # registers them  # noqa: F401
