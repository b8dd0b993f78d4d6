"""Learners: how parameters move."""

from jaxad.learners.gradient import gradient_step, start_state
from jaxad.learners.optimiser import Optimiser
from jaxad.learners.pretrain import into_autoencoder, out_of_autoencoder
from jaxad.learners.radius import closed_form_radius, step_with_batch_radius

__all__ = [
    "Optimiser",
    "closed_form_radius",
    "gradient_step",
    "into_autoencoder",
    "out_of_autoencoder",
    "start_state",
    "step_with_batch_radius",
]
