"""The profile of a training table: what later tables are compared with, stored as JSON."""

import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float

from jaxad.data.tables.columns import Column
from jaxad.data.tables.kinds import describe_column
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.reading import open_table
from jaxad.data.tables.values import find_texts, normalise, read_numbers
from jaxad.errors import DataError, DataWarning
from jaxad.utils.limits import parse_json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "PROFILE",
    "ColumnProfile",
    "Profile",
    "ProfileKind",
    "Values",
    "dump_profile",
    "make_profile",
    "profile_file",
    "read_profile",
    "read_values",
]

PROFILE = "monitor.json"  # beside a saved detector's own files
FORMAT, VERSION = "jaxad-profile", 1
ProfileKind = Literal["number", "category", "other"]

MAX_SAMPLE = 2000  # values of a column
_MAX_VALUES = 200_000  # values of all columns together
_MIN_SAMPLE = 100
_MAX_CATEGORIES = 1000


class ColumnProfile(NamedTuple):
    """What is stored of a column of the training rows.

    Attributes:
        name: The name of the column.
        kind: "number"; "category", also for booleans; or "other" for dates and for columns that are
            not encoded.
        rows: The number of training rows.
        gaps: The number of training rows without a value of this kind.
        sample: `(k,)` a random sample of the numbers, sorted; empty for other kinds.
        categories: The most frequent categories.
        counts: The number of training rows of each of them.
    """

    name: str
    kind: ProfileKind
    rows: int
    gaps: int
    sample: Float[np.ndarray, "k"] = np.zeros(0)
    categories: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()


class Profile(NamedTuple):
    """The profile of a training table: one of each column."""

    columns: tuple[ColumnProfile, ...]


class Values(NamedTuple):
    """The values of a column of some rows, read as the column's kind.

    Attributes:
        numbers: The numbers; empty for other kinds.
        counts: The number of rows of each category.
        gaps: The number of rows without a value of this kind.
    """

    numbers: Float[np.ndarray, "_"]
    counts: dict[str, int]
    gaps: int


def make_profile(table: "pa.Table", seed: int = 0) -> Profile:
    """Make the profile of the feature columns of training rows.

    Args:
        table: The columns, before they are encoded.
        seed: The seed of the sample of numbers.
    """
    most = min(MAX_SAMPLE, max(_MIN_SAMPLE, _MAX_VALUES // max(table.num_columns, 1)))
    rng = np.random.default_rng(seed)
    return Profile(tuple(_make_column(name, table[name], most, rng) for name in table.column_names))


def profile_file(
    path: Path, columns: Sequence[str], options: TableOptions | None = None
) -> Profile | None:
    """Return the profile of some columns of a file; None if it is not a table of features.

    Sequences and texts, whose sources have a prefix before the path, have no profile.
    """
    if not columns or path.suffix.lower() == ".npz" or not path.is_file():
        return None
    return make_profile(open_table(path, options, columns).read(columns))


def read_values(column: "pa.ChunkedArray", name: str, kind: ProfileKind) -> Values:
    """Read the values of a column as those of a kind."""
    column = normalise(column, name)
    if kind == "number":
        numbers = read_numbers(column)
        assert numbers is not None
        known = np.isfinite(numbers.value)
        return Values(numbers.value[known], {}, int((~known).sum()))
    codes, texts = find_texts(column)
    gaps = int((codes < 0).sum())
    if kind == "other":
        return Values(np.zeros(0), {}, gaps)
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    return Values(np.zeros(0), dict(zip(texts, counts.tolist(), strict=True)), gaps)


def _make_column(
    name: str, column: "pa.ChunkedArray", most: int, rng: np.random.Generator
) -> ColumnProfile:
    kind = _choose_kind(name, column)
    found = read_values(column, name, kind)
    sample = found.numbers
    if len(sample) > most:
        sample = rng.choice(sample, most, replace=False)
    frequent = sorted(found.counts, key=lambda text: (-found.counts[text], text))[:_MAX_CATEGORIES]
    return ColumnProfile(
        name,
        kind,
        len(column),
        found.gaps,
        np.sort(sample),
        tuple(frequent),
        tuple(found.counts[text] for text in frequent),
    )


def _choose_kind(name: str, column: "pa.ChunkedArray") -> ProfileKind:
    kinds: dict[str, ProfileKind] = {
        "number": "number",
        "boolean": "category",
        "category": "category",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # the encoding has given them
        try:
            described: Column = describe_column(name, column, 32)
        except DataError:
            return "other"
    return kinds.get(described.kind, "other")


def dump_profile(profile: Profile) -> bytes:
    """Return the content of the file `PROFILE`."""
    columns = [c._asdict() | {"sample": c.sample.tolist()} for c in profile.columns]
    return json.dumps({"format": FORMAT, "version": VERSION, "columns": columns}).encode()


def read_profile(content: bytes, what: str) -> Profile:
    """Return the profile that `dump_profile` was given.

    Args:
        content: The bytes.
        what: Where they come from, for errors.

    Raises:
        DataError: The bytes do not describe a profile of this version.
    """
    found = parse_json(content, f"{what}: {PROFILE} is not a profile of training rows")
    try:
        if (found["format"], found["version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {found['format']!r}, version {found['version']!r}")
        columns = tuple(_restore_column(**values) for values in found["columns"])
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"{what}: {PROFILE} is not a profile of training rows ({error})") from error
    return Profile(columns)


def _restore_column(
    name: Any, kind: Any, rows: Any, gaps: Any, sample: Any, categories: Any, counts: Any
) -> ColumnProfile:
    whole = all(type(number) is int and number >= 0 for number in (rows, gaps, *counts))
    texts = all(isinstance(text, str) for text in (name, *categories))
    numbers = np.array(sample, np.float64)
    right = (
        whole
        and texts
        and kind in get_args(ProfileKind)
        and numbers.ndim == 1
        and all(map(math.isfinite, numbers))
        and len(set(categories)) == len(categories) == len(counts)
        and gaps + sum(counts) <= rows
        and gaps + len(numbers) <= rows
    )
    if not right:
        raise ValueError(f"column {name!r} is broken")
    return ColumnProfile(name, kind, rows, gaps, np.sort(numbers), tuple(categories), tuple(counts))
