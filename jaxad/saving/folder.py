"""Fitted detectors as folders of arrays, JSON and models of scikit-learn, without pickle."""

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxad.data import Scaling
from jaxad.data.image_range import ImageRange
from jaxad.data.text.lexicon import read_lexicon, write_lexicon
from jaxad.detector import Detector, HostDetector
from jaxad.detectors.registry import REGISTRY, Spec, get_entry, make_for
from jaxad.errors import ConfigError, DataError, StorageError
from jaxad.padding import pad_to_buckets
from jaxad.saving.arrays import read_arrays, write_arrays
from jaxad.saving.description import (
    CONFIG,
    Description,
    check_settings,
    describe,
    import_advice,
    read_description,
    write_description,
)
from jaxad.saving.models import MODELS, dump_models, load_models
from jaxad.training.fitted import Fit
from jaxad.training.seeds import resolve_mode
from jaxad.types import PyTree, State, TrainData
from jaxad.utils.checksums import SUMS, verify_checksums, write_checksums
from jaxad.utils.configs import check_plain, settings_dict
from jaxad.utils.files import create_folder

__all__ = ["check_savable", "load", "save"]

_ARRAYS, _LEXICON = "arrays", "lexicon.npz"


def save(
    fitted: Fit,
    folder: str | Path,
    *,
    scaling: Scaling | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Path:
    """Save a fitted detector as a folder: arrays, configuration and checksums.

    The folder appears when it is complete and on the disk; a failed save leaves nothing behind.

    Args:
        fitted: A fit of a registered detector.
        folder: The folder to create; it must not exist yet.
        scaling: How raw rows become rows like those of training, as in `split.scaling`.
        files: Further files for the folder, by plain names.

    Returns:
        The folder.

    Raises:
        ConfigError: The detector is not a registered one, the folder exists, or a name of `files`
            is not plain or is taken.
        StorageError: The folder cannot be written, such as on a full disk, or somebody else saved
            to it meanwhile. The fit is still there, and can be saved to another folder.
    """
    detector = fitted.single
    check_savable(detector)
    for name in files or ():
        taken = (_ARRAYS, CONFIG, SUMS, _LEXICON, MODELS, "", ".", "..")
        if name in taken or name != os.path.basename(name):
            raise ConfigError(f"files: a file must have a plain name of its own; given {name!r}")
    folder = Path(folder).absolute()
    if folder.exists():
        raise ConfigError(f"folder: {str(folder)!r} exists already; give a new one")
    kind = None if scaling is None else scaling.kind
    arrays = _join_arrays(fitted.state, scaling)
    try:
        with create_folder(folder) as partial:
            if arrays:
                write_arrays(arrays, partial / _ARRAYS)
            if isinstance(detector, HostDetector):
                (partial / MODELS).write_bytes(dump_models(fitted.models))
            about = describe(detector, fitted.rows, fitted.seeds, kind)
            write_description(about._replace(images=_join_ranges(fitted, scaling)), partial)
            if detector.lexicon is not None:
                write_lexicon(detector.lexicon, partial / _LEXICON)
            for name, content in (files or {}).items():
                (partial / name).write_bytes(content)
            write_checksums(partial)
    except OSError as error:
        raise StorageError(
            f"folder: cannot save to {str(folder)!r}: {error}. No part of it was left there, and "
            "the fit is still in memory: save it to another folder"
        ) from error
    return folder


def check_savable(detector: Detector | HostDetector) -> None:
    """Raise a `ConfigError` if a fit of a detector cannot be saved."""
    if isinstance(detector, HostDetector) and detector.score_type is None:
        raise ConfigError(
            f"a fit of {detector.name!r} cannot be saved: its score functions are not of a "
            "dataclass that the HostDetector names as its score_type"
        )
    if detector.name not in REGISTRY:
        raise ConfigError(
            f"only registered detectors can be saved; given {detector.name!r}. Register its "
            "builder with jaxad.detectors.register"
        )
    check_plain(detector.config, "a saved detector")
    check_settings(settings_dict(detector.config))


def load(folder: str | Path) -> tuple[Fit, Scaling | None]:
    """Load what `save` saved, on any machine, also by jaxad 0.1 (format version 2).

    No code from the folder runs: it holds JSON, plain arrays and, by skops, fitted estimators of
    scikit-learn, of which no other types are loaded. Every file is checked against its checksum
    before it is read, and arrays and models against the shapes of the configuration.

    Args:
        folder: The folder.

    Returns:
        The fit, without history, and the scaling that was saved with it.

    Raises:
        DataError: Not a saved detector, an unknown format or version, a file that was changed, was
            added, is missing or is a link, or arrays or models that do not fit the configuration.
        ConfigError: A setting that the detector does not have, or a value that it does not allow.
    """
    folder = Path(folder).absolute()
    verify_checksums(folder)
    about = read_description(folder)
    spec = Spec(about.input_shape, about.rows, *about.labelled)
    if get_entry(about.detector).examples == "text":
        lexicon = read_lexicon(folder / _LEXICON, about.input_shape)
        spec = replace(spec, vocabulary=lexicon.vocabulary, lexicon=lexicon)
    try:
        detector = make_for(about.detector, spec, about.config)
    except ConfigError as error:
        if not about.plugins:
            raise
        raise ConfigError(f"{str(folder)!r}: {error}; {import_advice(about.plugins)}") from error
    if isinstance(detector, HostDetector) and detector.score_type is None:
        raise DataError(f"{str(folder)!r} names {detector.name!r}, which cannot be saved")
    try:
        state = _state_shapes(detector, about.rows, about.seeds)
        arrays = {"state": None}
        if state is not None or about.scaling is not None:
            arrays |= read_arrays(
                folder / _ARRAYS,
                lambda saved: _choose_target(state, saved, about),
                _RENAMES[about.version],
            )
        scaling = None
        if about.scaling is not None:
            scaling = _restore_scaling(about.scaling, arrays["scaling"])
            scaling = scaling._replace(images=about.images.get("raw"))
    except (
        ArithmeticError, AttributeError, LookupError, MemoryError, OSError, RuntimeError,
        TypeError, ValueError,
    ) as error:  # fmt: skip
        raise DataError(f"the arrays in {str(folder)!r} do not fit: {error}") from error
    models = ()
    if isinstance(detector, HostDetector):
        models = _load_models(folder, detector, state, about.seeds)
    mode = resolve_mode("auto", detector)
    fitted = Fit((detector,), arrays["state"], mode=mode, rows=about.rows, models=models)
    return replace(fitted, images=about.images.get("scaled")), scaling


def _load_models(
    folder: Path, detector: HostDetector, state: State | None, seeds: int
) -> tuple[Any, ...]:
    """Load the models of a detector that the host trains.

    Raises:
        DataError: They cannot be read, or are not those of this detector and so many seeds.
    """
    assert detector.score_type is not None
    try:
        content = (folder / MODELS).read_bytes()
    except OSError as error:
        raise DataError(f"{str(folder)!r} has no models: {error}") from error
    shape = detector.input_shape or (1,)
    if detector.coder is not None:
        one = jax.tree.map(lambda s: jax.ShapeDtypeStruct(s.shape[1:], s.dtype), state)
        row = jax.ShapeDtypeStruct((1, *shape), np.float32)
        shape = jax.eval_shape(detector.coder.code, one, row).shape[1:]
    models = load_models(content, detector.score_type, math.prod(shape), repr(str(folder)))
    if len(models) != seeds:
        raise DataError(f"{str(folder)!r} has models of {len(models)} seeds, not of {seeds}")
    return models


def _join_ranges(fitted: Fit, scaling: Scaling | None) -> dict[str, ImageRange]:
    ranges = {"raw": None if scaling is None else scaling.images, "scaled": fitted.images}
    return {stage: found for stage, found in ranges.items() if found is not None}


def _join_arrays(state: State | None, scaling: Scaling | None) -> dict[str, PyTree]:
    arrays: dict[str, PyTree] = {} if state is None else {"state": state}
    if scaling is not None:
        names = ("shift", "scale") if scaling.matrix is None else ("shift", "scale", "matrix")
        arrays["scaling"] = {name: np.asarray(getattr(scaling, name)) for name in names}
    return arrays


def _choose_target(state: State | None, saved: dict[str, Any], about: Description) -> PyTree:
    """Return the shapes to read: those of the state, and those of a scaling as they were saved.

    Raises:
        ValueError: The scaling is not one of rows of this many columns.
    """
    target: dict[str, PyTree] = {} if state is None else {"state": state}
    if about.scaling is None:
        return target
    columns = about.input_shape[-1]
    found = {name: saved.get(f"scaling/{name}") for name in ("shift", "scale")}
    shapes = {None if leaf is None else tuple(leaf.shape) for leaf in found.values()}
    if None in shapes or len(shapes) != 1:
        raise ValueError("a scaling is a shift and a scale of one shape")
    shape = shapes.pop()
    if shape not in ((columns,), (about.seeds, columns)):
        raise ValueError(f"the scaling is of {shape}, examples of {about.input_shape}")
    if about.scaling == "whiten":
        matrix = saved.get("scaling/matrix")
        if matrix is None or tuple(matrix.shape) != (*shape, columns):
            raise ValueError(f"a scaling that whitens has a matrix of {(*shape, columns)}")
        found["matrix"] = matrix
    return target | {"scaling": found}


def _restore_scaling(kind: str, arrays: PyTree) -> Scaling:
    """Return a scaling from its arrays.

    Raises:
        ValueError: A number of it is not finite, or a scale is not above 0.
    """
    found = {name: np.asarray(array) for name, array in arrays.items()}
    if not (all(np.isfinite(one).all() for one in found.values()) and (found["scale"] > 0).all()):
        raise ValueError("the scaling is not finite and above 0")
    return Scaling(kind, found["shift"], found["scale"], matrix=found.get("matrix"))


def _keep_name(name: str) -> str:
    return name


def _rename_version_2(name: str) -> str | None:
    """Return the present name of a leaf of format version 2; None for one that is not kept.

    Version 2 saved the weighting's state as "weighing", and among the running statistics the last
    penalty of a normalisation, which scores do not depend on.
    """
    field, _, rest = name.removeprefix("state/").partition("/")
    if field == "batch_stats" and rest.rpartition("/")[2] == "penalty":
        return None
    return f"state/weighting/{rest}" if field == "weighing" else name


_RENAMES = {2: _rename_version_2, 3: _keep_name}


def _state_shapes(detector: Detector | HostDetector, rows: int, seeds: int) -> State | None:
    """Return the shapes of a fitted state: those that `init` gives for so many padded rows.

    For a detector that the host trains they are those of its encoder; None if it has none.
    """
    if isinstance(detector, HostDetector):
        return (
            None if detector.coder is None else _state_shapes(detector.coder.detector, rows, seeds)
        )
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
