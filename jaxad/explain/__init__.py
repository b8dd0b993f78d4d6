"""What a fitted detector learned, and from which rows."""

from jaxad.explain.audit import Audit, audit
from jaxad.explain.influence import Influence, PathKernel, influence, path_kernel

__all__ = ["Audit", "Influence", "PathKernel", "audit", "influence", "path_kernel"]
