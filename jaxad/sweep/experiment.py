"""Experiments: TOML files whose values are settings, and whose lists are axes.

title = "Fashion-MNIST, ten classes"
datasets = ["fashion_mnist"]
normal_class = [0, 3]
contamination = [0.1, 0.5]
labelled_anomalies = 10
seeds = 10
detectors = ["deep_svdd", { name = "deep_sad", eta = [1.0, 20.0] }]

[quick]
seeds = 3
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from jaxad.data.protocol.settings import AXES, Protocol
from jaxad.detectors import get_entry
from jaxad.errors import ConfigError, unknown_name
from jaxad.results import METRICS
from jaxad.utils.plugins import import_plugins

__all__ = ["Experiment", "Size", "Source", "Variant", "load_experiment"]

Size = Literal["quick", "full"]
SIZES = get_args(Size)
_FOR_ALL = ("epochs", "batch_size")  # settings of every detector that has them
_KEYS = {
    *AXES, *_FOR_ALL, *SIZES,
    "title", "datasets", "normal_class", "detectors", "seeds", "seed_root", "metrics",
    "settings", "published", "notes", "rows", "import",
}  # fmt: skip
_PER_SET = {*AXES, *_FOR_ALL, "normal_class", "settings"}


@dataclass(frozen=True)
class Variant:
    """A detector with its settings, and its place in tables.

    Attributes:
        detector: The registered name.
        config: The settings, as pairs.
        title: The title of its column in tables.
        rows: The settings whose values are rows of tables instead of columns.
        axes: The settings that a list in the experiment varies, `rows` among them.
    """

    detector: str
    config: tuple[tuple[str, Any], ...]
    title: str
    rows: tuple[tuple[str, Any], ...] = ()
    axes: tuple[tuple[str, Any], ...] = ()

    @property
    def structure(self) -> str:
        """What decides the compiled program: the detector and its settings but for floats."""
        kept = [(name, v) for name, v in self.config if not isinstance(v, float)]
        return repr((self.detector, kept))


@dataclass(frozen=True)
class Source:
    """A data set with the values of the protocol and the detectors to run on it.

    Attributes:
        name: Its name or path, as `load_dataset` takes it.
        normal_class: The normal classes, each in turn; () for each class of the data.
        axes: For each setting of the protocol the values that it takes in turn.
        variants: Detectors with their settings.
    """

    name: str
    normal_class: tuple[int | str, ...]
    axes: dict[str, tuple[Any, ...]]
    variants: tuple[Variant, ...]

    @cached_property
    def protocols(self) -> tuple[Protocol, ...]:
        """The product of the axes, each combination once.

        A setting that requires another one is left out where that is None: there is no number of
        exposure rows without an exposure set.
        """
        made = []
        for values in product(*self.axes.values()):
            settings = dict(zip(self.axes, values, strict=True))
            for axis in AXES.values():
                if axis.requires and settings[axis.requires] is None:
                    settings[axis.name] = None
            made.append(Protocol(**settings))
        return tuple(dict.fromkeys(made))


@dataclass(frozen=True)
class Experiment:
    """The content of an experiment's file.

    Attributes:
        title: The heading of its tables.
        sources: Data sets, each with its axes and detectors.
        seeds: The number of seeds, which are numbered from 0.
        seed_root: The seed of the root key.
        metrics: The metrics that tables show.
        published: The table of published numbers, `{file, methods, ...}`; see `jaxad.report`.
        notes: Footnotes of the table.
    """

    title: str
    sources: tuple[Source, ...]
    seeds: int
    seed_root: int
    metrics: tuple[str, ...]
    published: dict[str, Any]
    notes: tuple[str, ...]


def load_experiment(
    path: str | Path,
    size: str | None = None,
    *,
    plugin_folder: str | Path | None = None,
    **changes: Any,
) -> Experiment:
    """Read an experiment, and import the modules of its key `import`.

    Args:
        path: The TOML file.
        size: "quick" or "full": the table of that name in the file overrides the rest.
        plugin_folder: The folder that is searched for the modules of `import`, before the current
            one; None for that of the file.
        **changes: Keys that override both.

    Raises:
        ConfigError: Not TOML, an unknown key or detector, a value out of its range, or a module
            that cannot be imported; the message names the file and the key.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    if size is not None and size not in content:
        given = [s for s in SIZES if s in content]
        raise ConfigError(f"{path}: has no [{size}]; it has {', '.join(given) or 'no sizes'}")
    override = content.get(size, {}) if size else {}
    content = {k: v for k, v in content.items() if k not in SIZES} | override | changes
    if "file" in content.get("published", {}):
        file = path.parent / content["published"]["file"]
        content = content | {"published": content["published"] | {"file": str(file)}}
    try:
        folders = [path.parent if plugin_folder is None else plugin_folder, Path.cwd()]
        import_plugins(_as_list(content.get("import", [])), folders)
        return _experiment(content, path.stem)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _experiment(content: dict[str, Any], name: str) -> Experiment:
    for key in content:
        if key not in _KEYS:
            raise unknown_name("key", key, _KEYS)
    for key in ("datasets", "detectors"):
        if not content.get(key):
            raise ConfigError(f"{key} is missing: a list of at least one name")
    metrics = _as_list(content.get("metrics", ["auroc", "auprc"]))
    for metric in metrics:
        if metric not in METRICS:
            raise unknown_name("metric", str(metric), METRICS)
    return Experiment(
        title=str(content.get("title", name)),
        sources=tuple(_source(given, content) for given in _as_list(content["datasets"])),
        seeds=_count(content.get("seeds", 10), "seeds", 1),
        seed_root=_count(content.get("seed_root", 0), "seed_root", 0),
        metrics=tuple(metrics),
        published=content.get("published", {}),
        notes=tuple(_as_list(content.get("notes", []))),
    )


