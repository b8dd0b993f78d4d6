"""Explanations of a fitted detector: its scores, its training rows, and an audit of these."""

from jaxad.explain.attribution import attribution_methods, attributions
from jaxad.explain.auditing import Audit, audit
from jaxad.explain.clever_hans import clever_hans_score, similarity
from jaxad.explain.generation import draw_images, generated
from jaxad.explain.heat_maps import heatmaps
from jaxad.explain.mining import MiningCurve
from jaxad.explain.pictures.bars import draw_attributions, top_features
from jaxad.explain.pictures.maps import draw_heatmaps
from jaxad.explain.pictures.overlays import draw_overlays, draw_sheet
from jaxad.explain.pixels import (
    PixelAUROC,
    PixelMetrics,
    Pixels,
    aupro,
    collect_pixels,
    join_pixels,
    measure_pixels,
    pixel_auroc,
    select_images,
)
from jaxad.explain.text import attention_page, context_distances, oracle_auroc, top_words
from jaxad.explain.training_influence import Influence, influence
from jaxad.explain.training_path import PathKernel, path_kernel

__all__ = [
    "Audit",
    "Influence",
    "MiningCurve",
    "PathKernel",
    "PixelAUROC",
    "PixelMetrics",
    "Pixels",
    "attention_page",
    "attribution_methods",
    "attributions",
    "audit",
    "aupro",
    "clever_hans_score",
    "collect_pixels",
    "context_distances",
    "draw_attributions",
    "draw_heatmaps",
    "draw_images",
    "draw_overlays",
    "draw_sheet",
    "generated",
    "heatmaps",
    "influence",
    "join_pixels",
    "measure_pixels",
    "oracle_auroc",
    "path_kernel",
    "pixel_auroc",
    "select_images",
    "similarity",
    "top_features",
    "top_words",
]
