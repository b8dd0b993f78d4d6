"""The interface between detectors and the trainer."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float

from jaxad.data.text.lexicon import Lexicon
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
    """Return the state unchanged, as the default of `begin` and `each_epoch`."""
    return state


class Phase(NamedTuple):
    """A phase of training with one update function.

    Attributes:
        name: The name in the history and the progress bar.
        update: `(state, batch, key) -> (state, info)`: one optimisation step.
        begin: `(state, data, key) -> state`: converts the final state of the phase before to the
            initial state of this one.
        each_epoch: `(state, data, epoch) -> state`: called before the first step of each epoch.
        sampler: The sampler of batches.
        epochs: The number of epochs.
    """

    name: str
    update: Update
    begin: Begin = keep
    each_epoch: EachEpoch = keep
    sampler: Sampler = ShuffledEpochs(128)
    epochs: int = 50


class Parts(NamedTuple):
    """The four parts that a detector is composed of.

    Explanations and the documentation use them. The trainer uses only the detector's functions.

    Attributes:
        model: The score model.
        objective: The pair of losses; None if the networks of the detector have losses of their
            own, as in adversarial training.
        weighting: The weighting of rows.
        optimiser: The optimiser; None if the networks have optimisers of their own.
    """

    model: "Model"
    objective: "Objective | None"
    weighting: "Weighting"
    optimiser: "Optimiser | None"


class Detector(NamedTuple):
    """A detector as pure functions of a `State`, with the settings of its training.

    The functions are static. If a function is given as `jax.tree_util.Partial(function, *numbers)`,
    its numbers are traced, and detectors that differ only in such numbers share one compiled
    program.

    Attributes:
        init: `(key, data) -> state`: the initial state of the first phase.
        update: `(state, batch, key) -> (state, info)`: one optimisation step.
        score: `(state, x) -> (n,)` scores in inference mode; higher is more anomalous.
        begin: `(state, data, key) -> state`: called once before the first `update`, with the final
            state of the phases before.
        each_epoch: `(state, data, epoch) -> state`: called before the first step of each epoch.
        generate: `(state, key) -> (m, ...)`: generated rows; None if the detector is not
            generative.
        sampler: The sampler of batches.
        epochs: The number of epochs.
        before: Phases that run first, such as pre-training.
        convolutional: Whether the network is convolutional, so that `vmap` over seeds is slow on
            the CPU.
        name: The registered name of the detector.
        config: The configuration from which it was built, a frozen dataclass.
        input_shape: The shape of one example, before padding.
        labelled: The numbers of labelled anomalies and labelled normal rows it was built for.
        lexicon: The lexicon of a detector of texts; else None.
        parts: The four parts that it is composed of; None for a detector without such parts.
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
        """All phases in order; the last is the main training."""
        main = Phase("train", self.update, self.begin, self.each_epoch, self.sampler, self.epochs)
        return (*self.before, main)


class Coder(NamedTuple):
    """A detector whose network encodes rows.

    Attributes:
        detector: The detector that is trained for it.
        code: `(state, (b, ...) rows) -> (b, k)` codes.
    """

    detector: Detector
    code: Callable[[State, Array], Float[Array, "b k"]]


class HostDetector(NamedTuple):
    """A detector of another library, which runs on the host.

    Attributes:
        train: `(rows (n, d), labels (n,), random number) -> score function of (m, d) rows`.
        name: The registered name of the detector.
        config: The configuration from which it was built, a frozen dataclass.
        input_shape: The shape of one example; images and sequences are flattened.
        coder: The encoder whose codes replace the rows in training and scoring; None for raw rows.
        score_type: The class of its score functions: a dataclass whose fields are numbers, arrays,
            estimators of scikit-learn, lists of these, or such dataclasses. None if they are other
            functions, which cannot be saved.
        labelled: The numbers of labelled anomalies and labelled normal rows it was built for.
    """

    train: HostTrain
    name: str = "custom"
    config: Any = None
    input_shape: tuple[int, ...] | None = None
    coder: Coder | None = None
    score_type: type | None = None
    labelled: tuple[int, int] = (0, 0)

    @property
    def convolutional(self) -> bool:
        """Whether a convolutional network encodes the rows."""
        return self.coder is not None and self.coder.detector.convolutional

    @property
    def lexicon(self) -> None:
        """None, as such a detector has no lexicon."""
        return None
