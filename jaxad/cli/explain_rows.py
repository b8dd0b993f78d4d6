"""`jaxad explain` for tables: bars of columns, and a csv file of attributions."""

import csv
from pathlib import Path
from typing import cast, get_args

import numpy as np

from jaxad.cli.options import Explain
from jaxad.cli.options.common import read_table_options
from jaxad.cli.outputs import name_ids
from jaxad.errors import ConfigError, DataError
from jaxad.explain.attribution import AttributionMethod, attribution_methods, attributions
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
        The exit code, 0.

    Raises:
        ConfigError: There are no attributions of that kind.
        DataError: The file has no row that can be scored.
    """
    if options.sigma is not None:
        raise ConfigError("--sigma applies only to heat maps of images")
    method = _choose_method(saved, options)
    names = saved.features
    how = read_table_options(options)
    kept, count, bad = None, 0, 0
    with write_atomically((options.out / CSV).absolute()) as partial, partial.open("w") as file:
        writer = csv.writer(file, lineterminator="\n")
        for part in saved.score_file(options.data, how):
            if not count:
                writer.writerow(escape_csv_row([name_ids(part.id), "score", *names]))
            if part.good.any():
                new = _attribute(saved, method, part, count)
                ids = new.row if part.ids is None else part.ids.filter(part.good).to_pylist()
                lines = zip(ids, new.score, new.value, strict=True)
                writer.writerows(
                    [escape_csv(row), _format(s), *map(_format, value)] for row, s, value in lines
                )
                kept = (new if kept is None else kept.join(new)).keep_extremes(options.most)
            count, bad = count + part.count, bad + len(part.bad)
        if kept is None:
            raise DataError(f"{options.data}: none of {count} rows could be scored")
    order = np.argsort(-kept.score, kind="stable")
    for path, rows in ((highest, order[: options.most]), (lowest, order[::-1][: options.most])):
        titles = [f"row {kept.row[i]}: {kept.score[i]:.3g}" for i in rows]
        draw_attributions(path, kept.value[rows], names, x=kept.x[rows], titles=titles)
    skipped = f", {bad} of them could not be scored" if bad else ""
    print(
        f"{count} rows read{skipped}; attributions by {method} of {saved.fitted.seeds} seed(s) in "
        f"{options.out / CSV}, the highest and lowest scores in {highest} and {lowest}"
    )
    return 0


def _choose_method(saved: SavedDetector, options: Explain) -> AttributionMethod:
    """Return the method of attribution of `--kind`, or the detector's own.

    Raises:
        ConfigError: The kind is one of heat maps, or the detector has no such attributions.
    """
    having = attribution_methods(saved.fitted)
    known = ", ".join(having) or "none"
    if options.kind in get_args(HeatmapKind) and options.kind != "auto":
        raise ConfigError(
            f"--kind {options.kind} applies only to images; this detector of tables has the "
            f"attributions {known}"
        )
    if not having or options.kind not in ("auto", *having):
        raise ConfigError(
            f"--kind {options.kind}: {saved.fitted.detector.name!r} has no such attributions; it "
            f"has {known}"
        )
    return cast(AttributionMethod, having[0] if options.kind == "auto" else options.kind)


def _attribute(
    saved: SavedDetector, method: AttributionMethod, part: ScoredRows, start: int
) -> AttributedRows:
    """Return the rows of a piece that have a score, with their attributions."""
    good = part.good
    x = part.x[good]
    values = attributions(saved.fitted, saved.scale(x), method)
    return AttributedRows(start + np.flatnonzero(good), part.mean[good], x, values)


def _format(value: float) -> str:
    return f"{value:.6g}"
