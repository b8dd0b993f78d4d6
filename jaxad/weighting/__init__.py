"""Weightings: who decides how much of each loss an example gets."""

from jaxad.weighting.anoonly import anoonly
from jaxad.weighting.base import Context, Weighting, Weights, by_label, chain, unsupervised
from jaxad.weighting.contradicting import contradicting
from jaxad.weighting.elite import elite
from jaxad.weighting.mining import mining
from jaxad.weighting.outlier_exposure import latent_outlier_exposure
from jaxad.weighting.parse import WEIGHTINGS, parse_weighting

__all__ = [
    "WEIGHTINGS",
    "Context",
    "Weighting",
    "Weights",
    "anoonly",
    "by_label",
    "chain",
    "contradicting",
    "elite",
    "latent_outlier_exposure",
    "mining",
    "parse_weighting",
    "unsupervised",
]
