"""A fit laid out: its phases, its seeds dealt to lanes, and its programs, compiled ahead."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.tree_util import Partial

from jaxad import program
from jaxad.detector import Detector, Phase
from jaxad.devices import mesh_for, put, shapes_on
from jaxad.program import How, Parts, Window
from jaxad.rows import pad_to_buckets
from jaxad.seeds import MapMode, deal, join, lanes, resolve_mode
from jaxad.types import Key, PyTree, TrainData

__all__ = ["Lane", "Study", "as_partial", "compile_ahead", "plan", "shapes_in"]


class Lane(NamedTuple):
    """Seeds that run together; arrays have a seed axis, those of `data` only if splits differ."""

    keys: Key
    data: TrainData
    steps_per_epoch: list[np.ndarray]


class Study(NamedTuple):
    """What stays the same during a fit."""

    init: Partial
    phases: tuple[Phase, ...]
    lanes: list[Lane]
    seeds: list[np.ndarray]
    how: How

    @property
    def count(self) -> int:
        """How many seeds there are."""
        return int(self.seeds[-1][-1]) + 1

    def put(self, state: PyTree) -> list[PyTree]:
        """The states of all seeds, dealt to the lanes and put where they run."""
        return [put(part, self.how.mesh) for part in deal(state, self.seeds)]

    def gather(self, parts: list[PyTree]) -> PyTree:
        """The parts of all lanes as one pytree, each seed once."""
        if len(parts) == 1 and self.how.mesh is None:
            return parts[0]
        return join(parts, self.count)

    def steps(self, phase: int) -> int:
        """The most steps that any seed takes in a phase."""
        per_epoch = max(int(lane.steps_per_epoch[phase].max()) for lane in self.lanes)
        return per_epoch * self.phases[phase].epochs

    def done(self, phase: int, step: int) -> tuple[int, int]:
        """Steps done, of all steps of all phases."""
        steps = [self.steps(i) for i in range(len(self.phases))]
        return sum(steps[:phase]) + step, sum(steps)


def plan(
    detector: Detector, train: TrainData, numbers: np.ndarray, root: Key, mode: MapMode
) -> Study:
    """Deal the seeds to lanes, each with its part of the data, and these to devices."""
    seeds = len(numbers)
    phases = tuple(
        phase._replace(
            update=as_partial(phase.update),
            begin=as_partial(phase.begin),
            each_epoch=as_partial(phase.each_epoch),
        )
        for phase in detector.phases
    )
    steps = [
        np.broadcast_to(phase.sampler.steps_per_epoch(train), seeds).astype(np.int32)
        for phase in phases
    ]
    uneven = any(np.ptp(s) > 0 for s in steps)
    resolved = "map" if uneven else resolve_mode(mode)
    dealt = lanes(seeds)
    how = How(resolved, 0 if np.ndim(train.count) else None, mesh_for(seeds))
    if how.data_axis == 0:
        data = [put(pad_to_buckets(part), how.mesh) for part in deal(train, dealt)]
    else:
        data = [put(pad_to_buckets(train), how.mesh, None)] * len(dealt)
    keys = [put(program.seed_keys(root, numbers[lane]), how.mesh) for lane in dealt]
    parts = zip(keys, data, dealt, strict=True)
    return Study(
        as_partial(detector.init),
        phases,
        [Lane(key, part, [s[lane] for s in steps]) for key, part, lane in parts],
        dealt,
        how,
    )


def compile_ahead(study: Study) -> None:
    """Compile the programs of all phases at the same time, before any of them runs."""
    lane, how = study.lanes[0], study.how
    with ThreadPoolExecutor(2) as pool:

        def shapes(fn: Any, *args: Any) -> PyTree:
            """Send a program to be compiled and say what it gives."""
            lowered = fn.lower(*args, how=how)
            pool.submit(lowered.compile)
            return shapes_on(lowered.out_info, how.mesh)

        first = study.phases[0].begin
        state = shapes(program.start, study.init, first, lane.keys, lane.data)
        for i, phase in enumerate(study.phases):
            window, per_epoch = Window(i, 0, 1, phase.epochs), lane.steps_per_epoch[i]
            if i > 0:
                state = shapes(program.begin, phase.begin, state, lane.data, lane.keys, i)
            table = put(phase.sampler.init(lane.data), how.mesh, how.data_axis)
            draws = shapes(program.draws, phase.sampler, lane.keys, per_epoch, window)
            args = (state, Parts.of(phase), lane.data, table, draws, per_epoch, window)
            state, _ = shapes(program.advance, *args)


def shapes_in(study: Study, number: int) -> PyTree:
    """The shapes of all seeds' state in a phase."""
    lane, how = study.lanes[0], study.how
    args = (study.init, study.phases[0].begin, lane.keys, lane.data)
    state = jax.eval_shape(partial(program.start, how=how), *args)
    for i in range(1, number + 1):
        args = (study.phases[i].begin, state, lane.data, lane.keys, i)
        state = jax.eval_shape(partial(program.begin, how=how), *args)
    return jax.tree.map(lambda s: jax.ShapeDtypeStruct((study.count, *s.shape[1:]), s.dtype), state)


def as_partial(fn: Callable) -> Partial:
    """A function as a pytree, so that it can be an argument of a compiled program."""
    return fn if isinstance(fn, Partial) else Partial(fn)
