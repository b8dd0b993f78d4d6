"""Claims of papers, judged by committed results.

A file of claims is TOML with an entry for each claim:

    [[claim]]
    id = "ncae-contaminated"
    paper = "NCAE"
    text = "NCAE is above the autoencoder where the training rows are contaminated."
    published = "mean AUROC 90 against 80"
    protocol = "datasets, networks and seeds"

    [[claim.tests]]
    results = "ncae/table_3_4"
    metric = "auroc"
    left = { detector = "NCAE" }
    relation = "above"
    right = { detector = "autoencoder" }
    each = "dataset"

A test compares the mean of a metric over the rows of `PAPER/results/NAME.csv` whose columns have
the values of `left` with that over those of `right`, or with a number: whether it is "above" the
other by more than `by` points (0), "below" it, or "near", within `by` points. `where` is for both
sides; `each` compares them for each value of a column; with `percent` the results are in percent
already. With `drop = { column = "contamination", from = "0.0", to = "none" }` each side is how far
its mean falls between two values of a column. `other` names the results of `right`, if they are in
another file. A claim holds if all comparisons do, holds in part if
some do, and does not hold if none does. A claim without tests was not run; `why` gives the reason.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, NamedTuple

from jaxad.errors import ConfigError, unknown_name
from jaxad.sweep.content import read_toml

__all__ = ["Claim", "Comparison", "judge", "read_claims"]

Verdict = Literal["holds", "holds in part", "does not hold", "not run"]
RELATIONS = ("above", "below", "near")
_TEXTS = ("id", "paper", "page", "text", "published", "protocol", "why")
_DROP = {"column": str, "from": str, "to": str}
_NO_DROP = dict.fromkeys(_DROP, "")
_CLAIM = {**dict.fromkeys(_TEXTS, str), "tests": list}
_TEST = {"results": str, "metric": str, "left": dict, "right": dict | float | int, "relation": str,
         "by": float | int, "where": dict, "each": str, "percent": bool, "drop": dict,
         "other": str}  # fmt: skip


class Comparison(NamedTuple):
    """Two means, in percent.

    Attributes:
        left: The mean of the left side.
        right: That of the right side, or the number it is compared with.
        holds: Whether the relation holds.
        value: The value of the column `each`; "" without one.
    """

    left: float
    right: float
    holds: bool
    value: str = ""


class Claim(NamedTuple):
    """A claim of a paper, and the comparisons that judge it.

    Attributes:
        id: Its name.
        paper: The paper.
        page: The page of the documentation that discusses it, such as "ncae".
        text: What it says.
        published: The published figures.
        protocol: How it was measured here.
        why: Why it was not run; "" if it was.
        tests: Its tests, as the file has them.
        comparisons: For each test, its comparisons.
    """

    id: str
    paper: str
    page: str
    text: str
    published: str
    protocol: str
    why: str
    tests: tuple[Mapping[str, Any], ...]
    comparisons: tuple[tuple[Comparison, ...], ...]


def judge(claim: Claim) -> Verdict:
    """Return what the comparisons say of a claim."""
    held = [one.holds for test in claim.comparisons for one in test]
    if not held:
        return "not run"
    if all(held):
        return "holds"
    return "holds in part" if any(held) else "does not hold"


def read_claims(path: str | Path) -> tuple[Claim, ...]:
    """Read claims, and compare what their tests ask for.

    Args:
        path: The file of claims; results are found in the folders beside it.

    Raises:
        ConfigError: The file cannot be read, a key is missing or unknown, or a test names results,
            a column or a value that is not there. The message names the claim.
    """
    path = Path(path)
    entries = read_toml(path).get("claim", [])
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{path}: has no [[claim]]")
    found = [_read_claim(path, number, entry) for number, entry in enumerate(entries, 1)]
    for one in found:
        if sum(other.id == one.id for other in found) > 1:
            raise ConfigError(f"{path}: two claims have the id {one.id!r}")
    return tuple(found)


def _read_claim(path: Path, number: int, entry: Any) -> Claim:
    place = f"{path}: claim {number}"
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{place}: must be a table")
    place = f"{path}: claim {entry.get('id', number)!r}"
    _check(place, entry, _CLAIM, {"id", "paper", "page", "text", "published"})
    tests = tuple(entry.get("tests", ()))
    if bool(tests) == ("why" in entry):
        raise ConfigError(f"{place}: needs either tests or `why`, the reason that it was not run")
    texts = {key: str(entry.get(key, "")) for key in _TEXTS}
    found = [tuple(_compare(f"{place}: test {i}", path.parent, t)) for i, t in enumerate(tests, 1)]
    return Claim(**texts, tests=tests, comparisons=tuple(found))


def _compare(place: str, root: Path, test: Any) -> Iterator[Comparison]:
    """Yield the comparisons of a test."""
    if not isinstance(test, Mapping):
        raise ConfigError(f"{place}: must be a table")
    _check(place, test, _TEST, {"results", "metric", "left", "right", "relation"})
    if test["relation"] not in RELATIONS:
        raise ConfigError(f"{place}: {unknown_name('relation', test['relation'], RELATIONS)}")
    _check(place, test.get("drop", _NO_DROP), _DROP, set(_DROP))
    rows = _read_rows(place, root, test["results"], test)
    others = _read_rows(place, root, test["other"], test) if "other" in test else rows
    each = test.get("each")
    values = [""] if each is None else list(dict.fromkeys(row[each] for row in rows))
    for value in values:
        sides = [
            side if each is None else [row for row in side if row[each] == value]
            for side in (rows, others)
        ]
        left = _measure(place, sides[0], test["left"], test)
        right = test["right"]
        if isinstance(right, Mapping):
            right = _measure(place, sides[1], right, test)
        right = float(right)
        by = float(test.get("by", 0))
        holds = {"above": left > right + by, "below": left < right - by,
                 "near": abs(left - right) <= by}[test["relation"]]  # fmt: skip
        yield Comparison(left, right, holds, value)


def _read_rows(
    place: str, root: Path, results: str, test: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Return the rows of a file of results that fulfil the conditions of a test."""
    paper, _, name = results.partition("/")
    path = root / paper / "results" / f"{name}.csv"
    try:
        with path.open() as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(
            f"{place}: {path} cannot be read ({error}); run its experiment"
        ) from error
    columns = list(rows[0]) if rows else []
    sides: list[Mapping[str, Any]] = [{}, {}]
    if results == test["results"]:
        sides[0] = test["left"]
    if results == test.get("other", test["results"]) and isinstance(test["right"], Mapping):
        sides[1] = test["right"]
    optional = [test.get("each"), test.get("drop", {}).get("column")]
    for key in [test["metric"], *test.get("where", {}), *sides[0], *sides[1], *optional]:
        if key is not None and key not in columns:
            raise ConfigError(f"{place}: {path}: {unknown_name('column', key, columns)}")
    return _select(place, rows, test.get("where", {}))


