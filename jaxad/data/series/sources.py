"""Names of series, `series:FILE` and `series:time=COLUMN,window=N:FILE`; the layout of TSB-AD."""

from pathlib import Path
from typing import Any

from jaxad.data.series.options import SeriesOptions, check_series_options
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.reading import open_table
from jaxad.errors import ConfigError, DataError, unknown_name

__all__ = ["PREFIX", "find_series", "read_series_options", "split_series", "strip_series"]

PREFIX = "series:"
_BENCHMARK = ["data", "label"]  # TSB-AD's univariate files
_WHOLE = ("window", "stride")


def split_series(source: str) -> tuple[str, dict[str, str]]:
    """Split a name such as `series:time=timestamp,window=50:ts.csv` into file and options.

    Args:
        source: The name, with the prefix `series:`.

    Returns:
        The file, and the options as text; without options `{}`.

    Raises:
        ConfigError: An option has no value, or comes twice.
    """
    rest = source.removeprefix(PREFIX)
    head, colon, tail = rest.partition(":")
    if not colon or "=" not in head:
        return rest, {}
    options: dict[str, str] = {}
    for part in head.split(","):
        name, equals, value = part.partition("=")
        if not (equals and name.strip() and value.strip()) or name.strip() in options:
            raise ConfigError(
                f"{source!r}: options of a series are NAME=VALUE, each once and separated by "
                "commas, as in series:time=timestamp,window=50:FILE"
            )
        options[name.strip()] = value.strip()
    return tail, options


def strip_series(source: str) -> str:
    """Return the file of a name with the prefix `series:`; other names as they are."""
    return split_series(source)[0] if source.startswith(PREFIX) else source


def read_series_options(
    options: dict[str, str], source: str, further: tuple[str, ...] = ()
) -> SeriesOptions:
    """Return the options of a name as `SeriesOptions`; those of `further` are passed over.

    Raises:
        ConfigError: An option is unknown, or window or stride is not a whole number in its range.
    """
    values: dict[str, Any] = {}
    for name, text in options.items():
        if name in further:
            continue
        if name not in SeriesOptions._fields:
            known = (*SeriesOptions._fields, *further)
            raise ConfigError(f"{source!r}: {unknown_name('option of a series', name, known)}")
        if name in _WHOLE and not text.isdecimal():
            raise ConfigError(f"{source!r}: {name} must be a whole number; given {text!r}")
        values[name] = int(text) if name in _WHOLE else text
    found = SeriesOptions(**values)
    check_series_options(found)
    return found


def find_series(source: Any, options: TableOptions) -> tuple[Any, TableOptions] | None:
    """Return a table with the options by which it is read as series; None if it is not one.

    A table is read as series with an option such as `--time` or `--window`, with the prefix
    `series:`, and if it is a csv file whose columns are `Data` and `Label` (the layout of the
    benchmark TSB-AD, whose rows are in order of time).

    Args:
        source: A file, by name or path, or a table from memory.
        options: How it is read.

    Raises:
        ConfigError: An option in the name is wrong, or is also given by itself.
    """
    name = str(source) if isinstance(source, str | Path) else ""
    if name.startswith(PREFIX):
        file, given = split_series(name)
        found = read_series_options(given, name)
        outside = options.series or SeriesOptions()
        both = [n for n in given if getattr(outside, n) is not None]
        if both:
            raise ConfigError(f"{both[0]} is given both in {name!r} and by --{both[0]}; give one")
        values = {n: getattr(found if n in given else outside, n) for n in SeriesOptions._fields}
        return Path(file), options._replace(series=SeriesOptions(**values))
    if options.series is not None:
        return source, options
    if name and _is_benchmark(Path(name), options):
        return source, options._replace(series=SeriesOptions())
    return None


def _is_benchmark(path: Path, options: TableOptions) -> bool:
    """Return whether a csv file has the columns of TSB-AD's univariate series."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    try:
        names = open_table(path, options).names
    except (ConfigError, DataError):  # reported where the file is read as a table
        return False
    return [name.strip().lower() for name in names] == _BENCHMARK
