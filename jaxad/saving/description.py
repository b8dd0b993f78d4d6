"""The description of a saved detector as JSON, which is read without trust before any array."""

import json
from importlib.metadata import version
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from jaxad.data.arrays import MAX_FLOAT32
from jaxad.data.image_range import ImageRange
from jaxad.data.scaling import KINDS
from jaxad.detectors.registry import REGISTRY
from jaxad.errors import ConfigError, DataError
from jaxad.utils.calls import parse_calls
from jaxad.utils.configs import settings_dict
from jaxad.utils.limits import read_json
from jaxad.weighting import WEIGHTINGS

__all__ = [
    "CONFIG",
    "Description",
    "check_settings",
    "describe",
    "import_advice",
    "read_description",
    "write_description",
]

FORMAT, VERSION = "jaxad-detector", 3
# Settings by their names in older versions of the format that can be read.
_SETTINGS: dict[int, dict[str, str]] = {2: {"weighing": "weighting"}, 3: {}}
# The default layers of fcdd in version 2, for images with sides below a number of pixels.
_FCDD_LAYERS = (
    (32, "conv(128, 5), pool, conv(128, 5), pool"),
    (48, "conv(128), pool, conv(256), conv(256), pool, conv(128)"),
    (128, None),
    (inf, "conv(64), pool, conv(128), pool, conv(256), conv(256), pool, conv(512), conv(512)"),
)
CONFIG = "config.json"
_LARGEST = 2**31 - 1
_MOST, _LONGEST = 64, 2000
_SETTINGS_ARE = (
    f"numbers, whole ones up to {_LARGEST}, strings of at most {_LONGEST} characters, and lists of "
    f"at most {_MOST} values"
)


class Description(NamedTuple):
    """What the arrays of a saved detector belong to.

    Attributes:
        detector: Its registered name.
        config: Its settings.
        input_shape: The shape of one example.
        labelled: The numbers of labelled anomalies and labelled normal rows it was made for.
        rows: How many training rows the arrays had room for.
        seeds: How many seeds were fitted.
        scaling: The kind of scaling saved with it, or None.
        version: The version of the format that the arrays were saved in.
        plugins: The modules outside jaxad that register the detector and its weightings.
        images: The ranges of the training images, "raw" before scaling and "scaled" after it, each
            as type, smallest and largest value; {} for other rows.
    """

    detector: str
    config: dict[str, Any]
    input_shape: tuple[int, ...]
    labelled: tuple[int, int]
    rows: int
    seeds: int
    scaling: str | None
    version: int = VERSION
    plugins: tuple[str, ...] = ()
    images: dict[str, ImageRange] = {}  # noqa: RUF012


def write_description(description: Description, folder: Path) -> None:
    """Write a description into a folder."""
    parts = {"format": FORMAT, "version": description.version, "jaxad": version("jaxad")}
    text = json.dumps(parts | description._asdict(), indent=2)
    (folder / CONFIG).write_text(text + "\n")


def read_description(folder: Path) -> Description:
    """Read and check the description in a folder; settings get the names that they have now.

    Raises:
        DataError: There is none, it has another format or an unknown version, or a part is missing
            or of a wrong kind.
    """
    what = f"{str(folder)!r} is not a saved detector"
    found = read_json(folder / CONFIG, what)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataError(f"{what}: {CONFIG} has another format")
    saved_version = found.get("version")
    if not isinstance(saved_version, int) or saved_version not in _SETTINGS:
        newer = isinstance(saved_version, int) and saved_version > VERSION
        cure = "update jaxad" if newer else "fit and save the detector again"
        known = " and ".join(map(str, _SETTINGS))
        raise DataError(
            f"{str(folder)!r} has format version {saved_version}; this version of jaxad reads "
            f"{known}: {cure}"
        )
    found.setdefault("plugins", [])
    found.setdefault("images", {})
    for part, (is_right, allowed) in _PARTS.items():
        if part not in found:
            raise DataError(f"{what}: {CONFIG} lacks {part!r}")
        if not is_right(found[part]):
            given = repr(found[part])[:80]
            raise DataError(f"{what}: {part!r} in {CONFIG} must be {allowed}; given {given}")
    plugins = tuple(found["plugins"])
    if not REGISTRY.knows(found["detector"]):
        given = repr(found["detector"])[:80]
        cure = import_advice(plugins) if plugins else "`jaxad list` shows those that are"
        raise DataError(f"{str(folder)!r}: the detector {given} is not registered: {cure}")
    names = _SETTINGS[saved_version]
    config: dict[str, Any] = {
        names.get(name, str(name)): tuple(value) if isinstance(value, list) else value
        for name, value in found["config"].items()
    }
    if saved_version == 2 and found["detector"] == "fcdd" and config.get("layers") is None:
        side = min(found["input_shape"][:2])
        config["layers"] = next(layers for below, layers in _FCDD_LAYERS if side < below)
    if found["detector"] == "rsrae":
        config.setdefault("score", "cosine")  # what its scores were before it was a setting
    anomalies, normals = found["labelled"]
    return Description(
        detector=found["detector"],
        config=config,
        input_shape=tuple(found["input_shape"]),
        labelled=(anomalies, normals),
        rows=found["rows"],
        seeds=found["seeds"],
        scaling=found["scaling"],
        version=saved_version,
        plugins=plugins,
        images={stage: ImageRange(*values) for stage, values in found["images"].items()},
    )


