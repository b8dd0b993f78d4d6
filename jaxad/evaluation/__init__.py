"""Scores of new rows, metrics, and how well hidden anomalies are found."""
