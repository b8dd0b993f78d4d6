"""Training in two stages: a model first, then a second model that contains it."""

from typing import Protocol

from jaxad.learners.gradient import start_state
from jaxad.learners.optimiser import Optimiser
from jaxad.models.base import Model
from jaxad.types import Key, PyTree, State, TrainData, Variables
from jaxad.weighting.base import Weighting

__all__ = ["TwoStage", "begin_first_stage", "begin_second_stage"]


class TwoStage(Model, Protocol):
    """A model that contains another one, which is trained first."""

    @property
    def first(self) -> Model:
        """The model of the first stage."""
        ...

    def select_first(self, variables: Variables, extras: PyTree) -> Variables:
        """Return the variables of the first stage's model."""
        ...

    def extend(self, variables: Variables, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the remaining variables for a trained first stage, and compute extras."""
        ...


def begin_first_stage(
    model: TwoStage,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin the first stage, with its model only."""
    del key
    variables = model.select_first(state.variables, state.extras)
    extras = model.first.extras(variables, data)
    return start_state(model.first, weighting, optimiser, variables, extras, data)


def begin_second_stage(
    model: TwoStage,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin the second stage, with the whole model around the trained first one."""
    variables, extras = model.extend(state.variables, key, data)
    return start_state(model, weighting, optimiser, variables, extras, data)
