"""What a fitted detector learned, and from which rows."""

from jaxad.explain.audit import Audit, audit

__all__ = ["Audit", "audit"]
