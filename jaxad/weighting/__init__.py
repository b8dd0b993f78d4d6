"""Weightings: functions that decide how much of each loss a row contributes."""

from jaxad.weighting.asked_rows import estimate_alpha
from jaxad.weighting.base import Context, Weighting, Weights, chain
from jaxad.weighting.gradient_ascent import contradicting
from jaxad.weighting.labels import by_label, unsupervised
from jaxad.weighting.meta_gradient import elite
from jaxad.weighting.only_anomalies import anoonly
from jaxad.weighting.outlier_exposure import latent_outlier_exposure
from jaxad.weighting.parse import parse_weighting
from jaxad.weighting.registry import RECORDS, WEIGHTINGS, Record, register
from jaxad.weighting.rejection import adaptive_rejection
from jaxad.weighting.row_mining import mining
from jaxad.weighting.soft_exposure import soel
from jaxad.weighting.suspicion_modes import adaptive_mining
from jaxad.weighting.truncation import loss_truncation
from jaxad.weighting.unbiased_risk import nnpu

__all__ = [
    "RECORDS",
    "WEIGHTINGS",
    "Context",
    "Record",
    "Weighting",
    "Weights",
    "adaptive_mining",
    "adaptive_rejection",
    "anoonly",
    "by_label",
    "chain",
    "contradicting",
    "elite",
    "estimate_alpha",
    "latent_outlier_exposure",
    "loss_truncation",
    "mining",
    "nnpu",
    "parse_weighting",
    "register",
    "soel",
    "unsupervised",
]
