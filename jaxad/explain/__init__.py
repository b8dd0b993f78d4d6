"""What a fitted detector learned, and from which rows."""

from jaxad.explain.attributions import attribution_methods, attributions
from jaxad.explain.audit import Audit, audit
from jaxad.explain.bars_picture import draw_attributions, top_features
from jaxad.explain.clever_hans import clever_hans_score, similarity
from jaxad.explain.generated import draw_images, generated
from jaxad.explain.heatmaps import heatmaps
from jaxad.explain.influence import Influence, PathKernel, influence, path_kernel
from jaxad.explain.maps_picture import draw_heatmaps
from jaxad.explain.mining import MiningCurve
from jaxad.explain.pixels import PixelAUROC, pixel_auroc

__all__ = [
    "Audit",
    "Influence",
    "MiningCurve",
    "PathKernel",
    "PixelAUROC",
    "attribution_methods",
    "attributions",
    "audit",
    "clever_hans_score",
    "draw_attributions",
    "draw_heatmaps",
    "draw_images",
    "generated",
    "heatmaps",
    "influence",
    "path_kernel",
    "pixel_auroc",
    "similarity",
    "top_features",
]
