"""Reports: tables and pictures of a sweep's results, with published numbers beside ours."""

from jaxad.report.audits import audit_curves
from jaxad.report.folder import write_report
from jaxad.report.page import render_page
from jaxad.report.pictures import draw_pictures, pictures_of
from jaxad.report.plots import boxes, critical_difference, curves
from jaxad.report.published import Published, read_published
from jaxad.report.significance import Comparison, compare, wilcoxon_holm
from jaxad.report.tables import make_tables, table

__all__ = [
    "Comparison",
    "Published",
    "audit_curves",
    "boxes",
    "compare",
    "critical_difference",
    "curves",
    "draw_pictures",
    "make_tables",
    "pictures_of",
    "read_published",
    "render_page",
    "table",
    "wilcoxon_holm",
    "write_report",
]
