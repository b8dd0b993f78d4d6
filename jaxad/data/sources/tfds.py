"""Data sets that tensorflow-datasets has prepared on disk, read without TensorFlow.

Preparing a data set with images needs TensorFlow once, to encode them; reading it back needs
tensorflow-datasets alone, if it was prepared as array_record or parquet.
"""

import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxad.data.dataset import Dataset
from jaxad.errors import ConfigError, DataError

__all__ = ["read_tfds"]


def read_tfds(name: str, data_dir: Path | None = None) -> Dataset:
    """Read a prepared data set, and prepare it first if TensorFlow is there to do so.

    Its supervised keys say what the rows and the classes are; the split `train` is the data and
    `test`, if there is one, the test part.

    Args:
        name: What tensorflow-datasets calls it, with its configuration if it has several:
            "mnist", "mnist_corrupted/fog".
        data_dir: Where it was prepared. Default: `TFDS_DATA_DIR`, or `~/tensorflow_datasets`.

    Returns:
        The data set, named `tfds:NAME`.

    Raises:
        ConfigError: tensorflow-datasets knows no data set of this name.
        DataError: tensorflow-datasets is not installed, the data is not prepared and cannot be
            prepared here, or its examples are not rows with a class. Says what to do.
    """
    if importlib.util.find_spec("tensorflow_datasets") is None:
        raise DataError(f"tfds:{name} needs tensorflow-datasets: pip install 'jaxad[tfds]'")
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir or os.environ.get("TFDS_DATA_DIR"))
    except (ValueError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(
            f"tfds:{name} cannot be found by tensorflow-datasets: {reason}"
        ) from error
    if not builder.is_prepared():
        _prepare(builder, name)
    try:
        sources = builder.as_data_source()
    except NotImplementedError as error:
        raise DataError(
            f"tfds:{name} is prepared in {builder.data_dir} in a format that only TensorFlow "
            f"reads. {_advise(name)}"
        ) from error
    return _build_dataset(name, builder.info, sources)


def _advise(name: str) -> str:
    """How to prepare a data set so that it can be read here."""
    return (
        "Where TensorFlow is (pip install 'jaxad[tfds]'), prepare it in a new folder: "
        f"tensorflow_datasets.builder({name!r}, data_dir=FOLDER)"
        '.download_and_prepare(file_format="array_record"), copy the folder, and give it as '
        "data_dir or JAXAD_DATA"
    )


def _prepare(builder: Any, name: str) -> None:
    """Download and prepare a data set, or say how to do it elsewhere."""
    if importlib.util.find_spec("tensorflow") is None:
        raise DataError(
            f"tfds:{name} is not prepared in {builder.data_dir}, and preparing it needs "
            f"TensorFlow. {_advise(name)}"
        )
    try:
        builder.download_and_prepare(file_format="array_record")
    except Exception as error:  # whatever a download or a third-party builder raises
        raise DataError(
            f"tfds:{name} could not be prepared in {builder.data_dir} ({error!r}). {_advise(name)}"
        ) from error


def _build_dataset(name: str, info: Any, sources: Any) -> Dataset:
    """Rows and classes of the splits of a prepared data set."""
    keys = info.supervised_keys
    if not keys or not all(isinstance(key, str) and key in info.features for key in keys[:2]):
        raise DataError(
            f"tfds:{name} does not say which of its features ({', '.join(info.features)}) are the "
            "rows and the classes; read it with tensorflow_datasets and use from_arrays"
        )
    x_key, y_key = keys[:2]
    first = "train" if "train" in sources else next(iter(sources))
    x, y = _stack(name, sources[first], x_key, y_key)
    x_test = y_test = None
    if first == "train" and "test" in sources:
        x_test, y_test = _stack(name, sources["test"], x_key, y_key)
    names = tuple(getattr(info.features[y_key], "names", None) or ())
    if names == tuple(str(i) for i in range(len(names))):
        names = ()
    return Dataset(f"tfds:{name}", x, y, names, x_test=x_test, y_test=y_test)


def _stack(name: str, source: Any, x_key: str, y_key: str) -> tuple[np.ndarray, np.ndarray]:
    """All examples of one split as arrays."""
    try:
        pairs = [(example[x_key], example[y_key]) for example in source]
        return np.stack([x for x, _ in pairs]), np.asarray([y for _, y in pairs])
    except (ValueError, ImportError) as error:
        raise DataError(
            f"tfds:{name}: {x_key!r} and {y_key!r} cannot be read as rows of one shape with one "
            f"class each ({error})"
        ) from error
