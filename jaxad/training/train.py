"""Training: a program mapped over seeds, run in chunks by the host.

Between chunks the host reports progress, saves checkpoints and stops cleanly.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from jaxad.data.image_range import measure_images
from jaxad.data.rng import as_key
from jaxad.detector import Detector, HostDetector
from jaxad.errors import ConfigError
from jaxad.training import program
from jaxad.training.checks import check_seeds, check_trainable
from jaxad.training.devices import put
from jaxad.training.fitted import Fit, History, Place, Progress
from jaxad.training.host import fit_on_host
from jaxad.training.layout import Lane, Layout, compile_ahead, lay_out, state_shapes
from jaxad.training.program import BUFFER, Window
from jaxad.training.resume import Saver
from jaxad.training.seeds import MapMode
from jaxad.training.stacking import check_alike
from jaxad.types import Key, PyTree, State, TrainData
from jaxad.utils.forks import refuse_forked
from jaxad.utils.modes import pinned_modes
from jaxad.utils.timing import stopwatch

__all__ = ["fit"]

_FIRST_CHUNK = 64
_CHUNK_SECONDS = 1.0
_SAVE_SECONDS = 60.0


class _Watcher(NamedTuple):
    """A callback, called every so many steps with the fit so far."""

    watch: Callable[[Fit], None]
    every: int
    fit: Fit

    def call(self, state: PyTree, history: History) -> None:
        """Call back with a state of all seeds."""
        history = {phase: dict(infos) for phase, infos in history.items()}
        self.watch(replace(self.fit, state=jax.device_put(state), history=history))


@pinned_modes()
def fit(
    detector: Detector | HostDetector | Sequence[Detector],
    train: TrainData,
    seeds: int | Sequence[int] | None = None,
    *,
    key: int | Key = 0,
    mode: MapMode = "auto",
    progress: Callable[[Progress], None] | None = None,
    checkpoint: str | Path | None = None,
    watch: Callable[[Fit], None] | None = None,
    watch_every: int = 100,
) -> Fit:
    """Train a detector for several seeds in one program.

    Seed i uses the key `fold_in(key, i)`, whatever runs beside it. With splits of several seeds
    (a leading axis on every array of `train`) seed i trains on split i; with a single split the
    initialisation and the batches alone vary.

    Args:
        detector: What to train; or one detector for each seed, side by side, which differ in
            numbers alone, such as a learning rate.
        train: Rows and labels.
        seeds: How many seeds, or their numbers; by default as many as there are splits.
        key: The root of all randomness, a number or a typed key.
        mode: How seeds are mapped: "vmap", "map" or "auto", by platform and network. Splits
            that differ in their steps per epoch are always mapped by "map".
        progress: Called between chunks.
        checkpoint: A folder for the state between chunks. A fit that was cut off goes on from
            there, bit for bit; the folder must belong to the same detector, data and key.
        watch: Called with the fit so far during the detector's own training, after any
            pre-training: before its first step, every `watch_every` steps and after its last, for
            curves such as `lambda fit: curve.append(jaxad.evaluate(fit, test))`. The states are
            taken back by the next steps: use them before returning.
        watch_every: Steps from one call of `watch` to the next, >= 1.

    Returns:
        The fitted states. If Ctrl-C was pressed, what was reached until then, with `interrupted`
        set; a second Ctrl-C stops at once.

    Raises:
        DataError: The data cannot be trained on (not finite, too few rows, wrong shape), or the
            checkpoint is damaged.
        ConfigError: `seeds` does not match the data or the detectors, detectors differ in more
            than numbers, the checkpoint is of another run or used by one, `watch_every` is not
            positive, or this process was forked from one that had used JAX.
        StorageError: The folder of the checkpoint cannot be written at the start. Later a state
            that cannot be written is a `StorageWarning`, and training goes on.
    """
    detectors = ()
    if not isinstance(detector, Detector | HostDetector):
        detectors = tuple(detector)
        check_alike(detectors)
        detector, seeds = detectors[0], len(detectors) if seeds is None else seeds
    check_trainable(train, detector)
    numbers = check_seeds(seeds, train)
    if detectors and len(detectors) != len(numbers):
        raise ConfigError(
            f"detector must be one for all seeds or a list with one for each; given "
            f"{len(detectors)} for {len(numbers)} seeds"
        )
    if watch_every < 1:
        raise ConfigError(f"watch_every must be a whole number of at least 1; given {watch_every}")
    root, images = as_key(key), measure_images(train.x, np.ndim(train.count))
    if isinstance(detector, HostDetector):
        fitted = fit_on_host(fit, detector, train, numbers, root, mode, progress, checkpoint)
        return replace(fitted, images=images)
    refuse_forked()
    detectors = detectors or (detector,)
    with stopwatch() as seconds, _interruptible() as stop:
        layout = lay_out(detectors, train, numbers, root, mode)
        compile_ahead(layout)
        states = [
            program.start(lane.start, lane.keys, lane.data, how=layout.how) for lane in layout.lanes
        ]
        place = Place(0, 0, states, {})
        rows = train.x.shape[np.ndim(train.count)]
        saver = None
        if checkpoint is not None:
            saver = Saver(Path(checkpoint), detectors, train, root, numbers.tolist(), _SAVE_SECONDS)
        try:
            if saver is not None:
                saved = saver.restore(lambda phase: state_shapes(layout, phase))
                place = place if saved is None else saved._replace(state=layout.put(saved.state))
            so_far = Fit(detectors, State({}, {}, {}, {}, {}), mode=layout.how.mode, rows=rows)
            watcher = None if watch is None else _Watcher(watch, watch_every, so_far)
            place = _train(layout, place, stop, progress, saver, watcher)
        finally:
            if saver is not None:
                saver.close()
        state = jax.device_put(layout.gather(place.state))
    how, stopped = layout.how, stop.is_set()
    return Fit(detectors, state, place.history, seconds, how.mode, stopped, rows, images=images)


def _train(
    layout: Layout,
    place: Place,
    stop: threading.Event,
    progress: Callable[[Progress], None] | None,
    saver: Saver | None,
    watcher: _Watcher | None,
) -> Place:
    """Train from a place to the end. Once `stop` is set, phases begin but take no more steps."""
    first, step, states, history = place
    for i, phase in list(enumerate(layout.phases))[first:]:
        history.setdefault(phase.name, {})
        if step == 0 and i > 0:
            states = [
                program.begin(lane.begins[i], state, lane.data, lane.keys, i, how=layout.how)
                for state, lane in zip(states, layout.lanes, strict=True)
            ]
        how = layout.how
        tables = [
            put(phase.sampler.init(lane.data), how.mesh, how.data_axis) for lane in layout.lanes
        ]
        chunk = _FIRST_CHUNK
        watched = watcher if i == len(layout.phases) - 1 else None
        if watched is not None and step == 0:
            watched.call(layout.gather(states), history)
        while step < layout.steps(i) and not stop.is_set():
            end = min(step + chunk, layout.steps(i))
            if watched is not None:
                end = min(end, step + watched.every - step % watched.every)
            with stopwatch() as took:
                window = Window(i, step, end, phase.epochs)
                states, infos = _advance(layout, window, states, tables)
            info = {name: v[:, : end - step] for name, v in layout.gather(infos).items()}
            history[phase.name] = _append(history[phase.name], info)
            chunk, step = _next_chunk(end - step, took.run), end
            if progress is not None:
                progress(Progress(phase.name, *layout.done(i, step)))
            if watched is not None and (step % watched.every == 0 or step == layout.steps(i)):
                watched.call(layout.gather(states), history)
            if saver is not None and (stop.is_set() or saver.due()):
                saver.save(Place(i, step, layout.gather(states), history))
        step = 0
    return Place(len(layout.phases), 0, states, history)


def _advance(layout: Layout, window: Window, states: list, tables: list) -> tuple[list, list]:
    """Take a window of steps in every lane at the same time, each in its own thread."""
    phase = layout.phases[window.phase]

    def run(lane: Lane, state: PyTree, table: PyTree):
        with pinned_modes():  # settings of a thread
            per_epoch = lane.steps_per_epoch[window.phase]
            draws = program.draws(phase.sampler, lane.keys, per_epoch, window, how=layout.how)
            functions = lane.steps[window.phase]
            rest = (phase.sampler, lane.data, table, draws, per_epoch, window)
            state, info = program.advance(state, functions, *rest, how=layout.how)
            info = {name: _mark_unwritten(v, window, per_epoch) for name, v in info.items()}
            return state, info

    with ThreadPoolExecutor(len(layout.lanes)) as pool:
        results = list(pool.map(run, layout.lanes, states, tables))
    return [state for state, _ in results], [info for _, info in results]


def _mark_unwritten(
    history: Float[Array, "seeds steps"], window: Window, per_epoch: Int[np.ndarray, "seeds"]
) -> Float[np.ndarray, "seeds steps"]:
    """Return a history on the host with NaN behind the last step of each seed.

    The buffer itself holds zeros there, since `jax_debug_nans` takes any NaN for an error.
    """
    values, last = np.asarray(history), window.epochs * per_epoch
    if last.min() >= window.stop:
        return values
    steps = window.start + np.arange(values.shape[1])
    return np.where(steps < last[:, None], values, values.dtype.type(np.nan))


def _next_chunk(steps: int, seconds: float) -> int:
    """Return a power of two of steps that takes about as long as a chunk should."""
    fitting = steps * _CHUNK_SECONDS / max(seconds, 1e-6)
    return int(2 ** np.clip(np.floor(np.log2(max(fitting, 1))), 0, np.log2(BUFFER)))


def _append(history: dict[str, np.ndarray], info: dict[str, np.ndarray]):
    if not history:
        return info
    return {name: np.concatenate([history[name], info[name]], axis=1) for name in info}


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Give an event that the first Ctrl-C sets; the second raises KeyboardInterrupt as usual."""
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
