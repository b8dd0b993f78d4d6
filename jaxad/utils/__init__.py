"""Helpers that are independent of anomaly detection: files, checksums, timing, plug-ins."""
