"""`jaxad score`: score the rows of a file with a saved detector, piece by piece."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from jaxad.cli.options import Score
from jaxad.cli.options.common import read_table_options
from jaxad.cli.outputs import check_distinct, name_ids
from jaxad.cli.pipes import is_pipe, open_stdin
from jaxad.cli.score_output import Budget, open_output
from jaxad.data.series.sources import strip_series
from jaxad.data.sources.sequences import PREFIX
from jaxad.data.tables.lines import STDIN
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError
from jaxad.saving import SavedDetector, ScoredRows, open_detector
from jaxad.saving.streams import score_stream
from jaxad.thresholds import Rule, p_values, parse_rule
from jaxad.utils.files import check_writable

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
    options = _complete_out(options)
    _check_out(options)
    rule = None if options.threshold is None else parse_rule(options.threshold)
    saved = open_detector(options.folder)
    how = read_table_options(options)
    limit, held_out = _choose_threshold(saved, rule, options, how)
    count = bad = alarms = rim = 0
    budget = None if options.top is None else Budget(options.top)
    assert options.out is not None
    with open_output(options.out, budget) as write:
        for part in _score_parts(saved, options, how):
            _report_bad(part, options, count, bad)
            write(_tabulate(part, count, limit, held_out))
            if limit is not None:
                alarms += int(np.nansum(part.mean > limit))
            count, bad = count + part.count, bad + len(part.bad)
            rim += 0 if part.rim is None else int(part.rim.sum())
        if bad == count and not is_pipe(options.data):
            raise DataError(f"{options.data}: none of {count} rows could be scored")
    tell = _warn if is_pipe(options.out) else print
    tell(f"{count} rows scored with {saved.fitted.seeds} seed(s); scores in {_name_out(options)}")
    if rim:
        tell(f"{rim} of them have no score, as no window reaches them")
    if limit is not None and count > bad + rim:
        share = 100 * alarms / (count - bad - rim)
        tell(f"{alarms} rows ({share:.3g} %) are anomalous: their score is above {limit:.6g}")
    if budget is not None:
        tell(f"The {len(budget.best)} rows with the highest scores are marked as anomalous")
    if bad:
        more = f", the first {_NAMED} above" if bad > _NAMED else ""
        _warn(f"{bad} of {count} rows could not be scored{more}; their scores are nan")
    return BAD_ROWS if bad else 0


def _name_out(options: Score) -> str:
    return "standard output" if is_pipe(options.out) else str(options.out)


def _score_parts(saved: SavedDetector, options: Score, how: TableOptions) -> Iterator[ScoredRows]:
    if is_pipe(options.data):
        return score_stream(saved, open_stdin(), how, strict=options.strict)
    return saved.score_file(options.data, how, strict=options.strict)


def _complete_out(options: Score) -> Score:
    """Return the options with an output; it is standard output for standard input.

    Raises:
        ConfigError: There is no output, or --top with standard output or input.
    """
    if options.out is None and not is_pipe(options.data):
        raise ConfigError(f"--out is missing; give a csv or parquet file, or {STDIN} to print")
    options = replace(options, out=options.out or Path(STDIN))
    if options.top is not None and (is_pipe(options.data) or is_pipe(options.out)):
        raise ConfigError(
            "--top needs all scores before the first one is written; give files for DATA and "
            "--out, or --threshold"
        )
    return options


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
    """Raise before anything is computed if the output cannot be written."""
    out = options.out
    assert out is not None
    if options.top is not None and (options.top < 1 or options.threshold is not None):
        raise ConfigError(
            f"--top {options.top} must be at least 1, and takes the place of --threshold"
        )
    if is_pipe(out):
        return
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError(f"--out {out} must end in .csv or .parquet, or be {STDIN}")
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder; give a file")
    data = strip_series(str(options.data).removeprefix(PREFIX))
    data = None if data == STDIN else data
    check_distinct("--out", out, {"DATA": data, "--reference": options.reference})
    if options.folder.resolve() in out.resolve().parents:
        raise ConfigError(f"--out {out} is in the folder of the detector; give a file outside")
    if out.exists() and not options.force:
        raise ConfigError(f"--out {out} exists already; give another file, or --force")
    check_writable(out.absolute().parent)


def _report_bad(part: ScoredRows, options: Score, before: int, reported: int) -> None:
    """Print which rows are bad, up to `_NAMED` of all; with --strict raise at the first."""
    for place, row in enumerate(sorted(part.bad)):
        name = f"row {before + row if part.rows is None else part.rows[row]}"
        if part.id == "file" and part.ids is not None:
            name = str(part.ids[row])
        message = f"{name}: {part.bad[row]}"
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
    empty = None if part.rim is None else part.rim  # null, so that a csv file has nothing there
    columns: dict[str, Any] = {name_ids(part.id): rows}
    if part.group is not None:
        columns["group"] = part.group
    columns |= {"score": pa.array(mean, mask=empty)} | {
        name: pa.array(values, mask=empty) for name, values in part.more.items()
    }
    if len(part.scores) > 1:
        each = part.scores.astype(np.float64)
        columns |= {f"score_seed_{i}": pa.array(s, mask=empty) for i, s in enumerate(each)}
    if held_out is not None:
        columns["p_value"] = np.full(len(mean), np.nan)
        if good.any():
            columns["p_value"][good] = p_values(mean[good], held_out)
    if limit is not None:
        columns["anomaly"] = pa.array((mean > limit).astype(np.int8), mask=~good)
    return pa.table(columns)
