"""`jaxad score`: score the rows of a file with a saved detector, piece by piece."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from jaxad.cli.options import Score
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError
from jaxad.saving import SavedDetector, ScoredRows, open_detector
from jaxad.thresholds import Rule, p_values, parse_rule
from jaxad.utils.files import check_writable, write_atomically

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BAD_ROWS", "execute"]

BAD_ROWS = 3  # the exit code
_NAMED = 20  # bad rows that are printed one by one


def execute(options: Score) -> int:
    """Score rows and write the scores.

    Returns:
        The exit code: 0, or 3 where some rows could not be scored.
    """
    _check_out(options.out, options.force)
    rule = None if options.threshold is None else parse_rule(options.threshold)
    saved = open_detector(options.folder)
    limit, held_out = _choose_threshold(saved, rule, options)
    count = bad = alarms = 0
    with (
        write_atomically(options.out) as partial,
        _open_writer(partial, options.out.suffix) as write,
    ):
        for part in saved.score_file(options.data, TableOptions(label=options.label)):
            _report_bad(part, options, count, bad)
            write(_tabulate(part, count, limit, held_out))
            if limit is not None:
                alarms += int(np.nansum(part.mean > limit))
            count, bad = count + part.count, bad + len(part.bad)
        if bad == count:
            raise DataError(f"{options.data}: none of {count} rows could be scored")
    print(f"{count} rows scored with {saved.fitted.seeds} seed(s); scores in {options.out}")
    if limit is not None:
        share = 100 * alarms / (count - bad)
        print(f"{alarms} rows ({share:.3g} %) are anomalous: their score is above {limit:.6g}")
    if bad:
        more = f", the first {_NAMED} above" if bad > _NAMED else ""
        _warn(f"{bad} of {count} rows could not be scored{more}; their scores are nan")
    return BAD_ROWS if bad else 0


def _choose_threshold(
    saved: SavedDetector, rule: Rule | None, options: Score
) -> tuple[float | None, Float[np.ndarray, "m"] | None]:
    """Return the threshold, and for the rule `conformal` the scores that p-values are found by.

    Raises:
        ConfigError: The rule needs scores that there are none of.
    """
    if options.reference is not None and (rule is None or rule.name == "fixed"):
        raise ConfigError(
            "--reference is for a rule of --threshold, such as quantile(0.1); name one"
        )
    reference = saved.reference
    if options.reference is not None:
        reference = saved.read_reference(options.reference, TableOptions(label=options.label))
    limit = saved.choose_threshold(rule, reference)
    if rule is None or rule.name != "conformal" or reference is None:
        return limit, None
    return limit, reference.held_out


def _check_out(out: Path, force: bool) -> None:
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError(f"--out {out} must end in .csv or .parquet")
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder; give a file")
    if out.exists() and not force:
        raise ConfigError(f"--out {out} exists already; give another file, or --force")
    check_writable(out.absolute().parent)


def _report_bad(part: ScoredRows, options: Score, before: int, reported: int) -> None:
    """Print which rows are bad, up to `_NAMED` of all; with --strict raise at the first."""
    for place, row in enumerate(sorted(part.bad)):
        message = f"row {before + row}: {part.bad[row]}"
        if options.strict:
            raise DataError(f"{options.data}: {message} (--strict)")
        if reported + place < _NAMED:
            _warn(message)


def _warn(message: str) -> None:
    print("jaxad:", message, file=sys.stderr)


def _tabulate(
    part: ScoredRows, start: int, limit: float | None, held_out: np.ndarray | None
) -> "pa.Table":
    """Return the columns of the output for some rows."""
    import pyarrow as pa

    mean = part.mean
    good = np.isfinite(mean)
    columns: dict[str, Any] = {"row": np.arange(start, start + len(mean)), "score": mean}
    if len(part.scores) > 1:
        each = part.scores.astype(np.float64)
        columns |= {f"score_seed_{i}": scores for i, scores in enumerate(each)}
    if held_out is not None:
        columns["p_value"] = np.full(len(mean), np.nan)
        if good.any():
            columns["p_value"][good] = p_values(mean[good], held_out)
    if limit is not None:
        columns["anomaly"] = pa.array((mean > limit).astype(np.int8), mask=~good)
    return pa.table(columns)


@contextmanager
def _open_writer(path: Path, suffix: str) -> Iterator[Callable[["pa.Table"], None]]:
    """Open a file and give a function that appends a table to it."""
    from pyarrow import csv, parquet

    opened: list[Any] = []

    def write(table: "pa.Table") -> None:
        if not opened:
            if suffix.lower() == ".csv":
                plain = csv.WriteOptions(include_header=False)  # its header would be quoted
                opened.append(path.open("wb"))
                opened[0].write((",".join(table.column_names) + "\n").encode())
                opened.insert(0, csv.CSVWriter(opened[0], table.schema, write_options=plain))
            else:
                opened.append(parquet.ParquetWriter(path, table.schema))
        opened[0].write_table(table)

    try:
        yield write
    finally:
        for writer in opened:
            writer.close()
