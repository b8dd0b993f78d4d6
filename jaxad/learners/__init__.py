"""Learners: how parameters move."""

from jaxad.learners.adversarial import (
    Player,
    Turn,
    as_generated,
    as_real,
    start_players,
    take_turns,
)
from jaxad.learners.gradient import batch_loss, fresh_extras, gradient_step, start_state
from jaxad.learners.optimiser import Optimiser
from jaxad.learners.pretrain import into_autoencoder, out_of_autoencoder
from jaxad.learners.radius import closed_form_radius, step_with_batch_radius
from jaxad.learners.stages import into_first, out_of_first

__all__ = [
    "Optimiser",
    "Player",
    "Turn",
    "as_generated",
    "as_real",
    "batch_loss",
    "closed_form_radius",
    "fresh_extras",
    "gradient_step",
    "into_autoencoder",
    "into_first",
    "out_of_autoencoder",
    "out_of_first",
    "start_players",
    "start_state",
    "step_with_batch_radius",
    "take_turns",
]
