"""Reports: tables and pictures of a sweep's results, with published numbers beside ours."""

from jaxad.report.page import write_page
from jaxad.report.plots import boxes, critical_difference, curves, picture
from jaxad.report.published import Published, read_published
from jaxad.report.significance import Comparison, compare, wilcoxon_holm
from jaxad.report.tables import table, tables

__all__ = [
    "Comparison",
    "Published",
    "boxes",
    "compare",
    "critical_difference",
    "curves",
    "picture",
    "read_published",
    "table",
    "tables",
    "wilcoxon_holm",
    "write_page",
]
