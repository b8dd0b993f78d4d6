"""`jaxad score`: score the rows of a file with a saved detector, piece by piece."""

import csv
import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from jaxad.cli.options import Score
from jaxad.cli.options.common import read_table_options
from jaxad.cli.outputs import check_distinct, escape_table, name_ids
from jaxad.data.sources.sequences import PREFIX
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError
from jaxad.saving import SavedDetector, ScoredRows, open_detector
from jaxad.thresholds import Rule, p_values, parse_rule
from jaxad.utils.escaping import escape_csv_row
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
    _check_out(options)
    rule = None if options.threshold is None else parse_rule(options.threshold)
    saved = open_detector(options.folder)
    how = read_table_options(options)
    limit, held_out = _choose_threshold(saved, rule, options, how)
    count = bad = alarms = 0
    budget = None if options.top is None else _Budget(options.top)
    with (
        write_atomically(options.out) as partial,
        _open_writer(partial, options.out.suffix, budget) as write,
    ):
        for part in saved.score_file(options.data, how, strict=options.strict):
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
    if budget is not None:
        print(f"The {len(budget.best)} rows with the highest scores are marked as anomalous")
    if bad:
        more = f", the first {_NAMED} above" if bad > _NAMED else ""
        _warn(f"{bad} of {count} rows could not be scored{more}; their scores are nan")
    return BAD_ROWS if bad else 0


class _Budget:
    """The highest scores so far, as many as there may be alarms."""

    def __init__(self, size: int):
        self.size, self.best = size, np.zeros(0)

    def add(self, score: np.ndarray) -> None:
        best = np.concatenate([self.best, score[~np.isnan(score)]])
        self.best = best if len(best) <= self.size else np.partition(best, -self.size)[-self.size :]

    def mark(self, score: np.ndarray, taken: int) -> np.ndarray:
        """Return which rows are among the highest; `taken` of earlier rows were at the limit.

        Of rows with the same score, the first ones are.
        """
        limit = self.best.min()
        room = int(np.sum(self.best == limit)) - taken
        level = score == limit
        return (score > limit) | (level & (np.cumsum(level) <= room))


def _choose_threshold(
    saved: SavedDetector, rule: Rule | None, options: Score, how: TableOptions
) -> tuple[float | None, Float[np.ndarray, "m"] | None]:
    """Return the threshold, and for the rule `conformal` the scores that p-values are found by.

    Raises:
        ConfigError: The rule needs scores that there are none of.
    """
    if options.reference is not None and (rule is None or rule.name == "fixed"):
        raise ConfigError(
            "--reference is for a rule of --threshold, such as quantile(0.1); name one"
        )
    if options.top is not None:
        return None, None
    reference = saved.reference
    if options.reference is not None:
        reference = saved.read_reference(options.reference, how)
    limit = saved.choose_threshold(rule, reference)
    if rule is None or rule.name != "conformal" or reference is None:
        return limit, None
    return limit, reference.held_out


def _check_out(options: Score) -> None:
    out = options.out
    if options.top is not None and (options.top < 1 or options.threshold is not None):
        raise ConfigError(
            f"--top {options.top} must be at least 1, and takes the place of --threshold"
        )
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError(f"--out {out} must end in .csv or .parquet")
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder; give a file")
    data = str(options.data).removeprefix(PREFIX)
    check_distinct("--out", out, {"DATA": data, "--reference": options.reference})
    if options.folder.resolve() in out.resolve().parents:
        raise ConfigError(f"--out {out} is in the folder of the detector; give a file outside")
    if out.exists() and not options.force:
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
    rows: Any = np.arange(start, start + len(mean)) if part.ids is None else part.ids
    columns: dict[str, Any] = {name_ids(part.id): rows, "score": mean}
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
def _open_writer(
    path: Path, suffix: str, budget: _Budget | None
) -> Iterator[Callable[["pa.Table"], None]]:
    """Open a file and give a function that appends a table to it.

    With a budget the tables go through a temporary file, until it is known which rows are marked.
    """
    if budget is None:
        with _open_plain(path, suffix) as write:
            yield write
        return
    from pyarrow import parquet

    with tempfile.TemporaryFile() as file:
        with _open_plain(file, ".parquet") as keep:

            def add(table: "pa.Table") -> None:
                budget.add(table.column("score").to_numpy())
                keep(table)

            yield add
        taken = 0
        with parquet.ParquetFile(file) as scored, _open_plain(path, suffix) as write:
            for batch in scored.iter_batches():
                score = batch.column("score").to_numpy(zero_copy_only=False)
                marked = budget.mark(score, taken)
                taken += int(np.sum(marked & (score == budget.best.min())))
                write(_add_marks(batch, marked, np.isnan(score)))


def _add_marks(batch: Any, marked: np.ndarray, bad: np.ndarray) -> "pa.Table":
    import pyarrow as pa

    table = pa.Table.from_batches([batch])
    return table.append_column("anomaly", pa.array(marked.astype(np.int8), mask=bad))


@contextmanager
def _open_plain(path: Any, suffix: str) -> Iterator[Callable[["pa.Table"], None]]:
    """Open a file and give a function that appends a table to it."""
    from pyarrow import csv as arrow
    from pyarrow import parquet

    opened: list[Any] = []

    def write(table: "pa.Table") -> None:
        if not opened:
            if suffix.lower() == ".csv":
                plain = arrow.WriteOptions(include_header=False)  # its header would be quoted
                opened.append(open(path, "wb"))  # noqa: SIM115  # closed below
                names = io.StringIO()
                csv.writer(names, lineterminator="\n").writerow(escape_csv_row(table.column_names))
                opened[0].write(names.getvalue().encode())
                opened.insert(0, arrow.CSVWriter(opened[0], table.schema, write_options=plain))
            else:
                opened.append(parquet.ParquetWriter(path, table.schema))
        opened[0].write_table(escape_table(table) if suffix.lower() == ".csv" else table)

    try:
        yield write
    finally:
        for writer in opened:
            writer.close()
