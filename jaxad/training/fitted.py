"""What training gives: a fitted detector, and how far it is."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError
from jaxad.types import PyTree, State
from jaxad.utils.timing import Seconds

__all__ = ["Fit", "History", "Place", "Progress"]

History = dict[str, dict[str, np.ndarray]]


class Progress(NamedTuple):
    """Where a fit stands: the phase's name, and steps done of all steps of all phases."""

    phase: str
    done: int
    total: int


@dataclass
class Fit:
    """A fitted detector: one state for each seed.

    Attributes:
        detector: What was fitted.
        state: The states of all seeds, stacked along a leading axis.
        history: Diagnostics of each step, `{phase: {name: (seeds, steps)}}`; NaN where a seed has
            fewer steps than another.
        seconds: Wall time, split into compiling and running.
        mode: How seeds were mapped: "vmap" or "map".
        interrupted: Whether training was stopped before its end.
        rows: How many training rows the arrays had room for.
        models: For a detector of the host a score function for each seed; `state` is then that of
            what codes its rows, if anything does.
        members: Where each seed had a detector of its own, all of them; `detector` is the first.
    """

    detector: Detector | HostDetector
    state: State | None = None
    history: History = field(default_factory=dict)
    seconds: Seconds = field(default_factory=Seconds)
    mode: str = "vmap"
    interrupted: bool = False
    rows: int = 0
    models: tuple[Any, ...] = ()
    members: tuple[Detector, ...] = ()

    @property
    def seeds(self) -> int:
        """How many seeds were fitted."""
        if self.models:
            return len(self.models)
        return jax.tree.leaves(self.state)[0].shape[0]

    @property
    def single(self) -> Detector | HostDetector:
        """The detector of all seeds.

        Raises:
            ConfigError: Each seed has a detector of its own.
        """
        if self.members:
            raise ConfigError(
                "each seed of this fit has a detector of its own: give one of them, fit.only(i)"
            )
        return self.detector

    def only(self, seed: int) -> "Fit":
        """The fit of a single seed, of its own detector.

        Args:
            seed: Its place, from 0.

        Raises:
            ConfigError: There is no such seed.
        """
        if not 0 <= seed < self.seeds:
            raise ConfigError(f"only({seed}): the fit has {self.seeds} seeds, from 0")
        one = slice(seed, seed + 1)
        return replace(
            self,
            detector=self.members[seed] if self.members else self.detector,
            state=jax.tree.map(lambda leaf: leaf[one], self.state),
            history=jax.tree.map(lambda leaf: leaf[one], self.history),
            models=self.models[one],
            members=(),
        )


class Place(NamedTuple):
    """How far a fit has come: all that it needs to go on, bit for bit."""

    phase: int
    step: int
    state: PyTree
    history: History
