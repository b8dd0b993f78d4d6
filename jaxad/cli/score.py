"""`jaxad score`: a saved detector and a file of rows to a file of scores, piece by piece."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from jaxad.cli.options import Score
from jaxad.cli.saved import Saved, Scored, open_saved, scored
from jaxad.errors import ConfigError, DataError
from jaxad.thresholds import Reference, Rule, p_values, parse_rule, threshold
from jaxad.utils.files import check_writable, written_whole

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BAD_ROWS", "execute"]

BAD_ROWS = 3  # the exit code
_NAMED = 20  # bad rows that are said one by one


def execute(options: Score) -> int:
    """Score rows and write the scores.

    Returns:
        The exit code: 0, or 3 where some rows could not be scored.
    """
    _check_out(options.out, options.force)
    rule = None if options.threshold is None else parse_rule(options.threshold)
    saved = open_saved(options.folder)
    limit, held_out = _alarm(saved, rule, options)
    count = bad = alarms = 0
    with written_whole(options.out) as partial, _writer(partial, options.out.suffix) as write:
        for part in scored(saved, options.data, options.label):
            _say_bad(part, options, count, bad)
            table = _table(part, count, limit, held_out)
            write(table)
            if limit is not None:
                alarms += int(np.nansum(part.scores.mean(axis=0, dtype=np.float64) > limit))
            count, bad = count + part.scores.shape[1], bad + len(part.bad)
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


def _alarm(
    saved: Saved, rule: Rule | None, options: Score
) -> tuple[float | None, Float[np.ndarray, "m"] | None]:
    """The threshold, and for the conformal rule the scores that p-values are found by.

    Raises:
        ConfigError: The rule has no scores to go by.
    """
    if options.reference is not None and (rule is None or rule.name == "fixed"):
        raise ConfigError("--reference is what a rule of --threshold goes by; name one")
    if rule is None:
        return saved.threshold, None
    if rule.name == "fixed":
        return threshold(rule, Reference(np.zeros(0), np.zeros(0, np.int8))), None
    known = saved.known if options.reference is None else _reference(saved, options)
    if known is None or (rule.name == "conformal" and not len(known.held_out)):
        what = "scores of rows that were not trained on" if known else "scores of its training rows"
        raise ConfigError(
            f"--threshold {options.threshold}: {options.folder} has no {what}; give a file of such "
            "rows with --reference"
        )
    return threshold(rule, known), known.held_out if rule.name == "conformal" else None


def _reference(saved: Saved, options: Score) -> Reference:
    """The scores of the reference's rows, and what is known of these."""
    from jaxad.sklearn.labels import training_labels

    assert options.reference is not None
    scores, labels, count = [], [], 0
    for part in scored(saved, options.reference, options.label):
        for row, reason in part.bad.items():
            raise DataError(f"{options.reference}: row {count + row}: {reason}")
        scores.append(part.scores.mean(axis=0, dtype=np.float64))
        labels.append(part.label)
        count += len(part.label)
    if not count:
        raise DataError(f"{options.reference}: has no rows")
    label = np.concatenate(labels)
    known = training_labels(np.where(np.isnan(label), -1, label))
    score = np.concatenate(scores)
    return Reference(score, known, score[known >= 0])


def _check_out(out: Path, force: bool) -> None:
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise ConfigError(f"--out {out} must end in .csv or .parquet")
    if out.is_dir():
        raise ConfigError(f"--out {out} is a folder; give a file")
    if out.exists() and not force:
        raise ConfigError(f"--out {out} exists already; give another file, or --force")
    check_writable(out.absolute().parent)


def _say_bad(part: Scored, options: Score, before: int, said: int) -> None:
    """Say which rows are bad, the first of them; stop at the first if that is asked for."""
    for place, row in enumerate(sorted(part.bad)):
        message = f"row {before + row}: {part.bad[row]}"
        if options.strict:
            raise DataError(f"{options.data}: {message} (--strict)")
        if said + place < _NAMED:
            _warn(message)


def _warn(message: str) -> None:
    print("jaxad:", message, file=sys.stderr)


def _table(
    part: Scored, start: int, limit: float | None, held_out: np.ndarray | None
) -> "pa.Table":
    """Columns of the output for some rows."""
    import pyarrow as pa

    mean = part.scores.mean(axis=0, dtype=np.float64)
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
def _writer(path: Path, suffix: str) -> Iterator[Callable[["pa.Table"], None]]:
    """Something that writes tables one after the other into a file."""
    from pyarrow import csv, parquet

    opened: list[Any] = []

    def write(table: "pa.Table") -> None:
        if not opened:
            if suffix.lower() == ".csv":
                plain = csv.WriteOptions(include_header=False)  # which it would quote
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
