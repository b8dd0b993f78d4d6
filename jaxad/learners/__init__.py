"""Learners: optimisers, gradient steps, adversarial turns and training stages."""

from jaxad.learners.adversarial import (
    Player,
    Turn,
    generated_loss,
    real_loss,
    start_players,
    take_turns,
)
from jaxad.learners.gradient import (
    batch_loss,
    gradient_step,
    refresh_extras,
    row_losses,
    start_state,
)
from jaxad.learners.optimiser import Optimiser
from jaxad.learners.pretrain import begin_pretraining, begin_training
from jaxad.learners.radius import step_with_batch_radius, update_radius
from jaxad.learners.stages import begin_first_stage, begin_second_stage

__all__ = [
    "Optimiser",
    "Player",
    "Turn",
    "batch_loss",
    "begin_first_stage",
    "begin_pretraining",
    "begin_second_stage",
    "begin_training",
    "generated_loss",
    "gradient_step",
    "real_loss",
    "refresh_extras",
    "row_losses",
    "start_players",
    "start_state",
    "step_with_batch_radius",
    "take_turns",
    "update_radius",
]
