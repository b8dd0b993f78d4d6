"""Helpers that know nothing of anomaly detection: files, checksums, timing, parsing of calls."""
