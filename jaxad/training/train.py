"""Training: a seed-mapped program, run in chunks by the host.

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
from jaxtyping import Float

from jaxad.data.rng import as_key
from jaxad.detector import Coder, Detector, HostDetector
from jaxad.errors import ConfigError
from jaxad.training import program
from jaxad.training.checks import check_codes, check_seeds, check_trainable
from jaxad.training.devices import put
from jaxad.training.fitted import Fit, History, Place, Progress
from jaxad.training.host import train_models
from jaxad.training.inference import outputs
from jaxad.training.layout import Lane, Study, compile_ahead, plan, shapes_in
from jaxad.training.program import BUFFER, Window
from jaxad.training.resume import Saver
from jaxad.training.seeds import MapMode
from jaxad.training.stacking import as_partial, check_alike, shared
from jaxad.types import Key, PyTree, State, TrainData
from jaxad.utils.timing import stopwatch

__all__ = ["fit"]

_FIRST_CHUNK = 64
_CHUNK_SECONDS = 1.0
_SAVE_SECONDS = 60.0


class _Shown(NamedTuple):
    """Who watches, every so many steps, and all of a fit but its state and history."""

    watch: Callable[[Fit], None]
    every: int
    fit: Fit

    def call(self, state: PyTree, history: History) -> None:
        """Show a state of all seeds."""
        history = {phase: dict(infos) for phase, infos in history.items()}
        self.watch(replace(self.fit, state=jax.device_put(state), history=history))


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
        mode: How seeds are mapped: "vmap", "map" or "auto" (by hardware). Splits that
            differ in their steps per epoch are always mapped by "map".
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
        DataError: The data cannot be trained on (not finite, too few rows, wrong shape).
        ConfigError: `seeds` does not match the data or the detectors, detectors differ in more
            than numbers, the checkpoint is of another run, or `watch_every` is not positive.
    """
    members = ()
    if not isinstance(detector, Detector | HostDetector):
        members = tuple(detector)
        check_alike(members)
        detector = members[0]
    check_trainable(train, detector)
    numbers = check_seeds(len(members) if members and seeds is None else seeds, train)
    if members and len(members) != len(numbers):
        raise ConfigError(f"{len(members)} detectors are given for {len(numbers)} seeds: one each")
    if watch_every < 1:
        raise ConfigError(f"watch_every must be a whole number of at least 1; given {watch_every}")
    root, seeds = as_key(key), len(numbers)
    if isinstance(detector, HostDetector):
        return _fit_on_host(detector, train, numbers, root, mode, progress, checkpoint)
    with stopwatch() as seconds, _interruptible() as stop:
        study = plan(detector, members, train, numbers, root, mode)
        compile_ahead(study)
        states = [
            program.start(lane.start, lane.keys, lane.data, how=study.how) for lane in study.lanes
        ]
        place = Place(0, 0, states, {})
        rows = train.x.shape[np.ndim(train.count)]
        saver = None
        if checkpoint is not None:
            trained = members or (detector,)
            saver = Saver(Path(checkpoint), trained, train, root, numbers.tolist(), _SAVE_SECONDS)
            saved = saver.restore(lambda phase: shapes_in(study, phase))
            place = place if saved is None else saved._replace(state=study.put(saved.state))
        try:
            empty = State({}, {}, {}, {}, {})
            so_far = Fit(detector, empty, mode=study.how.mode, rows=rows, members=members)
            shown = None if watch is None else _Shown(watch, watch_every, so_far)
            place = _train(study, place, stop, progress, saver, shown)
        finally:
            if saver is not None:
                saver.close()
        state = jax.device_put(study.gather(place.state))
    stopped, how = stop.is_set(), study.how
    return Fit(detector, state, place.history, seconds, how.mode, stopped, rows, members=members)


def _fit_on_host(
    detector: HostDetector,
    train: TrainData,
    numbers: np.ndarray,
    root: Key,
    mode: MapMode,
    progress: Callable[[Progress], None] | None,
    checkpoint: str | Path | None,
) -> Fit:
    """Train a detector of another library for every seed, one after the other.

    What codes its rows is trained first, as it would be alone.
    """
    before, seeds = 0, len(numbers)

    def shown(now: Progress) -> None:
        nonlocal before
        before = now.total
        if progress is not None:
            progress(Progress("codes", now.done, now.total + seeds))

    def done(models: int) -> None:
        if progress is not None:
            progress(Progress("train", before + models, before + seeds))

    coded, codes = Fit(detector), None
    with stopwatch() as seconds:
        if detector.coder is not None:
            with_key = (numbers, root, mode, shown, checkpoint)
            coded, codes = _coded(detector.coder, train, *with_key)
        models = train_models(detector, train, numbers, root, done, codes)
    return replace(coded, detector=detector, models=models, seconds=seconds)


