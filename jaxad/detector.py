"""The contract: what a detector is to the trainer, whatever it does inside."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float

from jaxad.data.text.vectors import Lexicon
from jaxad.sampling.base import Sampler, ShuffledEpochs
from jaxad.types import Batch, Info, Key, State, TrainData

if TYPE_CHECKING:
    from jaxad.learners import Optimiser
    from jaxad.models import Model
    from jaxad.objectives import Objective
    from jaxad.weighting import Weighting

__all__ = ["Coder", "Detector", "HostDetector", "HostScore", "Parts", "Phase", "keep"]

Init = Callable[[Key, TrainData], State]
Update = Callable[[State, Batch, Key], tuple[State, Info]]
Score = Callable[[State, Array], Float[Array, "n"]]
Begin = Callable[[State, TrainData, Key], State]
Generate = Callable[[State, Key], Array]
HostScore = Callable[[np.ndarray], Float[np.ndarray, "n"]]
HostTrain = Callable[[np.ndarray, np.ndarray, int], HostScore]
EachEpoch = Callable[[State, TrainData, Float[Array, ""]], State]


def keep(state: State, *_: Any) -> State:
    """The state as it is: a phase that needs no beginning, or nothing done each epoch."""
    return state


class Phase(NamedTuple):
    """A stretch of training with one kind of update.

    Attributes:
        name: What the history and the progress bar call it.
        update: One optimisation step.
        begin: Turns the state that the phase before left into the one that `update` takes.
        each_epoch: Done before the first step of each epoch, given the epoch's number.
        sampler: Which rows make up the batches.
        epochs: How many passes over the rows.
    """

    name: str
    update: Update
    begin: Begin = keep
    each_epoch: EachEpoch = keep
    sampler: Sampler = ShuffledEpochs(128)
    epochs: int = 50


class Parts(NamedTuple):
    """The four choices that a detector is made of, for whoever wants to look at them.

    Explanations and pages read them here. The trainer does not: it calls the detector's functions.

    Attributes:
        model: The score model: what is measured of a row.
        objective: The pair of losses; None where players have losses of their own.
        weighting: What decides the two weights of each row.
        optimiser: How parameters move; None where players have optimisers of their own.
    """

    model: "Model"
    objective: "Objective | None"
    weighting: "Weighting"
    optimiser: "Optimiser | None"


class Detector(NamedTuple):
    """Three pure functions, and how the trainer is to call the second.

    The functions are static; `State` is all that flows. Give a function as
    `jax.tree_util.Partial(function, *numbers)` and its numbers are traced: detectors that differ
    in numbers alone then share one compiled program.

    Attributes:
        init: `(key, data) -> state`; `update` and `score` take what it gives.
        update: `(state, batch, key) -> (state, info)`: one optimisation step.
        score: `(state, x) -> (n,)`: inference mode, higher is more anomalous.
        begin: Turns what the phases before left into what `update` takes, once.
        each_epoch: `(state, data, epoch) -> state`, before the first step of each epoch.
        generate: `(state, key) -> (m, ...)`: rows that a generative detector takes for normal.
        sampler: Which rows make up the batches.
        epochs: How many passes over the rows.
        before: Phases that run first, a pre-training for one.
        convolutional: Whether `vmap` over seeds is slow on the CPU.
        name: The detector's registered name.
        config: The configuration that made it, a frozen dataclass.
        input_shape: The shape of one example it takes, before any padding.
        labelled: The numbers of labelled anomalies and labelled normal rows it was made for.
        lexicon: The words that a detector of text knows, and their vectors; else None.
        parts: The four choices that it was made of; None for a detector written by hand.
    """

    init: Init
    update: Update
    score: Score
    begin: Begin = keep
    each_epoch: EachEpoch = keep
    generate: Generate | None = None
    sampler: Sampler = ShuffledEpochs(128)
    epochs: int = 50
    before: tuple[Phase, ...] = ()
    convolutional: bool = False
    name: str = "custom"
    config: Any = None
    input_shape: tuple[int, ...] | None = None
    labelled: tuple[int, int] = (0, 0)
    lexicon: Lexicon | None = None
    parts: Parts | None = None

    @property
    def phases(self) -> tuple[Phase, ...]:
        """All phases in order; the last is the detector's own training."""
        main = Phase("train", self.update, self.begin, self.each_epoch, self.sampler, self.epochs)
        return (*self.before, main)


class Coder(NamedTuple):
    """What turns rows into codes.

    Attributes:
        detector: What is trained to give them.
        code: `(state, (b, ...) rows) -> (b, k)` codes.
    """

    detector: Detector
    code: Callable[[State, Array], Float[Array, "b k"]]


class HostDetector(NamedTuple):
    """A detector of another library, under the same registry as those of this one.

    Attributes:
        train: `(rows (n, d), labels (n,), random number) -> score function of (m, d) rows`.
        name: The detector's registered name.
        config: The configuration that made it, a frozen dataclass.
        input_shape: The shape of one example it takes; longer ones than tables are flattened.
        coder: What gives the codes that `train` and its scores are given in place of rows; None
            for rows as they are.
    """

    train: HostTrain
    name: str = "custom"
    config: Any = None
    input_shape: tuple[int, ...] | None = None
    coder: Coder | None = None

    @property
    def lexicon(self) -> None:
        """It knows no words: texts are rows of a table to it, or nothing."""
        return None
