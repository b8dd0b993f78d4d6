"""Detectors, one file each: the reference, the configuration and the function that builds it."""

from jaxad.detectors import (  # registers them  # noqa: F401
    anogan,
    anoonly,
    autoencoder,
    calibrated_autoencoder,
    classical,
    classifier,
    contradicting,
    cvdd,
    dagmm,
    deep_sad,
    deep_svdd,
    devnet,
    elite,
    fcdd,
    feawad,
    forecaster,
    ganomaly,
    goad,
    gt,
    hsc,
    hybrid,
    latentout,
    ncae,
    patches,
    prenet,
    pu_bagging_network,
    real_nvp,
    repen,
    rsrae,
    ss_dgm,
    tabular_classifier,
    vae,
)
from jaxad.detectors.registry import REGISTRY, Entry, get_entry, make, register

__all__ = ["REGISTRY", "Entry", "get_entry", "make", "register"]
