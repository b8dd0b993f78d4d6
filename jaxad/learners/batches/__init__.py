"""Transforms of a batch on the device, before a training step sees it."""
