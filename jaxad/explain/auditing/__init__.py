"""Contamination audit: rank unlabelled training rows by how likely they are hidden anomalies."""

from jaxad.explain.auditing.measuring import audit
from jaxad.explain.auditing.records import (
    check_auditable,
    check_method,
    find_record,
    list_methods,
)
from jaxad.explain.auditing.result import Audit

__all__ = ["Audit", "audit", "check_auditable", "check_method", "find_record", "list_methods"]
