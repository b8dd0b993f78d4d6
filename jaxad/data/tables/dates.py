"""Dates and times: parsing of text, and encoding as elapsed time and cyclic parts.

Times with a zone or an offset are converted to UTC; times without one count as UTC.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxad.data.tables.arrow import load_compute
from jaxad.data.tables.columns import DATE_PARTS, DatePart
from jaxad.data.tables.values import GAP_WORDS
from jaxad.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DAY",
    "ISO",
    "LAYOUTS",
    "Dates",
    "choose_layout",
    "encode_dates",
    "find_parts",
    "read_dates",
]

ISO = "ISO 8601"
DAY = 86_400_000_000  # microseconds
_MISSING = np.iinfo(np.int64).min
_DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
_NAMED = ("%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
LAYOUTS = (ISO, *(day + time for day in _DAYS + _NAMED for time in _TIMES))
_SAMPLE = 200
_LIKE_DATES = r"^([0-9]{1,4}[-/. ]|[A-Za-z]{3,9} [0-9]{1,2}, [0-9]{4})"


class Dates(NamedTuple):
    """A column as instants.

    Attributes:
        instant: `(n,)` microseconds since 1970 in UTC; any number where a row has none.
        known: `(n,)` whether a row has an instant.
        odd: `(n,)` whether a row holds a value that is neither a date nor a word for a gap.
        texts: The first of these values.
    """

    instant: Int[np.ndarray, "n"]
    known: Bool[np.ndarray, "n"]
    odd: Bool[np.ndarray, "n"]
    texts: tuple[str, ...] = ()


def read_dates(column: "pa.ChunkedArray", layout: str) -> Dates:
    """Read a column as instants.

    Args:
        column: A column as `normalise` returns it.
        layout: One of `LAYOUTS`, for text; ISO 8601 is read whatever the layout.
    """
    import pyarrow as pa
    from pyarrow import types

    pc = load_compute()
    if types.is_timestamp(column.type):
        instant = pc.fill_null(pc.cast(column, pa.int64()), _MISSING).to_numpy()
        known = instant != _MISSING
        return Dates(np.where(known, instant, 0), known, np.zeros(len(known), bool))
    if not (types.is_string(column.type) or types.is_large_string(column.type)):
        if types.is_dictionary(column.type):
            return read_dates(column.cast(pa.string()), layout)
        odd = pc.fill_null(column.is_valid(), False)
        if types.is_floating(column.type):
            odd = pc.and_(odd, pc.invert(pc.fill_null(pc.is_nan(column), True)))
        wrong = np.asarray(odd.to_numpy(), bool)
        return Dates(np.zeros(len(wrong), np.int64), np.zeros(len(wrong), bool), wrong)
    encoded = pc.utf8_trim_whitespace(column).combine_chunks().dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    texts = encoded.dictionary
    parsed = np.append(_parse_texts(texts, layout), _MISSING)
    wrong = parsed == _MISSING
    unread = np.flatnonzero(wrong[:-1])
    words = texts.take(pa.array(unread)).to_pylist()
    wrong[unread[[word.lower() in GAP_WORDS for word in words]]] = False
    wrong[-1] = False
    instant = parsed[codes]
    known = instant != _MISSING
    shown = tuple(texts[int(i)].as_py() for i in np.flatnonzero(wrong)[:5])
    return Dates(np.where(known, instant, 0), known, wrong[codes], shown)


def choose_layout(column: "pa.ChunkedArray", name: str) -> str | None:
    """Choose how the dates of a column of text are written.

    Args:
        column: Text, as `normalise` returns it.
        name: The name of the column, for errors.

    Returns:
        One of `LAYOUTS`, the one by which most rows are dates; None if there are none.

    Raises:
        DataError: The day and the month cannot be told apart.
    """
    import pyarrow as pa

    pc = load_compute()
    texts = pc.unique(pc.utf8_trim_whitespace(column))
    texts = texts.combine_chunks() if hasattr(texts, "combine_chunks") else texts
    step = max(len(texts) // _SAMPLE, 1)
    sample = pc.drop_null(texts.take(pa.array(np.arange(0, len(texts), step))))
    if not pc.any(pc.match_substring_regex(sample, _LIKE_DATES)).as_py():
        return None
    iso = _parse_texts(sample, ISO) != _MISSING
    likely = [ISO] if iso.any() else []
    if not iso.all():
        others = sample.filter(pa.array(~iso))
        found = [(_parse_texts(others, layout) != _MISSING).any() for layout in LAYOUTS]
        likely += [layout for layout, some in zip(LAYOUTS, found, strict=True) if some]
    if not likely:
        return None
    read = {layout: read_dates(column, layout) for layout in likely}
    counts = {layout: int(read[layout].known.sum()) for layout in likely}
    best = max(likely, key=lambda layout: counts[layout])
    for other in likely:
        swapped = other.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m")
        both = other != best and swapped == best and counts[other] == counts[best]
        if both and (read[other].instant != read[best].instant).any():
            text = pc.drop_null(texts)[0].as_py()
            raise DataError(
                f"column {name!r} holds dates such as {text!r}, whose day and month cannot be "
                "told apart; write them as year-month-day, or drop the column (--drop)"
            )
    return best


def find_parts(instant: Int[np.ndarray, "n"]) -> tuple[DatePart, ...]:
    """Return the parts of dates that vary among instants."""
    values = _compute_parts(instant)
    return tuple(
        part for part in DATE_PARTS if len(instant) and (values[part] != values[part][0]).any()
    )


def encode_dates(
    instant: Int[np.ndarray, "n"], start: int, parts: tuple[DatePart, ...]
) -> Float[np.ndarray, "n d"]:
    """Encode instants as days since `start`, and the sine and cosine of each part."""
    columns = [(instant - start) / DAY]
    if parts:
        values = _compute_parts(instant)
        angles = [2 * np.pi * values[part] for part in parts]
        columns += [f(angle) for angle in angles for f in (np.sin, np.cos)]
    return np.stack(columns, axis=1)


def _compute_parts(instant: np.ndarray) -> dict[DatePart, np.ndarray]:
    """Return the time of day, the weekday and the month as shares of a day, week and year."""
    day = instant // DAY
    months = instant.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return {
        "hour": (instant % DAY) / DAY,
        "weekday": (day + 3) % 7 / 7,  # 1970 began on a Thursday
        "month": months % 12 / 12,
    }


def _parse_texts(texts: "pa.Array", layout: str) -> np.ndarray:
    """Return texts as microseconds since 1970, `_MISSING` where one is not a date."""
    import pandas as pd

    pc = load_compute()
    instant = np.full(len(texts), _MISSING)
    iso = pc.match_substring_regex(texts, r"^[0-9]{4}[-/][0-9]{1,2}([-/T ]|$)")
    iso = np.asarray(pc.fill_null(iso, False).to_numpy(zero_copy_only=False), bool)
    if iso.any():
        chosen = pc.replace_substring_regex(texts.filter(iso), r"\s*(UTC|GMT|Z)$", "+00:00")
        chosen = pc.replace_substring_regex(chosen, r"(\.[0-9]{6})[0-9]+", r"\1")
        instant[iso] = _convert(
            pd.to_datetime(chosen.to_pandas(), format="ISO8601", errors="coerce", utc=True)
        )
    if layout != ISO:
        others = np.flatnonzero(~iso)
        found = texts.take(others).to_pandas()
        instant[others] = _convert(pd.to_datetime(found, format=layout, errors="coerce", utc=True))
    return instant


def _convert(series: Any) -> np.ndarray:
    values = series.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return values.astype(np.int64)
