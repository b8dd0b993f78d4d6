"""Weighings: who decides how much of each loss an example gets."""

from jaxad.weighing.base import Context, Weighing, Weights, by_label, chain, unsupervised

__all__ = ["Context", "Weighing", "Weights", "by_label", "chain", "unsupervised"]
