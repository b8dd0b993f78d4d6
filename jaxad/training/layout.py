"""The layout of a fit: its phases, its seeds dealt to lanes, and its programs, compiled ahead."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.tree_util import Partial

from jaxad.detector import Detector, Phase
from jaxad.padding import pad_to_buckets
from jaxad.training import program
from jaxad.training.bound import Program
from jaxad.training.devices import mesh_for, put, shapes_on
from jaxad.training.program import How, Window
from jaxad.training.seeds import MapMode, deal, join, lanes, resolve_mode
from jaxad.training.stacking import Functions, as_partial, stack_functions
from jaxad.types import Key, Keys, PyTree, TrainData

__all__ = ["Lane", "Layout", "compile_ahead", "lay_out", "state_shapes"]


class Lane(NamedTuple):
    """Seeds that run together; arrays have a seed axis, those of `data` only if splits differ."""

    keys: Keys
    data: TrainData
    start: Functions  # (init, begin of the first phase)
    begins: list[Functions]
    steps: list[Functions]  # (update, each_epoch)
    steps_per_epoch: list[np.ndarray]


class Layout(NamedTuple):
    """What stays the same during a fit.

    Attributes:
        phases: The phases of training, in order.
        lanes: The lanes that run at the same time.
        seeds: For each lane the places of its seeds.
        how: How programs map over seeds.
    """

    phases: tuple[Phase, ...]
    lanes: list[Lane]
    seeds: list[np.ndarray]
    how: How

    @property
    def total(self) -> int:
        """The number of seeds."""
        return int(self.seeds[-1][-1]) + 1

    def put(self, state: PyTree) -> list[PyTree]:
        """Deal the states of all seeds to the lanes and put them where they run."""
        return [put(part, self.how.mesh) for part in deal(state, self.seeds)]

    def gather(self, parts: list[PyTree]) -> PyTree:
        """Join the parts of all lanes to one pytree, each seed once."""
        if len(parts) == 1 and self.how.mesh is None:
            return parts[0]
        return join(parts, self.total)

    def steps(self, phase: int) -> int:
        """Return the most steps that any seed takes in a phase."""
        per_epoch = max(int(lane.steps_per_epoch[phase].max()) for lane in self.lanes)
        return per_epoch * self.phases[phase].epochs

    def done(self, phase: int, step: int) -> tuple[int, int]:
        """Return the steps done, and the steps of all phases."""
        steps = [self.steps(i) for i in range(len(self.phases))]
        return sum(steps[:phase]) + step, sum(steps)


def lay_out(
    detectors: Sequence[Detector],
    train: TrainData,
    numbers: np.ndarray,
    root: Key,
    mode: MapMode,
) -> Layout:
    """Deal the seeds to lanes, each with its part of the data, and the lanes to devices.

    Args:
        detectors: The detector of all seeds, or one for each.
        train: The training rows of all seeds.
        numbers: The numbers of the seeds.
        root: The root of all randomness.
        mode: How seeds are mapped.
    """
    seeds, phases = len(numbers), detectors[0].phases
    counts = [
        np.broadcast_to(phase.sampler.steps_per_epoch(train), seeds).astype(np.int32)
        for phase in phases
    ]
    uneven = any(np.ptp(count) > 0 for count in counts)
    dealt, mesh = lanes(seeds), mesh_for(seeds)
    axis = 0 if np.ndim(train.count) else None
    how = How("map" if uneven else resolve_mode(mode, detectors[0]), axis, mesh)
    if axis == 0:
        data = [put(pad_to_buckets(part), mesh) for part in deal(train, dealt)]
    else:
        data = [put(pad_to_buckets(train), mesh, None)] * len(dealt)

    stack = partial(stack_functions, detectors)
    start = stack(lambda d: (as_partial(d.init), as_partial(d.phases[0].begin)))
    begins = [stack(lambda d, i=i: as_partial(d.phases[i].begin)) for i in range(len(phases))]
    steps = [stack(lambda d, i=i: _choose_step(d.phases[i])) for i in range(len(phases))]

    def lane(seeds: np.ndarray, data: TrainData) -> Lane:
        return Lane(
            put(program.seed_keys(root, numbers[seeds]), mesh),
            data,
            start.select(seeds),
            [begin.select(seeds) for begin in begins],
            [step.select(seeds) for step in steps],
            [count[seeds] for count in counts],
        )

    return Layout(phases, [*map(lane, dealt, data)], dealt, how)


def _choose_step(phase: Phase) -> tuple[Partial, Partial]:
    return as_partial(phase.update), as_partial(phase.each_epoch)


def compile_ahead(layout: Layout) -> None:
    """Start to load or compile the programs of all phases; the first runs while others compile."""
    lane, how = layout.lanes[0], layout.how
    pool = ThreadPoolExecutor(2)
    try:

        def shapes(fn: Program, *args: Any) -> PyTree:
            """Send a program to be made and say what it gives."""
            return shapes_on(fn.prepare(pool, *args, how=how), how.mesh)

        state = shapes(program.start, lane.start, lane.keys, lane.data)
        for i, phase in enumerate(layout.phases):
            window, per_epoch = Window(i, 0, 1, phase.epochs), lane.steps_per_epoch[i]
            if i > 0:
                state = shapes(program.begin, lane.begins[i], state, lane.data, lane.keys, i)
            table = put(phase.sampler.init(lane.data), how.mesh, how.data_axis)
            draws = shapes(program.draws, phase.sampler, lane.keys, per_epoch, window)
            args = (phase.sampler, lane.data, table, draws, per_epoch, window)
            state, _ = shapes(program.advance, state, lane.steps[i], *args)
    finally:
        pool.shutdown(wait=how.mesh is not None)


def state_shapes(layout: Layout, number: int) -> PyTree:
    """Return the shapes of all seeds' state in a phase."""
    lane, how = layout.lanes[0], layout.how
    state = jax.eval_shape(partial(program.start, how=how), lane.start, lane.keys, lane.data)
    for i in range(1, number + 1):
        args = (lane.begins[i], state, lane.data, lane.keys, i)
        state = jax.eval_shape(partial(program.begin, how=how), *args)
    seeds = layout.total
    return jax.tree.map(lambda s: jax.ShapeDtypeStruct((seeds, *s.shape[1:]), s.dtype), state)
