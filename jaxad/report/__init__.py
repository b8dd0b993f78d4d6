"""Reports: tables of a sweep's results, with published numbers beside ours."""

from jaxad.report.published import Published, read_published
from jaxad.report.tables import tables

__all__ = ["Published", "read_published", "tables"]
