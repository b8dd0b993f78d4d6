"""Training: one seed-mapped program in chunks.

The data, the number of steps and every number of a detector are arguments of the compiled
program. Between chunks the host reports progress, saves checkpoints and stops cleanly.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Int

from jaxad.check import check_seeds, check_trainable
from jaxad.detector import Detector, Phase, keep
from jaxad.rows import largest, pad_to_buckets
from jaxad.samplers import Sampler
from jaxad.seeds import MapMode, map_seeds, resolve_mode
from jaxad.timing import Seconds, stopwatch
from jaxad.types import Batch, Info, Key, PyTree, State, TrainData

__all__ = ["Fit", "Progress", "fit"]

_BUFFER = 1024  # the most steps in a chunk: the length of the history's buffer
_FIRST_CHUNK = 64
_CHUNK_SECONDS = 1.0
_SAVE_SECONDS = 60.0

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
    """

    detector: Detector
    state: State
    history: History = field(default_factory=dict)
    seconds: Seconds = field(default_factory=Seconds)
    mode: str = "vmap"
    interrupted: bool = False
    rows: int = 0

    @property
    def seeds(self) -> int:
        """How many seeds were fitted."""
        return jax.tree.leaves(self.state)[0].shape[0]


class Place(NamedTuple):
    """How far a fit has come: all that it needs to go on, bit for bit."""

    phase: int
    step: int
    state: PyTree
    history: History


class _How(NamedTuple):
    """The static side of mapping over seeds: the way, and whether each seed has its own data."""

    mode: str
    data_axis: int | None


class _Parts(NamedTuple):
    """What a phase does in a step."""

    update: Partial
    each_epoch: Partial
    sampler: Sampler


class _Window(NamedTuple):
    """Which steps to take, of a phase of so many epochs."""

    start: int
    stop: int
    epochs: int


class _Study(NamedTuple):
    """What stays the same during a fit."""

    phases: tuple[Phase, ...]
    keys: Key
    data: TrainData
    steps_per_epoch: list[np.ndarray]
    how: _How

    def steps(self, phase: int) -> int:
        """The most steps that any seed takes in a phase."""
        return int(self.steps_per_epoch[phase].max()) * self.phases[phase].epochs

    def done(self, phase: int, step: int) -> tuple[int, int]:
        """Steps done, of all steps of all phases."""
        steps = [self.steps(i) for i in range(len(self.phases))]
        return sum(steps[:phase]) + step, sum(steps)


def fit(
    detector: Detector,
    train: TrainData,
    seeds: int | None = None,
    *,
    key: int | Key = 0,
    mode: MapMode = "auto",
    progress: Callable[[Progress], None] | None = None,
    checkpoint: str | Path | None = None,
) -> Fit:
    """Train a detector for several seeds in one program.

    Seed i uses the key `fold_in(key, i)`, whatever runs beside it. With splits of several seeds
    (a leading axis on every array of `train`) seed i trains on split i; with a single split the
    initialisation and the batches alone vary.

    Args:
        detector: What to train.
        train: Rows and labels.
        seeds: How many seeds; by default as many as there are splits.
        key: The root of all randomness, a number or a typed key.
        mode: How seeds are mapped: "vmap", "map" or "auto" (by hardware and network). Splits that
            differ in their steps per epoch are always mapped by "map".
        progress: Called between chunks.
        checkpoint: A folder for the state between chunks. A fit that was cut off goes on from
            there, bit for bit; the folder must belong to the same detector, data and key.

    Returns:
        The fitted states. If Ctrl-C was pressed, what was reached until then, with `interrupted`
        set; a second Ctrl-C stops at once.

    Raises:
        DataError: The data cannot be trained on (not finite, too few rows, wrong shape).
        ConfigError: `seeds` does not match the data, or the checkpoint is of another run.
    """
    check_trainable(train, detector)
    seeds = check_seeds(seeds, train)
    root = jax.random.key(key) if isinstance(key, int) else key
    with stopwatch() as seconds, _interruptible() as stop:
        study = _plan(detector, train, _seed_keys(root, np.arange(seeds)), mode)
        init = as_partial(detector.init)
        place = Place(0, 0, _start(init, study.keys, study.data, how=study.how), {})
        saver = None
        if checkpoint is not None:
            from jaxad.checkpoint import Saver

            saver = Saver(Path(checkpoint), detector, train, root, _SAVE_SECONDS)
            place = saver.restore(place, lambda phase: _shapes_in(study, place.state, phase))
        place = _train(study, place, stop, progress, saver)
        rows = train.x.shape[np.ndim(train.count)]
    return Fit(detector, place.state, place.history, seconds, study.how.mode, stop.is_set(), rows)


def as_partial(fn: Callable) -> Partial:
    """A function as a pytree, so that it can be an argument of a compiled program."""
    return fn if isinstance(fn, Partial) else Partial(fn)


def _plan(detector: Detector, train: TrainData, keys: Key, mode: MapMode) -> _Study:
    steps = [
        np.broadcast_to(phase.sampler.steps_per_epoch(train), keys.shape).astype(np.int32)
        for phase in detector.phases
    ]
    uneven = any(np.ptp(s) > 0 for s in steps)
    how = _How(
        "map" if uneven else resolve_mode(mode, detector.convolutional),
        0 if np.ndim(train.count) else None,
    )
    return _Study(detector.phases, keys, jax.device_put(pad_to_buckets(train)), steps, how)


