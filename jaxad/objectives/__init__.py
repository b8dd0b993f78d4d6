"""Pairs of per-example losses: one for rows taken as normal, one for rows taken as anomalous.

Training minimises `mean_i [w_i^N normal(s_i) + w_i^A anomaly(s_i)] + regulariser`; a weighting
sets the two weights of each row. An objective is a pytree: its functions are static structure, its
numbers are leaves.
"""

from jaxad.objectives.base import Objective
from jaxad.objectives.contexts import nearest_contexts
from jaxad.objectives.distances import (
    hinge,
    hypersphere_classification,
    identity,
    inverse,
    soft_boundary,
)
from jaxad.objectives.parts import (
    calibrated,
    class_bound,
    encoded_twice,
    evidence,
    mixture,
    regularised,
    subspace_error,
    subspace_residual,
)
from jaxad.objectives.pixels import pixelwise
from jaxad.objectives.scores import cross_entropy, deviation, feawad, ordinal, push, triplet
from jaxad.objectives.transformed import centre_triplet, transformation

__all__ = [
    "Objective",
    "calibrated",
    "centre_triplet",
    "class_bound",
    "cross_entropy",
    "deviation",
    "encoded_twice",
    "evidence",
    "feawad",
    "hinge",
    "hypersphere_classification",
    "identity",
    "inverse",
    "mixture",
    "nearest_contexts",
    "ordinal",
    "pixelwise",
    "push",
    "regularised",
    "soft_boundary",
    "subspace_error",
    "subspace_residual",
    "transformation",
    "triplet",
]
