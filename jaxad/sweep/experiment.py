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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from jaxad.data.protocol.settings import AXES, Protocol
from jaxad.detectors import get_entry
from jaxad.errors import ConfigError, JaxADError, unknown_name
from jaxad.results import METRICS
from jaxad.sweep.content import (
    FOR_ALL,
    MOST_SEEDS,
    SIZES,
    Size,
    as_list,
    check_content,
    read_toml,
)
from jaxad.utils.configs import check_types
from jaxad.utils.plugins import import_plugins

__all__ = ["Experiment", "Size", "Source", "Variant", "load_experiment"]

_MOST_JOBS = 100_000  # of a data set and a normal class


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
        path: The TOML file. All of it is checked, also the sizes that are not asked for.
        size: "quick" or "full": the table of that name in the file overrides the rest.
        plugin_folder: The folder that is searched for the modules of `import`, before the current
            one; None for that of the file.
        **changes: Keys that override both.

    Raises:
        ConfigError: Not TOML, an unknown key, setting or detector, a value of a wrong type or out
            of its range, two columns of a table with one title, or a module that cannot be
            imported; the message names the file and the key.
    """
    path = Path(path)
    content = read_toml(path)
    try:
        check_content(content)
        if size is not None and size not in content:
            given = [s for s in SIZES if s in content]
            raise ConfigError(f"has no [{size}]; it has {', '.join(given) or 'no sizes'}")
        chosen = _merge(content, size, changes)
        check_content(chosen)
        folders = [path.parent if plugin_folder is None else plugin_folder, Path.cwd()]
        import_plugins(as_list(chosen.get("import", [])), folders)
        experiment = _experiment(chosen, path.stem)
        titles = {*_list_titles(experiment), *_check_other_sizes(content, size)}
        for title in experiment.published.get("methods", {}):
            if title not in titles:
                raise unknown_name("title of a detector in published.methods", title, titles)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    if "file" in experiment.published:
        file = path.parent / experiment.published["file"]
        return replace(experiment, published={**experiment.published, "file": str(file)})
    return experiment


def _merge(
    content: Mapping[str, Any], size: str | None, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the keys of a size: its own, and else those of the file."""
    override = content[size] if size else {}
    return {k: v for k, v in content.items() if k not in SIZES} | override | dict(changes)


def _check_other_sizes(content: Mapping[str, Any], size: str | None) -> Iterable[str]:
    """Check the sizes that are not asked for, and return the titles of all detectors.

    A size that imports modules of its own is left out, as its names are not known.
    """
    titles: list[str] = []
    for other in (None, *SIZES):
        if other == size or (other is not None and "import" in content.get(other, {"import": ""})):
            continue
        try:
            titles += _list_titles(_experiment(_merge(content, other, {}), ""))
        except ConfigError as error:
            if other is not None:  # without a size, a file may be incomplete
                raise ConfigError(f"[{other}]: {error}") from error
    return titles


def _list_titles(experiment: Experiment) -> list[str]:
    return [variant.title for source in experiment.sources for variant in source.variants]


def _experiment(content: dict[str, Any], name: str) -> Experiment:
    for key in ("datasets", "detectors", "metrics"):
        if not content.get(key, key == "metrics"):
            raise ConfigError(f"{key} is missing: a list of at least one name")
    metrics = as_list(content.get("metrics", ["auroc", "auprc"]))
    for metric in metrics:
        if metric not in METRICS:
            raise unknown_name("metric", metric, METRICS)
    sources = tuple(_source(given, content) for given in as_list(content["datasets"]))
    _check_places(sources)
    return Experiment(
        title=content.get("title", name),
        sources=sources,
        seeds=_count(content.get("seeds", 10), "seeds", 1, MOST_SEEDS),
        seed_root=_count(content.get("seed_root", 0), "seed_root", 0, 2**32 - 1),
        metrics=tuple(metrics),
        published=content.get("published", {}),
        notes=tuple(as_list(content.get("notes", []))),
    )


def _source(given: str | dict[str, Any], content: dict[str, Any]) -> Source:
    """Read a data set: a name, or a table with a name and the keys that differ for it."""
    table = {"name": given} if isinstance(given, str) else dict(given)
    name = table.pop("name")
    settings = content.get("settings", {}) | table.pop("settings", {})
    content = content | table
    shared = {key: content[key] for key in FOR_ALL if key in content}
    if "epochs" in shared:
        shared["pretrain_epochs"] = shared["epochs"]
    shared |= settings
    detectors, rows = as_list(content["detectors"]), as_list(content.get("rows", []))
    _check_settings(settings, detectors, "setting")
    _check_settings(rows, detectors, "field of rows, a setting")
    axes = {key: tuple(_axis(key, content.get(key, AXES[key].default))) for key in AXES}
    empty = next((key for key, values in axes.items() if not values), None)
    if empty is not None:
        raise ConfigError(f"{empty} is an empty list: give at least one value")
    _check_number(axes)
    source = Source(
        name=name,
        normal_class=tuple(as_list(content.get("normal_class", []))),
        axes=axes,
        variants=tuple(v for detector in detectors for v in _variants(detector, shared, rows)),
    )
    _check_number({"protocol": source.protocols, "detectors": source.variants})
    return source


