"""Reading of data sets that tensorflow-datasets has prepared on disk, without TensorFlow.

Preparing a data set with images needs TensorFlow, which encodes them. Reading it needs only
tensorflow-datasets, if it was prepared as array_record or parquet.
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
    """Read a prepared data set; if TensorFlow is installed, prepare it first if necessary.

    The supervised keys of the data set are its rows and classes. The split `train` is the data, and
    the split `test`, if there is one, the test part.

    Args:
        name: The name in tensorflow-datasets, with the configuration if there are several:
            "mnist", "mnist_corrupted/fog".
        data_dir: The folder of prepared data. Default: `TFDS_DATA_DIR`, or
            `~/tensorflow_datasets`.

    Returns:
        The data set, named `tfds:NAME`.

    Raises:
        ConfigError: tensorflow-datasets knows no data set of this name.
        DataError: tensorflow-datasets is not installed, the data is not prepared and cannot be
            prepared here, or its examples are not rows with a class. The message names the cure.
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
    """Return how to prepare a data set so that it can be read without TensorFlow."""
    return (
        "On a machine with TensorFlow (pip install 'jaxad[tfds]'), prepare it in a new folder: "
        f"tensorflow_datasets.builder({name!r}, data_dir=FOLDER)"
        '.download_and_prepare(file_format="array_record"), copy the folder, and give it as '
        "data_dir or JAXAD_DATA"
    )


def _prepare(builder: Any, name: str) -> None:
    """Download and prepare a data set.

    Raises:
        DataError: TensorFlow is not installed, or the preparation fails; the message says how to
            prepare the data set on another machine.
    """
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
    """Build a data set from the splits of a prepared data set."""
    keys = info.supervised_keys
    if not keys or not all(isinstance(key, str) and key in info.features for key in keys[:2]):
        raise DataError(
            f"tfds:{name} does not define which of its features ({', '.join(info.features)}) are "
            "the rows and the classes; read it with tensorflow_datasets and use from_arrays"
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
    """Stack the examples of one split as arrays of rows and classes."""
    try:
        pairs = [(example[x_key], example[y_key]) for example in source]
        return np.stack([x for x, _ in pairs]), np.asarray([y for _, y in pairs])
    except (ValueError, ImportError) as error:
        raise DataError(
            f"tfds:{name}: {x_key!r} and {y_key!r} cannot be read as rows of one shape with one "
            f"class each ({error})"
        ) from error
