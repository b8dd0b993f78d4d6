"""From scores to alarms: which scores are high enough to call a row anomalous.

A rule looks at scores of some rows (of training, or better of rows held out) and gives a number; a
row is anomalous if its score is *above* it. Pure functions of NumPy arrays; SciPy fits the tail of
`extreme`.
"""

from jaxad.thresholds.conformal_rules import benjamini_hochberg, conformal, p_values
from jaxad.thresholds.rules import RULES, Reference, Rule, parse_rule, threshold
from jaxad.thresholds.scores import extreme, f1, quantile, sigma, unified
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
    "p_values",
    "pack",
    "parse_rule",
    "quantile",
    "sigma",
    "threshold",
    "unified",
    "unpack",
]
