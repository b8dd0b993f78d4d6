"""Reports: tables and pictures of a sweep's results, with published numbers beside ours."""

from jaxad.report.audits import plot_audit_curves
from jaxad.report.committed import Committed, check_committed, read_committed, write_committed
from jaxad.report.folder import write_report
from jaxad.report.page import render_page
from jaxad.report.pictures import draw_pictures, draw_table_pictures
from jaxad.report.plots import plot_boxes, plot_critical_difference, plot_curves
from jaxad.report.published import Published, read_published
from jaxad.report.significance import Comparison, compare_detectors, wilcoxon_holm
from jaxad.report.tables import make_table, make_tables

__all__ = [
    "Committed",
    "Comparison",
    "Published",
    "check_committed",
    "compare_detectors",
    "draw_pictures",
    "draw_table_pictures",
    "make_table",
    "make_tables",
    "plot_audit_curves",
    "plot_boxes",
    "plot_critical_difference",
    "plot_curves",
    "read_committed",
    "read_published",
    "render_page",
    "wilcoxon_holm",
    "write_committed",
    "write_report",
]
