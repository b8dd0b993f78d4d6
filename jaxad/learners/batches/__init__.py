"""Transforms of a batch on the device, before a training step sees it."""

from jaxad.learners.batches.artificial import confetti
from jaxad.learners.batches.augment import parse_augment
from jaxad.learners.batches.transform import Transform, transform_batches

__all__ = ["Transform", "confetti", "parse_augment", "transform_batches"]
