"""Fitted detectors as folders, states of a fit between chunks; by orbax and JSON, no pickle."""

import hashlib
import json
import os
import shutil
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxad.checksums import SUMS, check_sums, write_sums
from jaxad.data import Scaling
from jaxad.data.vectors import read_lexicon, write_lexicon
from jaxad.description import CONFIG, Description, described, read_description, write_description
from jaxad.detector import Detector
from jaxad.detectors.registry import REGISTRY, Spec, make_for
from jaxad.errors import ConfigError, DataError
from jaxad.fitted import Fit, Place
from jaxad.host import HostDetector
from jaxad.rows import pad_to_buckets
from jaxad.seeds import resolve_mode
from jaxad.types import Key, PyTree, State, TrainData

__all__ = ["Saver", "check_savable", "load", "save"]

_ARRAYS, _LEXICON = "arrays", "lexicon.npz"


def save(
    fitted: Fit,
    folder: str | Path,
    *,
    scaling: Scaling | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Path:
    """Save a fitted detector as a folder: arrays by orbax, configuration as JSON, checksums.

    Nothing half-written stays behind: the folder appears when it is complete.

    Args:
        fitted: A fit of a registered detector.
        folder: Where to; must not exist yet.
        scaling: How raw rows become the rows that were trained on, as in `split.scaling`.
        files: Further files for the folder, by plain names.

    Returns:
        The folder.

    Raises:
        ConfigError: The detector is not a registered one, the folder exists or can't be written,
            or a name of `files` is not plain or is taken.
    """
    import orbax.checkpoint as ocp

    detector = fitted.single
    check_savable(detector)
    assert fitted.state is not None
    for name in files or ():
        taken = (_ARRAYS, CONFIG, SUMS, _LEXICON, "", ".", "..")
        if name in taken or name != os.path.basename(name):
            raise ConfigError(f"a file to save must have a plain name of its own; given {name!r}")
    folder = Path(folder).absolute()
    if folder.exists():
        raise ConfigError(f"the folder {str(folder)!r} exists already; give a new one")
    kind = None if scaling is None else scaling.kind
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(partial / _ARRAYS, _arrays(fitted.state, scaling))
        write_description(described(detector, fitted.rows, fitted.seeds, kind), partial)
        if detector.lexicon is not None:
            write_lexicon(detector.lexicon, partial / _LEXICON)
        for name, content in (files or {}).items():
            (partial / name).write_bytes(content)
        write_sums(partial)
        partial.rename(folder)
    except OSError as error:
        raise ConfigError(f"cannot write to {str(folder)!r}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def check_savable(detector: Detector | HostDetector) -> None:
    """Raise a `ConfigError` if what is fitted of a detector cannot be saved."""
    if isinstance(detector, HostDetector):
        raise ConfigError(
            f"{detector.name!r} is trained by another library, whose models can only be pickled; "
            "save a detector of this one"
        )
    if detector.name not in REGISTRY:
        raise ConfigError(
            f"only registered detectors can be saved; given {detector.name!r}. Register its "
            "builder with jaxad.detectors.register"
        )


def load(folder: str | Path) -> tuple[Fit, Scaling | None]:
    """Load what `save` saved, on any machine.

    Runs no code from the folder: it holds JSON and plain arrays. Every file is checked against its
    checksum before it is read, and arrays against the shapes of the configuration.

    Args:
        folder: The folder.

    Returns:
        The fit, without history, and the scaling that was saved with it.

    Raises:
        DataError: No saved detector, a format or version that is not known, a file that was
            changed, is missing or is a link, or arrays that do not fit the configuration.
        ConfigError: A setting that the detector does not have, or a value that it does not allow.
    """
    import orbax.checkpoint as ocp

    folder = Path(folder).absolute()
    about = read_description(folder)
    check_sums(folder, _ARRAYS)
    spec = Spec(about.input_shape, about.rows, *about.labelled)
    if REGISTRY[about.detector].examples == "text":
        lexicon = read_lexicon(folder / _LEXICON, about.input_shape)
        spec = replace(spec, vocabulary=lexicon.vocabulary, lexicon=lexicon)
    detector = make_for(about.detector, spec, about.config)
    if isinstance(detector, HostDetector):
        raise DataError(f"{str(folder)!r} names {detector.name!r}, which cannot be saved")
    try:
        target: dict[str, Any] = {"state": _state_shapes(detector, about.rows, about.seeds)}
        with ocp.StandardCheckpointer() as checkpointer:
            # Scaling has shapes of its own: what was saved says which.
            saved = checkpointer.metadata(folder / _ARRAYS).item_metadata.tree
            # Orbax, when it fails itself, leaves reads behind that fail later and loudly.
            if _leaves(saved["state"]) != _leaves(target["state"]):
                raise ValueError("their shapes are those of another configuration")
            if about.scaling is not None:
                target["scaling"] = _constants(saved["scaling"], about)
            if saved.keys() != target.keys():
                raise ValueError(f"they are of {', '.join(sorted(saved))}")
            arrays = checkpointer.restore(folder / _ARRAYS, target)
        scaling = None
        if about.scaling is not None:
            scaling = _scaling(about.scaling, arrays["scaling"])
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise DataError(f"the arrays in {str(folder)!r} do not fit: {error}") from error
    mode = resolve_mode("auto")
    return Fit(detector, arrays["state"], mode=mode, rows=about.rows), scaling


def _arrays(state: State, scaling: Scaling | None) -> PyTree:
    if scaling is None:
        return {"state": state}
    constants = {name: np.asarray(getattr(scaling, name)) for name in ("shift", "scale")}
    return {"state": state, "scaling": constants}


def _leaves(tree: PyTree) -> list[tuple[tuple[int, ...], str]]:
    """The shapes and types of a pytree's arrays, in an order that names do not change."""
    return sorted((tuple(leaf.shape), str(leaf.dtype)) for leaf in jax.tree.leaves(tree))


def _constants(saved: PyTree, about: Description) -> PyTree:
    """The shapes of a scaling's arrays, if they are of this many columns.

    Raises:
        ValueError: They are not.
    """
    columns = about.input_shape[-1]
    shapes = {name: tuple(leaf.shape) for name, leaf in saved.items()}
    if shapes.keys() != {"shift", "scale"} or len(set(shapes.values())) != 1:
        raise ValueError("a scaling is a shift and a scale of one shape")
    if shapes["shift"] not in ((columns,), (about.seeds, columns)):
        raise ValueError(f"the scaling is of {shapes['shift']}, examples of {about.input_shape}")
    return {name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for name, leaf in saved.items()}


def _scaling(kind: str, arrays: PyTree) -> Scaling:
    """A scaling from its arrays.

    Raises:
        ValueError: A number of it is not finite, or a scale is not above 0.
    """
    shift, scale = (np.asarray(arrays[name]) for name in ("shift", "scale"))
    if not (np.isfinite(shift).all() and np.isfinite(scale).all() and (scale > 0).all()):
        raise ValueError("the scaling is not finite and above 0")
    return Scaling(kind, shift, scale)


def _state_shapes(detector: Detector, rows: int, seeds: int) -> State:
    """The shapes of a fitted state: what `init` gives for so many padded rows."""
    shape = tuple(detector.input_shape or (1,))
    count = jax.ShapeDtypeStruct((), np.int32)
    dtype = np.float32 if detector.lexicon is None else np.int32
    data = TrainData(
        jax.ShapeDtypeStruct((rows, *shape), dtype),
        jax.ShapeDtypeStruct((rows,), np.int8),
        count,
        count,
    )
    state = jax.eval_shape(
        lambda data: detector.init(jax.random.key(0), pad_to_buckets(data)), data
    )
    return jax.tree.map(lambda s: jax.ShapeDtypeStruct((seeds, *s.shape), s.dtype), state)


class Saver:
    """Saves places of a fit into a folder now and then, and finds the last one again.

    Args:
        folder: The folder; made if it is not there.
        detectors: What is fitted: one for all seeds, or one for each.
        train: What it is fitted on.
        root: The root key of the fit.
        seeds: The numbers of the seeds that are fitted.
        every: Least seconds between two saves.

    Raises:
        ConfigError: The folder holds checkpoints of another fit, or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        detectors: Sequence[Detector],
        train: TrainData,
        root: Key,
        seeds: list[int],
        every: float,
    ):
        import orbax.checkpoint as ocp

        self._ocp = ocp
        self._every, self._last = every, time.monotonic()
        folder = folder.absolute()
        fingerprint = _fingerprint(detectors, train, root) | {"seeds": seeds}
        about = folder / "fit.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if about.exists():
                if json.loads(about.read_text()) != fingerprint:
                    raise ConfigError(
                        f"the folder {str(folder)!r} holds checkpoints of another fit (detector, "
                        "configuration, data, key or number of seeds differ): give another folder"
                    )
            else:
                about.write_text(json.dumps(fingerprint, indent=2) + "\n")
        except json.JSONDecodeError as error:
            raise ConfigError(f"{str(about)!r} is broken ({error}): give another folder") from error
        except OSError as error:
            raise ConfigError(f"cannot write to {str(folder)!r}: {error}") from error
        options = ocp.CheckpointManagerOptions(max_to_keep=2)
        self._manager = ocp.CheckpointManager(folder / "places", options=options)

    def due(self) -> bool:
        """Whether it is time to save again."""
        return time.monotonic() - self._last >= self._every

    def save(self, place: Place) -> None:
        """Save a place. A later one replaces it."""
        args = self._ocp.args
        where = {"phase": place.phase, "step": place.step, "history": _shapes(place.history)}
        self._manager.save(
            (self._manager.latest_step() or 0) + 1,
            args=args.Composite(
                arrays=args.StandardSave({"state": place.state, "history": place.history}),
                where=args.JsonSave(where),
            ),
        )
        self._manager.wait_until_finished()  # the state's buffers are donated to the next chunk
        self._last = time.monotonic()

    def restore(self, state_in: Callable[[int], PyTree]) -> Place | None:
        """The last place that was saved, if there is one.

        Args:
            state_in: The shapes of the state in a phase, by its number.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        args = self._ocp.args
        where = self._manager.restore(step, args=args.Composite(where=args.JsonRestore()))["where"]
        history = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(tuple(leaf["shape"]), jnp.dtype(leaf["dtype"])),
            where["history"],
            is_leaf=lambda leaf: "shape" in leaf,
        )
        target = {"state": state_in(where["phase"]), "history": history}
        arrays = self._manager.restore(
            step, args=args.Composite(arrays=args.StandardRestore(target))
        )["arrays"]
        history = jax.tree.map(np.asarray, arrays["history"])
        return Place(where["phase"], where["step"], arrays["state"], history)

    def close(self) -> None:
        """Wait for what is being written."""
        self._manager.close()


def _shapes(history: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: {"shape": leaf.shape, "dtype": str(leaf.dtype)}, history)


def _fingerprint(detectors: Sequence[Detector], train: TrainData, root: Key) -> dict[str, Any]:
    """What must be the same for a fit to go on, as JSON."""
    arrays = [np.ascontiguousarray(a) for a in jax.tree.leaves(train)]
    digest = hashlib.sha256(repr([zlib.crc32(a.tobytes()) for a in arrays]).encode())
    configs = [None if d.config is None else asdict(d.config) for d in detectors]
    config = configs[0] if len(configs) == 1 else configs
    return {
        "detector": detectors[0].name,
        "config": json.loads(json.dumps(config)),
        "data": digest.hexdigest(),
        "key": np.asarray(jax.random.key_data(root)).tolist(),
    }
