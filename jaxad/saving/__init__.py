"""Fitted detectors as folders, and scoring with them."""
