"""What a fitted detector learned, and from which rows."""

from jaxad.explain.audit import Audit, audit
from jaxad.explain.generated import draw_images, generated
from jaxad.explain.influence import Influence, PathKernel, influence, path_kernel
from jaxad.explain.mining import MiningCurve

__all__ = [
    "Audit",
    "Influence",
    "MiningCurve",
    "PathKernel",
    "audit",
    "draw_images",
    "generated",
    "influence",
    "path_kernel",
]