def _coded(
    coder: Coder,
    train: TrainData,
    numbers: np.ndarray,
    root: Key,
    mode: MapMode,
    progress: Callable[[Progress], None],
    checkpoint: str | Path | None,
) -> tuple[Fit, Float[np.ndarray, "seeds n k"]]:
    """Train what codes rows, as it would be alone, and code the training rows of every seed."""
    seeds = numbers.tolist()
    fitted = fit(
        coder.detector,
        train,
        seeds,
        key=root,
        mode=mode,
        progress=progress,
        checkpoint=checkpoint,
    )
    fitted.history["codes"] = fitted.history.pop("train")
    assert fitted.state is not None
    code, x, count = shared(as_partial(coder.code)), np.asarray(train.x), np.asarray(train.count)
    codes = outputs(code, fitted.state, x, count, len(seeds), fitted.mode)
    check_codes(codes, count)
    return fitted, codes


def _train(
    study: Study,
    place: Place,
    stop: threading.Event,
    progress: Callable[[Progress], None] | None,
    saver: Saver | None,
    shown: _Shown | None,
) -> Place:
    """Run on from a place to the end. Once `stop` is set no more steps, but every phase begins."""
    first, step, states, history = place
    for i, phase in list(enumerate(study.phases))[first:]:
        history.setdefault(phase.name, {})
        if step == 0 and i > 0:
            states = [
                program.begin(lane.begins[i], state, lane.data, lane.keys, i, how=study.how)
                for state, lane in zip(states, study.lanes, strict=True)
            ]
        how = study.how
        tables = [
            put(phase.sampler.init(lane.data), how.mesh, how.data_axis) for lane in study.lanes
        ]
        chunk = _FIRST_CHUNK
        watched = shown if i == len(study.phases) - 1 else None
        if watched is not None and step == 0:
            watched.call(study.gather(states), history)
        while step < study.steps(i) and not stop.is_set():
            end = min(step + chunk, study.steps(i))
            if watched is not None:
                end = min(end, step + watched.every - step % watched.every)
            with stopwatch() as took:
                window = Window(i, step, end, phase.epochs)
                states, infos = _advance(study, window, states, tables)
            info = {name: v[:, : end - step] for name, v in study.gather(infos).items()}
            history[phase.name] = _appended(history[phase.name], info)
            chunk, step = _next_chunk(end - step, took.run), end
            if progress is not None:
                progress(Progress(phase.name, *study.done(i, step)))
            if watched is not None and (step % watched.every == 0 or step == study.steps(i)):
                watched.call(study.gather(states), history)
            if saver is not None and (stop.is_set() or saver.due()):
                saver.save(Place(i, step, study.gather(states), history))
        step = 0
    return Place(len(study.phases), 0, states, history)


def _advance(study: Study, window: Window, states: list, tables: list) -> tuple[list, list]:
    """A window of steps in every lane at the same time, each in its own thread."""
    phase = study.phases[window.phase]
    x64 = bool(jax.config.read("jax_enable_x64"))

    def run(lane: Lane, state: PyTree, table: PyTree):
        with jax.enable_x64(x64):  # a setting of the calling thread
            per_epoch = lane.steps_per_epoch[window.phase]
            draws = program.draws(phase.sampler, lane.keys, per_epoch, window, how=study.how)
            functions = lane.steps[window.phase]
            rest = (phase.sampler, lane.data, table, draws, per_epoch, window)
            state, info = program.advance(state, functions, *rest, how=study.how)
            return state, jax.tree.map(np.asarray, info)

    with ThreadPoolExecutor(len(study.lanes)) as pool:
        results = list(pool.map(run, study.lanes, states, tables))
    return [state for state, _ in results], [info for _, info in results]


def _next_chunk(steps: int, seconds: float) -> int:
    """A power of two of steps that takes about as long as a chunk should."""
    fitting = steps * _CHUNK_SECONDS / max(seconds, 1e-6)
    return int(2 ** np.clip(np.floor(np.log2(max(fitting, 1))), 0, np.log2(BUFFER)))


def _appended(history: dict[str, np.ndarray], info: dict[str, np.ndarray]):
    if not history:
        return info
    return {name: np.concatenate([history[name], info[name]], axis=1) for name in info}


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
