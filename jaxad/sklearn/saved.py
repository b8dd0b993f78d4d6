"""Saving, loading and pickling of fitted estimators."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from sklearn.base import is_classifier

from jaxad.data.tables.profile import PROFILE, dump_profile, read_profile
from jaxad.detector import HostDetector
from jaxad.detectors.registry import Spec, make_for
from jaxad.errors import DataError
from jaxad.saving.estimator import ESTIMATOR, EstimatorRecord, dump_record, read_record
from jaxad.saving.folder import check_savable
from jaxad.saving.folder import load as load_fit
from jaxad.saving.folder import save as save_fit
from jaxad.saving.replacing import replace_folder
from jaxad.thresholds import SCORES, pack, unpack
from jaxad.training.fitted import Fit
from jaxad.types import State
from jaxad.utils.configs import settings_dict

__all__ = ["FrozenFit", "freeze_fit", "load", "restore_fit", "save"]


class FrozenFit(NamedTuple):
    """A fit without functions: the description of a detector, arrays of NumPy and models."""

    name: str
    config: dict[str, Any]
    spec: Spec
    state: State | None
    fields: dict[str, Any]


def freeze_fit(fitted: Fit) -> FrozenFit:
    """Return a fit as plain values, for pickle.

    Raises:
        ConfigError: The detector is one of a plug-in whose models are functions.
    """
    detector = fitted.detector
    if isinstance(detector, HostDetector) and detector.score_type is None:
        check_savable(detector)
    spec = Spec(tuple(detector.input_shape or ()), fitted.rows, *detector.labelled)
    fields = {k: v for k, v in vars(fitted).items() if k not in ("detectors", "state")}
    state = jax.tree.map(np.asarray, fitted.state)
    return FrozenFit(detector.name, settings_dict(detector.config), spec, state, fields)


def restore_fit(values: FrozenFit) -> Fit:
    """Return the fit that `freeze_fit` was given."""
    detector = make_for(values.name, values.spec, values.config)
    return Fit((detector,), jax.tree.map(jax.numpy.asarray, values.state), **values.fields)


def save(estimator: Any, folder: Path, overwrite: bool = False) -> Path:
    """Save a fitted estimator; see `JaxADDetector.save`."""
    names = getattr(estimator, "feature_names_in_", None)
    record = EstimatorRecord(
        parameters=estimator.get_params(deep=False),
        threshold=estimator.threshold_,
        columns_in=estimator.n_features_in_,
        names_in=None if names is None else tuple(str(name) for name in names),
        encoding=estimator._encoding,
    )
    files = {ESTIMATOR: dump_record(record), SCORES: pack(estimator.reference_)}
    if (profile := getattr(estimator, "profile_", None)) is not None:
        files[PROFILE] = dump_profile(profile)

    def write(to: Path) -> Path:
        return save_fit(estimator.fitted_, to, scaling=estimator.scaling_, files=files)

    return replace_folder(folder, write) if overwrite else write(folder)


def load(cls: type, folder: Path) -> Any:
    """Load what `save` saved; see `JaxADDetector.load`."""
    fitted, scaling = load_fit(folder)  # which checks every file
    record = read_record(folder, scaling)
    what = f"{str(folder)!r} is not a saved estimator"
    try:
        scores = (folder / SCORES).read_bytes()
        estimator = cls(**record.parameters)
        estimator._parse_threshold()
    except (AttributeError, KeyError, OSError, TypeError, OverflowError) as error:
        raise DataError(f"{what}: {ESTIMATOR} is broken ({error!r})") from error
    estimator.fitted_, estimator.scaling_ = fitted, scaling
    estimator.reference_ = unpack(scores, str(folder))
    if (path := folder / PROFILE).exists():  # detectors of jaxad 0.2 have none
        estimator.profile_ = read_profile(path.read_bytes(), str(folder))
    estimator.threshold_ = record.threshold
    if is_classifier(estimator):
        estimator.classes_ = np.array([0, 1])
    estimator.n_features_in_ = record.columns_in
    if record.names_in is not None:
        estimator.feature_names_in_ = np.array(record.names_in, object)
    estimator._encoding = record.encoding
    estimator.encoded_names_ = (
        [f"x{i}" for i in range(record.columns_in)]
        if record.encoding is None
        else record.encoding.names
    )
    return estimator
