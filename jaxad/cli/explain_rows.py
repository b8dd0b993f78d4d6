"""`jaxad explain` for tables: bars of columns, and a csv file of attributions."""

import csv
from pathlib import Path
from typing import Any, get_args

import numpy as np
from jaxtyping import Int

from jaxad.cli.options import Explain
from jaxad.cli.options.common import read_table_options
from jaxad.cli.outputs import name_ids
from jaxad.cli.score import BAD_ROWS
from jaxad.data.tables.encoding import make_unique
from jaxad.data.tables.labels import as_text, is_number
from jaxad.errors import ConfigError, DataError
from jaxad.explain.attribution import attribution_methods
from jaxad.explain.columns import OCCLUSION, add_events, attribute_columns, choose_method
from jaxad.explain.heat_maps import HeatmapKind
from jaxad.explain.pictures.bars import draw_attributions
from jaxad.explain.tables import AttributedRows
from jaxad.saving import SavedDetector, ScoredRows
from jaxad.utils.escaping import escape_csv, escape_csv_row
from jaxad.utils.files import write_atomically

__all__ = ["CSV", "explain_table"]

CSV = "attributions.csv"


def explain_table(saved: SavedDetector, options: Explain, highest: Path, lowest: Path) -> int:
    """Write the attributions of all rows, and draw those with the highest and the lowest scores.

    Rows are read piece by piece.

    Returns:
        The exit code: 0, or 3 where some rows could not be scored.

    Raises:
        ConfigError: There are no attributions of that kind.
        DataError: The file has no row that can be scored.
    """
    if options.sigma is not None:
        raise ConfigError("--sigma applies only to heat maps of images")
    method = _choose_method(saved, options)
    names = saved.inputs
    notes = ["events"] if saved.encoding is not None else []
    how = read_table_options(options)
    kept, count, bad, unknown = None, 0, 0, 0
    with write_atomically((options.out / CSV).absolute()) as partial, partial.open("w") as file:
        writer = csv.writer(file, lineterminator="\n")
        for part in saved.score_file(options.data, how):
            if not count:
                header = make_unique([name_ids(part.id), "score", *names, *notes])
                writer.writerow(escape_csv_row(header))
            if part.good.any():
                new = _attribute(saved, method, part, count)
                ids = new.row if part.ids is None else part.ids.filter(part.good).to_pylist()
                for row, s, value, note in zip(ids, new.score, new.value, new.note, strict=True):
                    told = [note] if notes else []
                    writer.writerow([escape_csv(row), _format(s), *map(_format, value), *told])
                unknown += int(np.sum(new.note != ""))
                new = new.keep_extremes(options.most)
                new = new._replace(x=_list_cells(saved, part, new.row - count))
                kept = (new if kept is None else kept.join(new)).keep_extremes(options.most)
            count, bad = count + part.count, bad + len(part.bad)
        if kept is None:
            raise DataError(f"{options.data}: none of {count} rows could be scored")
    order = np.argsort(-kept.score, kind="stable")
    for path, rows in ((highest, order[: options.most]), (lowest, order[::-1][: options.most])):
        titles = [_make_title(kept, i) for i in rows.tolist()]
        draw_attributions(path, kept.value[rows], names, x=kept.x[rows], titles=titles)
    skipped = f", {bad} of them could not be scored" if bad else ""
    print(
        f"{count} rows read{skipped}; attributions by {method} of {saved.fitted.seeds} seed(s) in "
        f"{options.out / CSV}, the highest and lowest scores in {highest} and {lowest}"
    )
    if unknown:
        print(
            f"{unknown} rows have values that training hardly saw; the column events of "
            f"{options.out / CSV} describes them"
        )
    return BAD_ROWS if bad else 0


def _choose_method(saved: SavedDetector, options: Explain) -> str:
    """Return the method of attribution of `--kind`, by default the detector's own.

    Raises:
        ConfigError: The kind is one of heat maps, or the detector has no such attributions.
    """
    having = [*attribution_methods(saved.fitted), OCCLUSION]
    known = ", ".join(having)
    if options.kind in get_args(HeatmapKind) and options.kind != "auto":
        raise ConfigError(
            f"--kind {options.kind} applies only to images; this detector of tables has the "
            f"attributions {known}"
        )
    if options.kind not in ("auto", *having):
        raise ConfigError(
            f"--kind {options.kind}: {saved.fitted.detector.name!r} has no such attributions; it "
            f"has {known}"
        )
    return choose_method(saved.fitted, options.kind)


def _attribute(saved: SavedDetector, method: str, part: ScoredRows, start: int) -> AttributedRows:
    """Return the rows of a piece that have a score, with the contributions of their columns."""
    good = part.good
    scaled = saved.scale(part.x[good])
    values = attribute_columns(saved.fitted, scaled, saved.sources, len(saved.inputs), method)
    notes = np.full(len(values), "", object)
    if part.events is not None:
        events = part.events.select(good)
        add_events(values, events, part.raised[good])
        notes[:] = events.texts
    row = start + np.flatnonzero(good)
    return AttributedRows(row, part.mean[good], np.zeros_like(values), values, notes)


def _list_cells(saved: SavedDetector, part: ScoredRows, rows: Int[np.ndarray, "k"]) -> np.ndarray:
    """Return `(k, d)` the values of some rows of a piece as the file has them, numbers as such."""
    if saved.encoding is None or part.table is None:
        return part.x[rows]
    cells = np.full((len(rows), len(saved.inputs)), "", object)
    for place, name in enumerate(saved.inputs):
        if name in part.table.column_names:  # else it was left out of training
            cells[:, place] = [_read_cell(v) for v in part.table[name].take(rows).to_pylist()]
    return cells


def _read_cell(value: Any) -> float | str:
    text = as_text(value)
    return "nothing" if text is None else float(text) if is_number(text) else text


def _make_title(rows: AttributedRows, i: int) -> str:
    """Return the title of a row: its score, and its rarest event on a line of its own."""
    title = f"row {rows.row[i]}: {rows.score[i]:.3g}"
    first = str(rows.note[i]).split("; ")[0]
    return f"{title}\n{first[:40]}" if first else title


def _format(value: float) -> str:
    return f"{value:.6g}"