def _source(given: Any, content: dict[str, Any]) -> Source:
    """Read a data set: a name, or a table with a name and the keys that differ for it."""
    table = {"name": given} if isinstance(given, str) else dict(given)
    name = table.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(f"datasets: a name, or a table with a name; given {given!r}")
    for key in table:
        if key not in _PER_SET:
            raise unknown_name(f"key of the data set {name}", key, _PER_SET)
    settings = content.get("settings", {}) | table.pop("settings", {})
    content = content | table
    shared = {key: content[key] for key in _FOR_ALL if key in content}
    if "epochs" in shared:
        shared["pretrain_epochs"] = shared["epochs"]
    shared |= settings
    detectors, rows = _as_list(content["detectors"]), _as_list(content.get("rows", []))
    _check_settings(settings, detectors)
    source = Source(
        name=name,
        normal_class=tuple(_as_list(content.get("normal_class", []))),
        axes={key: tuple(_axis(key, content.get(key, AXES[key].default))) for key in AXES},
        variants=tuple(v for detector in detectors for v in _variants(detector, shared, rows)),
    )
    if source.protocols:  # raises now, not after hours
        return source
    empty = next(key for key, values in source.axes.items() if not values)
    raise ConfigError(f"{empty} is an empty list: give at least one value")


def _check_settings(settings: dict[str, Any], detectors: Sequence[Any]) -> None:
    """Raise for a setting that none of the detectors has."""
    names = [one if isinstance(one, str) else dict(one).get("name") for one in detectors]
    configs = [get_entry(name).config for name in names if isinstance(name, str)]
    known = {one.name for config in configs for one in fields(config)}
    for name in settings:
        if name not in known:
            raise unknown_name(f"setting of {', '.join(map(str, names))}", name, known)


def _variants(given: Any, shared: dict[str, Any], rows: list[str]) -> list[Variant]:
    """Read a detector: the product over its fields that hold lists."""
    table = {"name": given} if isinstance(given, str) else dict(given)
    name = table.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(f"detectors: a name, or a table with a name; given {given!r}")
    title = table.pop("title", None)
    config = get_entry(name).config
    known, hints = {f.name for f in fields(config)}, get_type_hints(config)
    for field in table:
        if field not in known:
            raise unknown_name(f"setting of {name}", field, known)
    table = {k: v for k, v in shared.items() if k in known} | table
    axes = {field: _field_axis(value, hints[field]) for field, value in table.items()}
    varied = [field for field, values in axes.items() if len(values) > 1]
    variants = []
    for values in product(*axes.values()):
        settings = dict(zip(axes, values, strict=True))
        config(**settings)  # raises now, not after hours
        said = ", ".join(f"{field}={settings[field]}" for field in varied if field not in rows)
        full = f"{title or name} ({said})" if said else title or name
        in_rows = tuple((field, settings[field]) for field in varied if field in rows)
        of_axes = tuple((field, settings[field]) for field in varied)
        variants.append(Variant(name, tuple(settings.items()), full, in_rows, of_axes))
    return variants


def _field_axis(value: Any, hint: Any) -> list[Any]:
    """Return the values of a field. For sizes such as widths a list of numbers is one value."""
    sizes = tuple in {get_origin(part) for part in (hint, *getattr(hint, "__args__", ()))}
    if not isinstance(value, list):
        return [value]
    if sizes:
        return [tuple(v) for v in value] if value and isinstance(value[0], list) else [tuple(value)]
    return value


def _axis(key: str, value: Any) -> list[Any]:
    """Return the values of an axis. TOML has no null: "none" stands for it where it is allowed."""
    values = [tuple(v) if isinstance(v, list) else v for v in _as_list(value)]
    return [None if v == "none" and AXES[key].optional else v for v in values]


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _count(value: Any, key: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{key} must be a whole number of at least {least}; given {value!r}")
    return value
