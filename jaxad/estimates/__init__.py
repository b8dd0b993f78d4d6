"""Estimates by the compiler: what a fit needs on devices that this machine does not have."""

from jaxad.estimates.report import Estimate, Report, estimate_fit
from jaxad.estimates.topologies import TOPOLOGIES, Topology, open_topology

__all__ = [
    "TOPOLOGIES",
    "Estimate",
    "Report",
    "Topology",
    "estimate_fit",
    "open_topology",
]