def check_settings(settings: dict[str, Any]) -> None:
    """Raise a `ConfigError` if a setting is longer than `read_description` allows."""
    for name, value in settings.items():
        if not _is_setting(json.loads(json.dumps(value))):
            raise ConfigError(
                f"{name}: a detector with this setting cannot be saved; allowed are {_SETTINGS_ARE}"
            )


def import_advice(plugins: tuple[str, ...]) -> str:
    """Return how to register the detector and the weightings of a plug-in, for errors."""
    modules = ", ".join(module[:80] for module in plugins)
    return (
        f"it was saved with the plug-in {modules}; import that before loading it, on the command "
        "line by --import"
    )


def describe(detector: Any, rows: int, seeds: int, scaling: str | None) -> Description:
    """Return the description of a fitted detector.

    Args:
        detector: The detector.
        rows: How many training rows its arrays have room for.
        seeds: How many seeds were fitted.
        scaling: The kind of scaling that is saved with it, or None.
    """
    shape, labelled = tuple(detector.input_shape or ()), tuple(detector.labelled)
    config = settings_dict(detector.config)
    plugins = _list_plugins(detector.name, config)
    return Description(
        detector.name, config, shape, labelled, rows, seeds, scaling, plugins=plugins
    )


def _list_plugins(name: str, config: dict[str, Any]) -> tuple[str, ...]:
    """Return the modules outside jaxad that register a detector and its weightings."""
    origins = [REGISTRY.origins.get(name)]
    if isinstance(text := config.get("weighting"), str):
        calls = parse_calls(text, "weighting", "by_label")
        origins += [WEIGHTINGS.origins.get(call.name) for call in calls]
    modules = {origin.partition(":")[0] for origin in origins if origin is not None}
    return tuple(sorted(module for module in modules if module.split(".")[0] != "jaxad"))


def _is_whole(value: Any, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= _LARGEST


def _are_ranges(value: Any) -> bool:
    if not isinstance(value, dict) or not {*value} <= {"raw", "scaled"}:
        return False
    return all(
        isinstance(v, list)
        and len(v) == 3
        and v[0] in ("uint8", "float")
        and all(type(n) is float and abs(n) <= MAX_FLOAT32 for n in v[1:])
        for v in value.values()
    )


def _are_whole(value: Any, low: int) -> bool:
    return isinstance(value, list) and all(_is_whole(v, low) for v in value)


def _is_setting(value: Any) -> bool:
    """Return whether a setting can be made a detector of in a short time."""
    if isinstance(value, list):
        return len(value) <= _MOST and all(map(_is_setting, value))
    if isinstance(value, str):
        return len(value) <= _LONGEST
    return value is None or isinstance(value, bool | float) or _is_whole(value, -_LARGEST)


_PARTS = {
    "detector": (lambda v: isinstance(v, str), "the name of a detector"),
    "config": (
        lambda v: isinstance(v, dict) and all(map(_is_setting, v.values())),
        f"settings, which are {_SETTINGS_ARE}",
    ),
    "input_shape": (lambda v: _are_whole(v, 1) and 1 <= len(v) <= 4, "1 to 4 lengths"),
    "labelled": (lambda v: _are_whole(v, 0) and len(v) == 2, "two counts"),
    "rows": (lambda v: _is_whole(v, 2), "a whole number of at least 2"),
    "seeds": (lambda v: _is_whole(v, 1), "a whole number of at least 1"),
    "scaling": (lambda v: v is None or v in KINDS, f"null or one of {', '.join(KINDS)}"),
    "plugins": (
        lambda v: isinstance(v, list) and all(isinstance(m, str) for m in v),
        "a list of names of modules",
    ),
    "images": (_are_ranges, "the ranges of raw and scaled images"),
}
