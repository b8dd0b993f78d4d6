"""The programs of a fit and of scoring, with the shapes of their arguments on given devices."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, Sharding, SingleDeviceSharding

from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError
from jaxad.padding import pad_to_buckets
from jaxad.sampling.base import Sampler
from jaxad.training import inference, program
from jaxad.training.bound import bounded
from jaxad.training.devices import spec
from jaxad.training.program import How, Window
from jaxad.training.seeds import map_seeds
from jaxad.training.stacking import Functions, as_partial, share
from jaxad.types import Batch, Keys, PyTree, TestData, TrainData
from jaxad.utils.modes import pinned_modes

__all__ = ["Program", "list_programs"]


class Program(NamedTuple):
    """A program with the shapes of its arguments.

    Attributes:
        name: What it does, such as "advance train", with the name of a phase.
        function: The function, made by `jax.jit`.
        args: Its arguments: arrays are shapes with their place on devices.
        how: How it maps over seeds.
    """

    name: str
    function: Any
    args: tuple[Any, ...]
    how: How

    @pinned_modes()
    def lower(self, platforms: tuple[str, ...] | None = None) -> Any:
        """Lower the program, for the devices of its arguments or for some platforms."""
        traced = self.function.trace(*self.args, how=self.how)
        return traced.lower(lowering_platforms=platforms)


class _Places(NamedTuple):
    """Where arrays lie: those with a seed axis, and those that all seeds share."""

    seeds: Sharding | None
    shared: Sharding | None

    def shapes(self, tree: PyTree, seeds: int | None) -> PyTree:
        """Return the shapes of arrays; those of one seed, `(1, ...)`, as of so many seeds."""

        def shape(leaf: Any) -> Any:
            if isinstance(leaf, bool | int | float):
                return leaf
            rest = leaf.shape if seeds is None else (seeds, *leaf.shape[1:])
            place = self.shared if seeds is None else self.seeds
            return jax.ShapeDtypeStruct(rest, leaf.dtype, sharding=place)

        return jax.tree.map(shape, tree)


@pinned_modes()
def list_programs(
    detector: Detector | HostDetector,
    train: TrainData,
    test: TestData | None,
    seeds: int,
    mode: str,
    mesh: Mesh | None = None,
    device: Any = None,
) -> list[Program]:
    """List the programs of a fit and of its scores, in the order in which they run.

    Args:
        detector: What is trained; of a detector of the host, what encodes its rows.
        train: Training rows of one seed; with a seed axis of length 1 if each seed has its own
            rows, without it if all seeds share them.
        test: Rows to score, with or without a seed axis as `train`; None for no scores.
        seeds: The number of seeds.
        mode: How seeds are mapped: "vmap" or "map".
        mesh: The devices that the seeds are spread over; None for one device.
        device: The one device; None for the default device.

    Raises:
        ConfigError: All of the detector runs on the host.
    """
    score = "score"
    if isinstance(detector, HostDetector):
        if detector.coder is None:
            raise ConfigError(
                f"detector {detector.name} runs on the host, without a program to compile; choose "
                "a detector that JAX trains"
            )
        function, score, detector = detector.coder.code, "codes", detector.coder.detector
    else:
        function = detector.score
    size = 1 if mesh is None else mesh.size
    count = -(-seeds // size) * size
    if mesh is not None:
        places = _Places(NamedSharding(mesh, spec(0)), NamedSharding(mesh, spec(None)))
    elif device is not None:
        places = _Places(SingleDeviceSharding(device), SingleDeviceSharding(device))
    else:
        places = _Places(None, None)
    axis = 0 if np.ndim(train.count) else None
    how = How(mode, axis, mesh)
    of_data = None if axis is None else count
    data = pad_to_buckets(train)
    state: PyTree = None
    programs = []
    for one, out in _walk(detector, train, data, how, places, count, of_data):
        programs.append(one)
        state = out
    if test is not None:
        padded = pad_to_buckets(
            TrainData(test.x, np.zeros(np.shape(test.label), np.int8), test.count, test.count)
        )
        rows, counts = places.shapes((padded.x, padded.count), of_data)
        functions = _place(share(as_partial(function)), places)
        args = (functions, state, rows, counts)
        programs.append(Program(score, inference.apply_to_blocks, args, how))
    return programs


def _walk(
    detector: Detector,
    train: TrainData,
    data: TrainData,
    how: How,
    places: _Places,
    seeds: int,
    of_data: int | None,
) -> Iterator[tuple[Program, PyTree]]:
    """Yield each program of a fit, and the shapes of the state after it."""
    on_devices = places.shapes(data, of_data)
    keys = places.shapes(jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 1)), seeds)
    init = as_partial(detector.init), as_partial(detector.phases[0].begin)
    args: tuple[Any, ...] = (_place(share(init), places), keys, on_devices)
    state: PyTree = None

    def step(name: str, function: Any) -> tuple[Program, PyTree]:
        made = Program(name, function, args, how)
        out = jax.eval_shape(lambda *a: function(*a, how=how), *args)
        return made, places.shapes(out, seeds)

    made, state = step("start", program.start)
    yield made, state
    for i, phase in enumerate(detector.phases):
        window = Window(i, 0, 1, phase.epochs)
        steps = np.broadcast_to(phase.sampler.steps_per_epoch(train), 1).astype(np.int32)
        per_epoch = places.shapes(steps, seeds)
        if i > 0:
            begin = _place(share(as_partial(phase.begin)), places)
            args = (begin, state, on_devices, keys, i)
            made, state = step(f"begin {phase.name}", program.begin)
            yield made, state
        args = (phase.sampler, keys, per_epoch, window)
        made, draws = step(f"draws {phase.name}", program.draws)
        yield made, state
        table = places.shapes(phase.sampler.init(data), of_data)
        functions = _place(share((as_partial(phase.update), as_partial(phase.each_epoch))), places)
        args = (state, functions, phase.sampler, on_devices, table, draws, per_epoch, window)
        made, (after, _) = step(f"advance {phase.name}", program.advance)
        yield made, after
        args = (
            functions,
            state,
            _describe_batch(phase.sampler, data, of_data, places, seeds),
            keys,
        )
        made, _ = step(f"step {phase.name}", take_step)
        yield made, after
        state = after


@bounded
@partial(jax.jit, static_argnames="how")
def take_step(functions: Functions, state: PyTree, batch: Batch, keys: Keys, how: How) -> PyTree:
    """Update the state of every seed by one batch, as `advance` does in each turn of its loop."""

    def one_seed(numbers, rest, state, batch, key):
        update, _ = Functions(numbers, rest).whole()
        return update(state, batch, key)

    axes = (0, None, 0, 0, 0)
    return map_seeds(one_seed, (*functions, state, batch, keys), axes, how.mode, how.mesh)


def _describe_batch(
    sampler: Sampler, data: TrainData, of_data: int | None, places: _Places, seeds: int
) -> Batch:
    """Return the shapes of a batch for every seed."""
    lead = 0 if of_data is None else 1
    one = jax.tree.map(lambda leaf: np.asarray(leaf)[0] if lead else np.asarray(leaf), data)
    order = jax.eval_shape(sampler.shuffle, jax.random.key(0))
    index = jax.eval_shape(sampler.draw, sampler.init(one), order, 0)

    def rows(x: np.ndarray | None) -> Any:
        return None if x is None else jax.ShapeDtypeStruct((1, *index.shape, *x.shape[1:]), x.dtype)

    epoch: Any = jax.ShapeDtypeStruct((1,), np.float32)
    number: Any = jax.ShapeDtypeStruct((1, *index.shape), index.dtype)
    batch = Batch(rows(one.x), rows(one.label), number, epoch, rows(one.mask))
    return places.shapes(batch, seeds)


def _place(functions: Functions, places: _Places) -> Functions:
    """Return functions with their large arrays, such as word vectors, as shapes."""
    return functions._replace(
        rest=jax.tree.map(
            lambda leaf: places.shapes(leaf, None) if np.ndim(leaf) else leaf, functions.rest
        )
    )
