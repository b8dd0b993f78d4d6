"""Thresholds: which scores are high enough to call a row anomalous.

A rule computes a number from scores of some rows, those of training or better rows held out; a row
is anomalous if its score is *above* that number. The rules are pure functions of NumPy arrays;
SciPy fits the tail of `extreme`.
"""

from jaxad.thresholds.conformal_rules import benjamini_hochberg, conformal, p_values
from jaxad.thresholds.rules import RULES, Reference, Rule, parse_rule, threshold
from jaxad.thresholds.scores import extreme, f1, logistic, quantile, sigma, unified
from jaxad.thresholds.stored import SCORES, pack, unpack

__all__ = [
    "RULES",
    "SCORES",
    "Reference",
    "Rule",
    "benjamini_hochberg",
    "conformal",
    "extreme",
    "f1",
    "logistic",
    "p_values",
    "pack",
    "parse_rule",
    "quantile",
    "sigma",
    "threshold",
    "unified",
    "unpack",
]
