"""Registries of detectors, weightings and data sets, which plug-ins can extend.

A plug-in adds a name in one of two ways: its module calls a `register` function when it is
imported, or its distribution declares an entry point. An entry point is loaded when its name is
first used, or when all values are listed, but not by `import jaxad`.
"""

import functools
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from jaxad.errors import ConfigError, DataError, JaxADError, PluginWarning, unknown_name

__all__ = ["Registry", "describe_origin", "import_plugins", "imported_plugins"]

Value = TypeVar("Value")

_REGISTRIES: list["Registry"] = []
_IMPORTED: dict[tuple[str, tuple[str, ...]], None] = {}


class Registry(dict[str, Value], Generic[Value]):
    """A dictionary of the loaded values by name, with access to those of plug-ins.

    Attributes:
        kind: The kind of values, for errors, such as "detector".
        group: The group of entry points that add names, such as "jaxad.detectors"; None for none.
        origins: The place where each value is defined, as "module:name".
        adopt: `(name, object) -> None`, which registers the object of an entry point whose module
            does not register the name itself; None if such an object is an error.
    """

    def __init__(
        self,
        kind: str,
        group: str | None = None,
        adopt: Callable[[str, Any], Any] | None = None,
    ) -> None:
        super().__init__()
        self.kind, self.group, self.adopt = kind, group, adopt
        self.origins: dict[str, str] = {}
        self._failed: set[EntryPoint] = set()
        _REGISTRIES.append(self)

    def add(self, name: str, value: Value, origin: str) -> None:
        """Register a value.

        A definition that is executed again, such as the cell of a notebook, replaces its value.

        Args:
            name: The name.
            value: The value.
            origin: The place where it is defined, as `describe_origin` returns it.

        Raises:
            ConfigError: The name is taken by another definition.
        """
        self.check_free(name, origin)
        self[name], self.origins[name] = value, origin

    def check_free(self, name: str, origin: str) -> None:
        """Raise a `ConfigError` if a name is taken by another definition."""
        if self.origins.get(name, origin) != origin and name in self:
            raise ConfigError(
                f"{self.kind} {name!r} is already registered by {self.origins[name]}; {origin} "
                "needs another name"
            )

    def find(self, name: str) -> Value:
        """Return the value of a name, and load its plug-in first if there is one.

        Raises:
            ConfigError: The name is unknown (the message gives the most similar name), or its
                plug-in cannot be loaded.
        """
        if name not in self:
            points = [point for point in _entry_points(self.group) if point.name == name]
            if not points:
                message = unknown_name(self.kind, name, self.names())
                raise ConfigError(
                    f"{message}. One of your own is known once its module is imported (--import "
                    "MODULE)"
                )
            if len(points) > 1:
                raise ConfigError(
                    f"{self.kind} {name!r} is the name of several plug-ins: "
                    f"{', '.join(map(_describe, points))}; uninstall all but one"
                )
            self._load(points[0])
        return self[name]

    @contextmanager
    def attribute_errors(self, name: str) -> Iterator[None]:
        """Name the plug-in in an error that the function of a name raises.

        Errors of the library's own functions pass unchanged.
        """
        origin = self.origins.get(name, "jaxad.")
        try:
            yield
        except Exception as error:
            if origin.startswith("jaxad."):
                raise
            kind = type(error) if isinstance(error, ConfigError | DataError) else ConfigError
            raise kind(f"{self.kind} {name!r} ({origin}): {_quote_error(error)}") from error

    def knows(self, name: str) -> bool:
        """Return whether a name is registered or a plug-in adds it."""
        return name in self or any(point.name == name for point in _entry_points(self.group))

    def names(self) -> list[str]:
        """Return all names in order, including those of plug-ins, without loading plug-ins."""
        return sorted({*self, *(point.name for point in _entry_points(self.group))})

    def load_all(self) -> None:
        """Load all plug-ins; each one that fails is reported once by a `PluginWarning`."""
        for point in _entry_points(self.group):
            if point in self._failed:
                continue
            try:
                self._load(point)
            except ConfigError as error:
                self._failed.add(point)
                warnings.warn(str(error), PluginWarning, stacklevel=2)

    def _load(self, point: EntryPoint) -> None:
        """Load an entry point, and register its name.

        Raises:
            ConfigError: It cannot be imported, does not register its name, or the name is taken.
        """
        what, known = f"plug-in {_describe(point)}", point.name in self
        with _undone_on_error(what):
            found = point.load()
        if self.adopt is not None and callable(found):
            with _undone_on_error(what):
                self.adopt(point.name, found)
            return
        if point.name not in self:
            raise ConfigError(f"{what} must register the {self.kind} {point.name!r}, but does not")
        origin = self.origins[point.name]
        if known and origin.partition(":")[0].split(".")[0] != point.module.split(".")[0]:
            raise ConfigError(
                f"{what}: {self.kind} {point.name!r} is already registered by {origin}; choose "
                "another name"
            )


