"""Fitted detectors as folders, states of a fit between chunks; by orbax and JSON, no pickle."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxad.data import Scaling
from jaxad.data.text.vectors import read_lexicon, write_lexicon
from jaxad.detector import Detector, HostDetector
from jaxad.detectors.registry import REGISTRY, Spec, make_for
from jaxad.errors import ConfigError, DataError
from jaxad.padding import pad_to_buckets
from jaxad.saving.description import (
    CONFIG,
    Description,
    described,
    read_description,
    write_description,
)
from jaxad.training.fitted import Fit
from jaxad.training.seeds import resolve_mode
from jaxad.types import PyTree, State, TrainData
from jaxad.utils.checksums import SUMS, check_sums, write_sums
from jaxad.utils.configs import check_plain

__all__ = ["check_savable", "load", "save"]

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
    check_plain(detector.config, "a saved detector")


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
