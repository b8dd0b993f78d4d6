"""Weighings: who decides how much of each loss an example gets."""

from jaxad.weighing.anoonly import anoonly
from jaxad.weighing.base import Context, Weighing, Weights, by_label, chain, unsupervised
from jaxad.weighing.contradicting import contradicting
from jaxad.weighing.elite import elite
from jaxad.weighing.mining import mining
from jaxad.weighing.outlier_exposure import latent_outlier_exposure
from jaxad.weighing.parse import WEIGHINGS, parse_weighing

__all__ = [
    "WEIGHINGS",
    "Context",
    "Weighing",
    "Weights",
    "anoonly",
    "by_label",
    "chain",
    "contradicting",
    "elite",
    "latent_outlier_exposure",
    "mining",
    "parse_weighing",
    "unsupervised",
]
