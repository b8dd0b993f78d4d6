"""The content of an experiment's file: reading under limits, and checks of keys and types.

Everything here works on plain values of TOML, before a detector or a data set is looked at.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from jaxad.data.protocol.settings import AXES
from jaxad.errors import ConfigError, unknown_name

__all__ = [
    "FOR_ALL",
    "MOST_SEEDS",
    "PER_DATASET",
    "PUBLISHED_COLUMNS",
    "SIZES",
    "Size",
    "as_list",
    "check_content",
    "check_published",
    "read_toml",
]

Size = Literal["quick", "full"]
SIZES = get_args(Size)
FOR_ALL = ("epochs", "batch_size")  # settings of every detector that has them
PER_DATASET = {*AXES, *FOR_ALL, "normal_class", "settings"}
PUBLISHED_COLUMNS = {"method", "dataset", "subset", "setting", "metric", "mean", "std"}
MOST_SEEDS = 10_000

_MOST_BYTES = 2**20  # of a file
_MOST_LEVELS = 8  # of tables and lists within each other
_MOST_CHARACTERS = 10_000  # of a string
_PUBLISHED_ROWS = ("dataset", "subset", "both", "mean")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Returns:
        Its content: tables, lists, strings, booleans, floats and integers of 64 bits, in at most
        eight levels.

    Raises:
        ConfigError: The file cannot be read, is not TOML, is larger than 1 MiB, or holds a value
            that no experiment has. The message names the file and the key.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise ConfigError(f"{path}: is larger than 1 MiB, which no experiment needs")
        content = tomllib.loads(raw.decode("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: lists or tables are nested too deeply") from error
    except ConfigError:
        raise
    except ValueError as error:  # not TOML, or a number of thousands of digits
        raise ConfigError(f"{path}: {error}") from error
    try:
        _check_values(content)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return content


def _check_values(value: Any, key: str = "", level: int = 0) -> None:
    """Raise for a value that no experiment has, so that errors can show those that are left."""
    if level > _MOST_LEVELS:
        raise ConfigError(f"{key[:80]}: nested in more than {_MOST_LEVELS} levels")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _check_values(name, "a key", level)
            _check_values(inner, f"{key}.{name}" if key else name, level + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner, key, level + 1)
    elif isinstance(value, str):
        if len(value) > _MOST_CHARACTERS or "\0" in value:
            raise ConfigError(
                f"{key[:80]}: a string has at most {_MOST_CHARACTERS} characters, and no NUL"
            )
    elif isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ConfigError(f"{key[:80]}: an integer is of more than 64 bits")
    elif not isinstance(value, float):
        raise ConfigError(f"{key[:80]}: is a date or a time; no key takes one")


class _Kind(NamedTuple):
    """A test for the type of a value, and its description for errors."""

    fits: Callable[[Any], bool]
    text: str


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_class(value: Any) -> bool:
    return _is_text(value) or _is_integer(value)


def _is_axis_value(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _is_known(value: Any) -> bool:
    """Return whether a value fits `known_anomaly_classes`."""
    return _is_class(value) or (isinstance(value, list) and all(map(_is_class, value)))


def _each(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return a test for a value that fits, or a list of such values."""
    return lambda value: all(map(fits, as_list(value)))


def _is_map_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


_TEXT = _Kind(_is_text, "a string")
_TEXTS = _Kind(_each(_is_text), "a string or a list of strings")
_INTEGER = _Kind(_is_integer, "a whole number")
_TABLE = _Kind(lambda value: isinstance(value, dict), "a table")
_NAMED = _Kind(
    _each(lambda value: isinstance(value, str | dict)),
    "a list of names, or of tables with a name",
)
_MAP = _Kind(_is_map_of_texts, "a table whose values are strings")
_WHERE = _Kind(
    lambda value: isinstance(value, dict) and all(map(_is_axis_value, value.values())),
    "a table of columns with their values",
)
_OF_AXIS = {
    "exposure": _TEXTS,
    "known_anomaly_classes": _Kind(
        _each(_is_known), "a number of classes, a list of classes, or a list of these"
    ),
}
_KINDS = {
    **{key: _Kind(_each(_is_axis_value), "a value or a list of values") for key in AXES},
    **_OF_AXIS,
    **{key: _Kind(_each(_is_integer), "a whole number or a list of them") for key in FOR_ALL},
    **dict.fromkeys(SIZES, _TABLE),
    "title": _TEXT,
    "datasets": _NAMED,
    "detectors": _NAMED,
    "normal_class": _Kind(_each(_is_class), "a class or a list of classes, by number or name"),
    "seeds": _INTEGER,
    "seed_root": _INTEGER,
    "metrics": _TEXTS,
    "settings": _TABLE,
    "published": _TABLE,
    "notes": _TEXTS,
    "rows": _TEXTS,
    "import": _TEXTS,
}
_KINDS_PUBLISHED = {
    "file": _TEXT, "methods": _MAP, "where": _WHERE, "datasets": _MAP, "row": _TEXT,
    "tuned": _TEXTS,
}  # fmt: skip


def check_content(content: Mapping[str, Any]) -> None:
    """Check the keys and the types of an experiment's file, and of its sizes.

    Raises:
        ConfigError: A key is unknown (the message gives the most similar one), or a value has the
            wrong type.
    """
    _check_kinds(content, _KINDS, "key")
    for size in SIZES:
        of_size = content.get(size, {})
        _check_kinds(
            of_size, {k: v for k, v in _KINDS.items() if k not in SIZES}, f"key of [{size}]"
        )
    for part in (content, *(content.get(size, {}) for size in SIZES)):
        check_published(part.get("published", {}))
        for table in as_list(part.get("datasets", [])):
            if isinstance(table, dict):
                name = _read_name(table, "datasets")
                rest = {key: value for key, value in table.items() if key != "name"}
                kinds = {key: _KINDS[key] for key in PER_DATASET}
                _check_kinds(rest, kinds, f"key of the data set {name}")
        for table in as_list(part.get("detectors", [])):
            if isinstance(table, dict):
                _read_name(table, "detectors")
                if not isinstance(table.get("title", ""), str):
                    raise ConfigError(
                        f"detectors: title must be a string; given {table['title']!r}"
                    )


def check_published(about: Mapping[str, Any]) -> None:
    """Check the keys and the types of the table `published`.

    Raises:
        ConfigError: A key or a column is unknown, or a value has the wrong type.
    """
    _check_kinds(about, _KINDS_PUBLISHED, "key of published")
    for column in about.get("where", {}):
        if column not in PUBLISHED_COLUMNS:
            raise unknown_name("column of published.where", column, PUBLISHED_COLUMNS)
    if about.get("row", "both") not in _PUBLISHED_ROWS:
        raise unknown_name("value of published.row", about["row"], _PUBLISHED_ROWS)


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, and any other value as a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _check_kinds(table: Mapping[str, Any], kinds: Mapping[str, _Kind], what: str) -> None:
    for key, value in table.items():
        if key not in kinds:
            raise unknown_name(what, key, kinds)
        if not kinds[key].fits(value):
            raise ConfigError(f"{key} must be {kinds[key].text}; given {_show(value)}")


def _read_name(table: Mapping[str, Any], key: str) -> str:
    name = table.get("name")
    if not isinstance(name, str):
        raise ConfigError(f"{key}: a name, or a table with a name; given {_show(table)}")
    return name


def _show(value: Any) -> str:
    """Return a value as an error shows it."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