def describe_origin(value: object) -> str:
    """Return the place where a function or class is defined, as "module:name"."""
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return f"{getattr(value, '__module__', None) or '__main__'}:{name}"


def import_plugins(modules: Sequence[str], folders: Sequence[str | Path] = ()) -> None:
    """Import modules that register detectors, weightings and data sets.

    Args:
        modules: The names of the modules, such as "my_package.detectors".
        folders: Folders that are searched after `sys.path`; one that holds a module is appended to
            `sys.path`.

    Raises:
        ConfigError: A module cannot be found or imported, or registers a name that is taken.
    """
    places = tuple(str(Path(folder).absolute()) for folder in folders)
    for module in modules:
        if not isinstance(module, str) or not all(map(str.isidentifier, module.split("."))):
            raise ConfigError(
                f"import must be the name of a module, such as 'my_package.detectors'; given "
                f"{module!r}"
            )
        with _undone_on_error(f"plug-in {module!r}"):
            _find_and_import(module, places)
        _IMPORTED[module, places] = None


def imported_plugins() -> list[tuple[str, tuple[str, ...]]]:
    """Return the modules that `import_plugins` has imported, each with its folders."""
    return list(_IMPORTED)


def _find_and_import(module: str, folders: Sequence[str]) -> None:
    top = module.partition(".")[0]
    for folder in ("", *folders):
        if folder:
            is_there = (Path(folder) / top).is_dir() or (Path(folder) / f"{top}.py").is_file()
            if not is_there or folder in sys.path:
                continue
            sys.path.append(folder)
            invalidate_caches()
        try:
            import_module(module)
            return
        except ModuleNotFoundError as error:
            if error.name != top:
                raise
    where = f" or in {', '.join(dict.fromkeys(folders))}" if folders else ""
    raise ConfigError(
        f"module {top!r} is not on Python's path{where}; install it, or set PYTHONPATH"
    )


@contextmanager
def _undone_on_error(what: str) -> Iterator[None]:
    """Convert any error to one that names the plug-in, and undo its registrations."""
    before = {id(registry): (dict(registry), dict(registry.origins)) for registry in _REGISTRIES}
    try:
        yield
    except (Exception, SystemExit) as error:
        for registry in _REGISTRIES:
            _restore(registry, *before.get(id(registry), ({}, {})))
        raise ConfigError(f"{what}: {_quote_error(error)}") from error


def _quote_error(error: BaseException) -> str:
    """Return the message of an error, after its type unless the library raised it."""
    return str(error) if isinstance(error, JaxADError) else f"{type(error).__name__}: {error}"


def _restore(registry: Registry, values: dict[str, Any], origins: dict[str, str]) -> None:
    """Restore the earlier content of a registry, but keep what the library itself has added."""
    for name in list(registry):
        if name in values:
            registry[name] = values[name]
        # A plug-in may be the first to import the library, which then registers its own names.
        elif not registry.origins.get(name, "").startswith("jaxad."):
            del registry[name]
    registry.origins |= origins


def _describe(point: EntryPoint) -> str:
    package = "" if point.dist is None else f" of the package {point.dist.name}"
    return f"{point.name!r} ({point.value}{package})"


def _entry_points(group: str | None) -> list[EntryPoint]:
    return [] if group is None else _read_entry_points(group, tuple(sys.path))


@functools.lru_cache
def _read_entry_points(group: str, path: tuple[str, ...]) -> list[EntryPoint]:
    """Return the entry points of a group, cached by `sys.path` as reading them is slow."""
    del path
    return sorted(entry_points(group=group), key=lambda point: (point.name, point.value))
