"""The registry of data sets that `load_dataset` finds by name."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from jaxad.data.dataset import Dataset
from jaxad.errors import ConfigError
from jaxad.utils.plugins import Registry, describe_origin

__all__ = ["DATASETS", "load_registered", "register"]

Load = TypeVar("Load", bound=Callable[[], Dataset])


def register(name: str) -> Callable[[Load], Load]:
    """Return a decorator that registers a function which loads a data set.

    `load_dataset(name)`, `jaxad run name ...` and experiments call the function each time that they
    load the data set.

    Args:
        name: A name of letters, digits, "_", "-" and ".".

    Raises:
        ConfigError: `name` has other characters or is taken, or what is registered is not callable.

    Example:
        >>> import jaxad
        >>> @jaxad.data.register("three_points")
        ... def three_points():
        ...     return jaxad.from_arrays([[0.0], [0.1], [9.0]], [0, 0, 1])
        >>> jaxad.load_dataset("three_points")
        Dataset('three_points': 3 rows of float64 (1,), 1 anomalies)
        >>> del DATASETS["three_points"]
    """
    if not isinstance(name, str) or not is_plain(name):
        raise ConfigError(
            f"name of a data set must consist of letters, digits, '_', '-' and '.'; given {name!r}"
        )

    def add(load: Load) -> Load:
        if not callable(load):
            raise ConfigError(
                f"data set {name!r} must be a function that returns a Dataset; given {load!r}"
            )
        DATASETS.add(name, load, describe_origin(load))
        return load

    return add


def is_plain(name: str) -> bool:
    """Return whether a string can be the name of a registered data set."""
    return re.fullmatch(r"[\w.-]+", name) is not None


def load_registered(name: str) -> Dataset:
    """Load a registered data set, which gets the name that it is registered under.

    Raises:
        ConfigError: The name is unknown, its plug-in cannot be loaded, or its function does not
            return a `Dataset`.
    """
    load = DATASETS.find(name)
    with DATASETS.attribute_errors(name):
        data: Any = load()
    if not isinstance(data, Dataset):
        raise ConfigError(
            f"data set {name!r} ({DATASETS.origins.get(name, name)}) must be a function that "
            f"returns a jaxad.Dataset; it returned a {type(data).__name__}"
        )
    return data if data.name == name else replace(data, name=name)


DATASETS: Registry[Callable[[], Dataset]] = Registry(
    "data set", "jaxad.datasets", lambda name, found: register(name)(found)
)
