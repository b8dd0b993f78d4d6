"""Learners: how parameters move."""

from jaxad.learners.adversarial import (
    Player,
    Turn,
    as_generated,
    as_real,
    start_players,
    take_turns,
)
from jaxad.learners.batches.transform import Transform, transformed
from jaxad.learners.classes import class_step
from jaxad.learners.contexts import context_step
from jaxad.learners.gradient import fresh_extras, gradient_step, start_state
from jaxad.learners.noise import with_noise
from jaxad.learners.optimiser import Optimiser
from jaxad.learners.pairs import pair_step
from jaxad.learners.pixels import pixel_step
from jaxad.learners.pretrain import into_autoencoder, out_of_autoencoder
from jaxad.learners.radius import closed_form_radius, step_with_batch_radius
from jaxad.learners.stages import into_first, out_of_first
from jaxad.learners.triplets import triplet_step

__all__ = [
    "Optimiser",
    "Player",
    "Transform",
    "Turn",
    "as_generated",
    "as_real",
    "class_step",
    "closed_form_radius",
    "context_step",
    "fresh_extras",
    "gradient_step",
    "into_autoencoder",
    "into_first",
    "out_of_autoencoder",
    "out_of_first",
    "pair_step",
    "pixel_step",
    "start_players",
    "start_state",
    "step_with_batch_radius",
    "take_turns",
    "transformed",
    "triplet_step",
    "with_noise",
]
