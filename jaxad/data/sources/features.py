"""Features of frozen networks as data: from a file, or the inner maps of a saved detector.

- `features:FILE.npz`: an array of floats, one row for each image: `(n, d)` a table, or
  `(n, height, width, d)` a map of patches.
- `features:FOLDER:SOURCE`: the inner maps of the network of the detector that was saved in a
  folder, for the images of a source.
"""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Num, UInt8

from jaxad.data.dataset import Dataset
from jaxad.data.sources.loaded import Table
from jaxad.errors import ConfigError, DataError

__all__ = [
    "FEATURES",
    "FeatureSource",
    "as_feature_table",
    "as_features",
    "check_measured",
    "choose_feature_scaling",
    "parse_features",
    "pool_masks",
]

FEATURES = "features:"  # before a file, or before a folder and a source
# By name, and only when it is needed: saved detectors are built on this package.
_ENCODER = "jaxad.saving.feature_maps"


class FeatureSource(NamedTuple):
    """Where features come from.

    Attributes:
        folder: The folder of a saved detector that computes them; None where they are in a file.
        source: The images, or the file.
    """

    folder: Path | None
    source: str


def parse_features(source: str | Path) -> FeatureSource:
    """Split `features:FOLDER:SOURCE` or `features:FILE`.

    Raises:
        ConfigError: The source is of neither form, or there is no such folder.
    """
    rest = str(source).removeprefix(FEATURES)
    forms = f"{FEATURES}FILE.npz, or {FEATURES}FOLDER:SOURCE with the folder of a saved detector"
    if Path(rest).is_dir() or not rest:
        raise ConfigError(f"{source} must be {forms} and the images that it computes features of")
    if ":" not in rest or Path(rest).exists():
        return FeatureSource(None, rest)
    for place, character in enumerate(rest):
        if character == ":" and rest[place + 1 :] and Path(rest[:place]).is_dir():
            return FeatureSource(Path(rest[:place]), rest[place + 1 :])
    raise ConfigError(f"{source} must be {forms}; there is no folder {rest.partition(':')[0]!r}")


def as_features(data: Dataset, folder: Path | None) -> Dataset:
    """Convert a data set of images to its features, or check one of features.

    Maps are not scaled by default. A mask is reduced to the places of the maps: a place is
    anomalous if one of its pixels is.

    Args:
        data: Images, or features if there is no folder.
        folder: The folder of the saved detector that computes features.

    Raises:
        DataError: The data cannot be features, or is not that of the detector.
        ConfigError: The detector has no inner maps.
    """
    if folder is None:
        _check(data.x, data.name, data.vocabulary)
        return replace(data, scaling=data.scaling or _default_scaling(data.x))
    x = _encode(folder, data.x, data.name)
    x_test = None if data.x_test is None else _encode(folder, data.x_test, data.name)
    return replace(
        data,
        name=f"{FEATURES}{folder.name}:{data.name}",
        x=x,
        x_test=x_test,
        mask=None if data.mask is None else pool_masks(data.mask, x),
        mask_test=None
        if data.mask_test is None or x_test is None
        else pool_masks(data.mask_test, x_test),
        scaling=_default_scaling(x),
    )


def as_feature_table(table: Table, folder: Path | None, name: str) -> Table:
    """Convert the images of a source to their features, as `as_features` does.

    Args:
        table: The rows of the source.
        folder: The folder of the saved detector; None where rows are features.
        name: The source, for errors.

    Raises:
        DataError: As for `as_features`.
        ConfigError: As for `as_features`.
    """
    if folder is None:
        _check(table.x, name, table.vocabulary)
        return table
    x = _encode(folder, table.x, name)
    return table._replace(x=x, mask=None if table.mask is None else pool_masks(table.mask, x))


def choose_feature_scaling(source: Any, x: Num[np.ndarray, "n *shape"], kind: str) -> str:
    """Return the kind of scaling of rows from a source; "auto" leaves maps of features as is."""
    if kind == "auto" and str(source).startswith(FEATURES):
        return _default_scaling(x) or kind
    return kind


def check_measured(source: Any, x: Num[np.ndarray, "n *shape"]) -> None:
    """Raise a `ConfigError` for maps of features, on which detectors were not compared."""
    if x.ndim == 4 and str(source).startswith(FEATURES):
        raise ConfigError(
            f"{source} holds maps of features, on which detectors were not compared, so that none "
            "is recommended; name one that is made for them: patchcore or padim"
        )


def pool_masks(
    mask: UInt8[np.ndarray, "n height width"], maps: Float[np.ndarray, "n u v d"]
) -> UInt8[np.ndarray, "n u v"]:
    """Reduce masks to the places of maps: 1 where a pixel of the place is anomalous."""
    for axis in (1, 2):
        starts = -(-np.arange(maps.shape[axis]) * mask.shape[axis] // maps.shape[axis])
        mask = np.maximum.reduceat(mask, starts, axis=axis)
    return mask


def _default_scaling(x: np.ndarray) -> str | None:
    return "none" if x.ndim == 4 else None


def _check(x: np.ndarray, name: str, vocabulary: Any) -> None:
    """Raise a `DataError` unless rows are floats of a table or of maps."""
    if vocabulary is not None or x.dtype.kind != "f" or x.ndim not in (2, 4):
        given = "texts" if vocabulary is not None else f"{x.dtype} of shape {x.shape}"
        raise DataError(
            f"{name}: features must be floats of shape (n, d) or (n, height, width, d); given "
            f"{given}. Images of uint8 are pixels: leave {FEATURES} out, or name a saved detector "
            f"as in {FEATURES}FOLDER:SOURCE"
        )


def _encode(folder: Path, x: np.ndarray, name: str) -> Float[np.ndarray, "n u v d"]:
    return import_module(_ENCODER).compute_feature_maps(folder, x, name)
