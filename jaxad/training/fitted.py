"""Fitted detectors, and how far a fit has come."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxad.data.image_range import ImageRange
from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError
from jaxad.types import PyTree, State
from jaxad.utils.timing import Seconds

__all__ = ["Fit", "History", "Place", "Progress"]

History = dict[str, dict[str, np.ndarray]]


class Progress(NamedTuple):
    """How far a fit has come: the phase, and the steps done of all steps of all phases."""

    phase: str
    done: int
    total: int


@dataclass
class Fit:
    """A fitted detector: one state for each seed.

    Attributes:
        detectors: The detector that all seeds share, or one for each seed; those differ in numbers
            alone, such as a learning rate.
        state: The states of all seeds, stacked along a leading axis.
        history: Diagnostics of each step, `{phase: {name: (seeds, steps)}}`; NaN where a seed has
            fewer steps than another.
        seconds: Wall time, split into compiling and running.
        mode: How seeds were mapped: "vmap" or "map".
        interrupted: Whether training was stopped before its end.
        rows: How many training rows the arrays had room for.
        models: For a detector of the host, a score function for each seed; `state` is then that of
            the detector that encodes its rows, if there is one.
        images: The range of the training images; None for other rows, and if it is not known.
    """

    detectors: tuple[Detector | HostDetector, ...]
    state: State | None = None
    history: History = field(default_factory=dict)
    seconds: Seconds = field(default_factory=Seconds)
    mode: str = "vmap"
    interrupted: bool = False
    rows: int = 0
    models: tuple[Any, ...] = ()
    images: ImageRange | None = None

    def __post_init__(self):
        if isinstance(self.detectors, Detector | HostDetector):  # a tuple itself, of functions
            self.detectors = (self.detectors,)

    @property
    def detector(self) -> Detector | HostDetector:
        """The detector of the first seed; what detectors side by side have in common."""
        return self.detectors[0]

    @property
    def seeds(self) -> int:
        """The number of seeds."""
        if self.models:
            return len(self.models)
        return jax.tree.leaves(self.state)[0].shape[0]

    @property
    def single(self) -> Detector | HostDetector:
        """The detector that all seeds share.

        Raises:
            ConfigError: Each seed has a detector of its own.
        """
        if len(self.detectors) > 1:
            raise ConfigError(
                "fit has a detector of its own for each seed: give one of them, fit.only(i)"
            )
        return self.detector

    def only(self, seed: int) -> "Fit":
        """Return the fit of a single seed.

        Args:
            seed: Its place, from 0.

        Raises:
            ConfigError: There is no such seed.
        """
        if not 0 <= seed < self.seeds:
            raise ConfigError(f"seed must be in 0..{self.seeds - 1}; given {seed}")
        one = slice(seed, seed + 1)
        return replace(
            self,
            detectors=(self.detectors[seed] if len(self.detectors) > 1 else self.detector,),
            state=jax.tree.map(lambda leaf: leaf[one], self.state),
            history=jax.tree.map(lambda leaf: leaf[one], self.history),
            models=self.models[one],
        )


class Place(NamedTuple):
    """The place that a fit has reached: all that it needs to resume, bit for bit."""

    phase: int
    step: int
    state: PyTree
    history: History