def _check_number(axes: Mapping[str, Sequence[Any]]) -> None:
    """Raise if the product of axes is larger than any sweep."""
    number = prod(map(len, axes.values()))
    if number > _MOST_JOBS:
        several = {key: len(values) for key, values in axes.items() if len(values) > 1}
        counts = ", ".join(f"{key} {n}" for key, n in several.items())
        raise ConfigError(
            f"{number} combinations of {counts}: a data set has at most {_MOST_JOBS}; divide the "
            "experiment into several files"
        )


def _check_places(sources: Sequence[Source]) -> None:
    """Raise if two jobs would have one place in a table, where one would hide the other."""
    seen: dict[tuple[str, str, str], list[Source]] = {}
    for source in sources:
        for variant in source.variants:
            place = (source.name, variant.title, repr(variant.rows))
            for other in seen.setdefault(place, []):
                if other is source:
                    raise ConfigError(
                        f"detectors: two columns have the title {variant.title!r}; give one of "
                        "them another title"
                    )
                one, two = set(source.normal_class), set(other.normal_class)
                same_class = not one or not two or one & two
                if same_class and set(source.protocols) & set(other.protocols):
                    raise ConfigError(
                        f"datasets: {source.name!r} is there twice with the same classes and "
                        "settings of the protocol; leave one of them out"
                    )
            seen[place].append(source)


def _check_settings(settings: Iterable[str], detectors: Sequence[Any], what: str) -> None:
    """Raise for a setting that none of the detectors has."""
    names = [one if isinstance(one, str) else one["name"] for one in detectors]
    known = {field.name for name in names for field in fields(get_entry(name).config)}
    for name in settings:
        if name not in known:
            raise unknown_name(f"{what} of {', '.join(names)}", name, known)


def _variants(given: Any, shared: dict[str, Any], rows: list[str]) -> list[Variant]:
    """Read a detector: the product over its fields that hold lists."""
    table = {"name": given} if isinstance(given, str) else dict(given)
    name, title = table.pop("name"), table.pop("title", None)
    config = get_entry(name).config
    known, hints = {f.name for f in fields(config)}, get_type_hints(config)
    for field in table:
        if field not in known:
            raise unknown_name(f"setting of {name}", field, known)
    table = {k: v for k, v in shared.items() if k in known} | table
    axes = {field: _field_axis(value, hints[field]) for field, value in table.items()}
    for field, values in axes.items():
        if not values:
            raise ConfigError(f"{field} of {name} is an empty list: give at least one value")
    _check_number(axes)
    varied = [field for field, values in axes.items() if len(values) > 1]
    variants = []
    for values in product(*axes.values()):
        settings = dict(zip(axes, values, strict=True))
        _check_config(name, config, settings)  # raises now, not after hours
        said = ", ".join(f"{field}={settings[field]}" for field in varied if field not in rows)
        full = f"{title or name} ({said})" if said else title or name
        in_rows = tuple((field, settings[field]) for field in axes if field in rows)
        of_axes = tuple((field, settings[field]) for field in varied)
        variants.append(Variant(name, tuple(settings.items()), full, in_rows, of_axes))
    return variants


def _check_config(name: str, config: type, settings: Mapping[str, Any]) -> None:
    """Raise if a detector does not take these settings."""
    try:
        check_types(config, settings)
        config(**settings)
    except JaxADError as error:
        raise ConfigError(f"{name}: {error}") from error
    except Exception as error:
        raise ConfigError(f"{name}: {dict(settings)!r}: {error}") from error


def _field_axis(value: Any, hint: Any) -> list[Any]:
    """Return the values of a field. For sizes such as widths a list of numbers is one value."""
    sizes = tuple in {get_origin(part) for part in (hint, *getattr(hint, "__args__", ()))}
    if not isinstance(value, list):
        return [value]
    if sizes and any(isinstance(v, list) for v in value):
        return [tuple(v) if isinstance(v, list) else v for v in value]
    return [tuple(value)] if sizes else value


def _axis(key: str, value: Any) -> list[Any]:
    """Return the values of an axis. TOML has no null: "none" stands for it where it is allowed."""
    values = [tuple(v) if isinstance(v, list) else v for v in as_list(value)]
    return [None if v == "none" and AXES[key].optional else v for v in values]


def _count(value: int, key: str, least: int, most: int) -> int:
    if not least <= value <= most:
        raise ConfigError(f"{key} must be a whole number in [{least}, {most}]; given {value}")
    return value
