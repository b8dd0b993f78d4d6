"""Drift: whether new rows are like those that a saved detector was trained on."""
