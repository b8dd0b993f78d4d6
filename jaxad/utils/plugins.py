"""Names that stand for detectors, weightings and data sets, from inside and outside the library.

Code outside the library adds a name in one of two ways: its module calls a `register` function when
it is imported, or its distribution declares an entry point. An entry point is loaded when its name
is first asked for, or when all names are listed, so that `import jaxad` loads none.
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

from jaxad.errors import ConfigError, JaxADError, PluginWarning, unknown_name

__all__ = ["Registry", "describe_origin", "import_plugins", "imported_plugins"]

Value = TypeVar("Value")

_REGISTRIES: list["Registry"] = []
_IMPORTED: dict[tuple[str, tuple[str, ...]], None] = {}


class Registry(dict[str, Value], Generic[Value]):
    """Registered values by name; as a dict it holds those that are loaded.

    Attributes:
        kind: What a value is, for errors: "detector".
        group: The group of entry points that add names, such as "jaxad.detectors"; None for none.
        origins: Where each value was defined, as "module:name".
        adopt: `(name, object) -> None`, which registers the object of an entry point whose module
            did not register the name itself; None where such an object is an error.
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
            value: What it stands for.
            origin: Where it is defined, as `describe_origin` gives it.

        Raises:
            ConfigError: Another definition has the name.
        """
        self.check_free(name, origin)
        self[name], self.origins[name] = value, origin

    def check_free(self, name: str, origin: str) -> None:
        """Raise a `ConfigError` if another definition has a name."""
        if self.origins.get(name, origin) != origin and name in self:
            raise ConfigError(
                f"{self.kind} {name!r} is already registered by {self.origins[name]}; {origin} "
                "needs another name"
            )

    def find(self, name: str) -> Value:
        """Return the value of a name, after loading the plug-in that adds it.

        Raises:
            ConfigError: The name is unknown, which names the nearest; or its plug-in fails.
        """
        if name not in self:
            points = [point for point in _entry_points(self.group) if point.name == name]
            if not points:
                raise unknown_name(self.kind, name, self.names())
            if len(points) > 1:
                raise ConfigError(
                    f"{self.kind} {name!r} is the name of several plug-ins: "
                    f"{', '.join(map(_describe, points))}; uninstall all but one"
                )
            self._load(points[0])
        return self[name]

    def knows(self, name: str) -> bool:
        """Return whether a name is registered or a plug-in adds it."""
        return name in self or any(point.name == name for point in _entry_points(self.group))

    def names(self) -> list[str]:
        """Return all names in order, with those of plug-ins, none of which is loaded."""
        return sorted({*self, *(point.name for point in _entry_points(self.group))})

    def load_all(self) -> None:
        """Load every plug-in; one that fails is a `PluginWarning`, given once."""
        for point in _entry_points(self.group):
            if point in self._failed:
                continue
            try:
                self._load(point)
            except ConfigError as error:
                self._failed.add(point)
                warnings.warn(str(error), PluginWarning, stacklevel=2)

    def _load(self, point: EntryPoint) -> None:
        """Load an entry point, which registers its name.

        Raises:
            ConfigError: It cannot be imported, or registers something else or a taken name.
        """
        what, known = f"plug-in {_describe(point)}", point.name in self
        with _undone_on_error(what):
            found = point.load()
        if self.adopt is not None and callable(found):
            with _undone_on_error(what):
                self.adopt(point.name, found)
            return
        if point.name not in self:
            raise ConfigError(f"{what}: it registers no {self.kind} {point.name!r}")
        origin = self.origins[point.name]
        if known and origin.partition(":")[0].split(".")[0] != point.module.split(".")[0]:
            raise ConfigError(
                f"{what}: {self.kind} {point.name!r} is already registered by {origin}"
            )


def describe_origin(value: object) -> str:
    """Return where a function or class is defined, as "module:name"."""
    name = getattr(value, "__qualname__", type(value).__qualname__)
    return f"{getattr(value, '__module__', None) or '__main__'}:{name}"


def import_plugins(modules: Sequence[str], folders: Sequence[str | Path] = ()) -> None:
    """Import modules that register detectors, weightings and data sets.

    Args:
        modules: Their names, such as "my_package.detectors".
        folders: Where they are looked for after `sys.path`, to whose end such a folder is added.

    Raises:
        ConfigError: A module cannot be found, fails, or registers a taken name.
    """
    places = tuple(str(Path(folder).absolute()) for folder in folders)
    for module in modules:
        if not isinstance(module, str) or not all(map(str.isidentifier, module.split("."))):
            raise ConfigError(
                f"import takes names of modules, such as 'my_package.detectors'; given {module!r}"
            )
        with _undone_on_error(f"plug-in {module!r}"):
            _find_and_import(module, places)
        _IMPORTED[module, places] = None


def imported_plugins() -> list[tuple[str, tuple[str, ...]]]:
    """Return what `import_plugins` has imported, as modules and folders, for other processes."""
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
    where = f" or in {', '.join(folders)}" if folders else ""
    raise ConfigError(f"there is no module {top!r} on Python's path{where}")


@contextmanager
def _undone_on_error(what: str) -> Iterator[None]:
    """Turn any error into one that names the plug-in, and take back what it has registered."""
    before = {id(registry): (dict(registry), dict(registry.origins)) for registry in _REGISTRIES}
    try:
        yield
    except (Exception, SystemExit) as error:
        for registry in _REGISTRIES:
            _restore(registry, *before.get(id(registry), ({}, {})))
        said = str(error) if isinstance(error, JaxADError) else f"{type(error).__name__}: {error}"
        raise ConfigError(f"{what}: {said}") from error


def _restore(registry: Registry, values: dict[str, Any], origins: dict[str, str]) -> None:
    """Give a registry its earlier content again, but for what the library has added itself."""
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
    """Return the entry points of a group; reading them all takes a while, so once for a path."""
    del path
    return sorted(entry_points(group=group), key=lambda point: (point.name, point.value))