def _select(place: str, rows: list[dict[str, str]], where: Mapping[str, Any]) -> list:
    some = [row for row in rows if all(row[key] == str(v) for key, v in where.items())]
    if not some:
        raise ConfigError(f"{place}: no row of the results has {dict(where)}")
    return some


def _measure(
    place: str, rows: list[dict[str, str]], where: Mapping[str, Any], test: Mapping[str, Any]
) -> float:
    """Return the mean of a side, or with `drop` how far it falls between two values of a column."""
    if "drop" not in test:
        return _average(place, rows, where, test)
    column, start, end = (test["drop"][key] for key in ("column", "from", "to"))
    first, last = (_average(place, rows, {**where, column: value}, test) for value in (start, end))
    return first - last


def _average(
    place: str, rows: list[dict[str, str]], where: Mapping[str, Any], test: Mapping[str, Any]
) -> float:
    """Return the mean of a metric over the rows that fulfil a condition, in percent."""
    factor = 1 if test.get("percent", False) else 100
    try:
        numbers = [float(row[test["metric"]]) for row in _select(place, rows, where)]
    except ValueError as error:
        raise ConfigError(f"{place}: {test['metric']}: not a number: {error}") from error
    return factor * fmean(numbers)


def _check(place: str, entry: Mapping, types: Mapping[str, Any], needed: set[str]) -> None:
    """Raise for a key that is unknown, missing or of another type."""
    for key, value in entry.items():
        if key not in types:
            raise ConfigError(f"{place}: {unknown_name('key', key, list(types))}")
        if not isinstance(value, types[key]) or isinstance(value, bool) != (types[key] is bool):
            raise ConfigError(f"{place}: {key}: {value!r} is of another type than is asked for")
    for key in sorted(needed - set(entry)):
        raise ConfigError(f"{place}: has no {key}")