def _train(
    study: _Study,
    place: Place,
    stop: threading.Event,
    progress: Callable[[Progress], None] | None,
    saver: Any,
) -> Place:
    """Run on from a place to the end. Once `stop` is set no more steps, but every phase begins."""
    phase, step, state, history = place
    chunk = _FIRST_CHUNK
    for i in range(phase, len(study.phases)):
        keys = _phase_keys(study.keys, i)
        this = study.phases[i]
        parts = _Parts(as_partial(this.update), as_partial(this.each_epoch), this.sampler)
        if step == 0:
            state = _begin(as_partial(this.begin), state, study.data, keys, how=study.how)
            history = {**history, this.name: {}}
        table = _table(this.sampler, study.data, how=study.how)
        while step < study.steps(i) and not stop.is_set():
            end = min(step + chunk, study.steps(i))
            with stopwatch() as took:
                window = _Window(step, end, this.epochs)
                per_epoch = study.steps_per_epoch[i]
                state, info = _advance(
                    state, parts, study.data, table, keys, per_epoch, window, how=study.how
                )
                info = {name: np.asarray(v)[:, : end - step] for name, v in info.items()}
            history[this.name] = _appended(history[this.name], info)
            chunk, step = _next_chunk(end - step, took.run), end
            if progress is not None:
                done, total = study.done(i, step)
                progress(Progress(this.name, done, total))
            if saver is not None and (stop.is_set() or saver.due()):
                saver.save(Place(i, step, state, history))
        step = 0
    if saver is not None:
        saver.close()
    return Place(len(study.phases), 0, state, history)


def _next_chunk(steps: int, seconds: float) -> int:
    """A power of two of steps that takes about as long as a chunk should."""
    fitting = steps * _CHUNK_SECONDS / max(seconds, 1e-6)
    return int(2 ** np.clip(np.floor(np.log2(max(fitting, 1))), 0, np.log2(_BUFFER)))


def _appended(history: dict[str, np.ndarray], info: dict[str, np.ndarray]):
    if not history:
        return info
    return {name: np.concatenate([history[name], info[name]], axis=1) for name in info}


def _shapes_in(study: _Study, state: State, number: int) -> PyTree:
    """The shapes of the state in a phase, given the state before the first."""
    for i, phase in enumerate(study.phases[: number + 1]):
        begin = partial(_begin, as_partial(phase.begin), how=study.how)
        state = jax.eval_shape(begin, state, study.data, _phase_keys(study.keys, i))
    return state


@jax.jit
def _seed_keys(root: Key, seeds: np.ndarray) -> Key:
    return jax.vmap(lambda i: jax.random.fold_in(root, i))(seeds)


@jax.jit
def _phase_keys(keys: Key, phase: int) -> Key:
    return jax.vmap(lambda key: jax.random.fold_in(key, phase + 1))(keys)


@partial(jax.jit, static_argnames="how")
def _start(init: Partial, keys: Key, data: TrainData, how: _How) -> State:
    return map_seeds(init, (keys, data), (0, how.data_axis), how.mode)


@partial(jax.jit, static_argnames="how")
def _begin(begin: Partial, state: State, data: TrainData, keys: Key, how: _How) -> State:
    return map_seeds(begin, (state, data, keys), (0, how.data_axis, 0), how.mode)


@partial(jax.jit, static_argnames="how")
def _table(sampler: Sampler, data: TrainData, how: _How) -> PyTree:
    if how.data_axis is None:
        return sampler.init(data)
    return map_seeds(sampler.init, (data,), (0,), how.mode)


@partial(jax.jit, static_argnames="how", donate_argnames="state")
def _advance(
    state: State,
    parts: _Parts,
    data: TrainData,
    table: PyTree,
    keys: Key,
    steps_per_epoch: np.ndarray,
    window: _Window,
    how: _How,
) -> tuple[State, Info]:
    """A window of steps for every seed, and the diagnostics of each step, `(seeds, _BUFFER)`."""
    return map_seeds(
        partial(_advance_seed, parts),
        (state, data, table, keys, steps_per_epoch, window),
        (0, how.data_axis, how.data_axis, 0, 0, None),
        how.mode,
    )


def _advance_seed(
    parts: _Parts,
    state: State,
    data: TrainData,
    table: PyTree,
    key: Key,
    steps_per_epoch: Int[Array, ""],
    window: _Window,
) -> tuple[State, Info]:
    """A window of steps for one seed."""
    update, each_epoch, sampler = parts
    per_epoch = largest(steps_per_epoch)

    # All random keys of the window at once: drawn one by one they cost more than a small step.
    steps = window.start + jnp.arange(_BUFFER)
    epoch_keys = jax.vmap(partial(jax.random.fold_in, key))(steps // per_epoch)
    orders = jax.vmap(lambda k: sampler.shuffle(jax.random.fold_in(k, 0)))(epoch_keys)
    step_keys = jax.vmap(jax.random.fold_in)(epoch_keys, 1 + steps % per_epoch)

    def draw(t):
        order = jax.tree.map(lambda o: o[t - window.start], orders)
        index = sampler.draw(table, order, t % per_epoch)
        batch = Batch(data.x[index], data.label[index], index, t / per_epoch)
        return batch, step_keys[t - window.start]

    def step(t, carry):
        state, history = carry
        if each_epoch.func is not keep:
            state = jax.lax.cond(
                t % per_epoch == 0,
                lambda state: each_epoch(state, data, t / per_epoch),
                lambda state: state,
                state,
            )
        state, info = update(state, *draw(t))
        at = t - window.start
        return state, jax.tree.map(lambda h, v: h.at[at].set(v), history, info)

    shapes = jax.eval_shape(lambda: update(state, *draw(window.start))[1])
    history = jax.tree.map(lambda v: jnp.full((_BUFFER, *v.shape), jnp.nan, v.dtype), shapes)
    stop = jnp.minimum(window.stop, window.epochs * per_epoch)
    return jax.lax.fori_loop(window.start, stop, step, (state, history))


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second is a KeyboardInterrupt as usual."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def on_interrupt(signum, frame):
        stop.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
