"""Training in two stages: a model first, and then one around it that keeps it."""

from typing import Protocol

from jaxad.learners.gradient import start_state
from jaxad.learners.optimiser import Optimiser
from jaxad.models.base import Model
from jaxad.types import Key, PyTree, State, TrainData, Variables
from jaxad.weighting.base import Weighting

__all__ = ["TwoStage", "into_first", "out_of_first"]


class TwoStage(Model, Protocol):
    """A model around another one, which is trained before it."""

    @property
    def first(self) -> Model:
        """The model of the first stage."""
        ...

    def select_first(self, variables: Variables, extras: PyTree) -> Variables:
        """The variables of the first stage's model."""
        ...

    def extend(self, variables: Variables, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Random variables beside those of a trained first stage, and what is in closed form."""
        ...


def into_first(
    model: TwoStage,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin the first stage: its model alone."""
    del key
    variables = model.select_first(state.variables, state.extras)
    extras = model.first.extras(variables, data)
    return start_state(model.first, weighting, optimiser, variables, extras, data)


def out_of_first(
    model: TwoStage,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    data: TrainData,
    key: Key,
) -> State:
    """Begin the second stage: the whole model around the trained first."""
    variables, extras = model.extend(state.variables, key, data)
    return start_state(model, weighting, optimiser, variables, extras, data)
