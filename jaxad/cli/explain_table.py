"""What of `jaxad explain` is for tables: bars of columns, and a csv file of attributions."""

import csv
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from jaxtyping import Float, Int

from jaxad.cli.options import Explain
from jaxad.cli.saved import Saved, scored
from jaxad.errors import ConfigError, DataError
from jaxad.explain.attribution import AttributionMethod, attribution_methods, attributions
from jaxad.explain.pictures.bars import draw_attributions
from jaxad.utils.files import written_whole

__all__ = ["CSV", "method_of", "of_table"]

CSV = "attributions.csv"


class _Rows(NamedTuple):
    """Rows with their scores and attributions."""

    row: Int[np.ndarray, "n"]
    score: Float[np.ndarray, "n"]
    x: Float[np.ndarray, "n d"]
    value: Float[np.ndarray, "n d"]

    def extremes(self, most: int, new: "_Rows | None" = None) -> "_Rows":
        """The rows with the highest and with the lowest scores, of these and of new ones."""
        whole = self if new is None else _Rows(*map(np.concatenate, zip(self, new, strict=True)))
        order = np.argsort(-whole.score, kind="stable")
        kept = np.unique(np.concatenate([order[:most], order[-most:]]))
        return _Rows(*(part[kept] for part in whole))


def method_of(saved: Saved, options: Explain) -> AttributionMethod:
    """The method of attribution that is asked for, or the detector's own.

    Raises:
        ConfigError: The kind is one of heat maps, or the detector has no such attributions.
    """
    having = attribution_methods(saved.fitted)
    if options.kind in ("map", "gradient", "reconstruction"):
        raise ConfigError(
            f"--kind {options.kind} is of heat maps of images; this detector of tables has "
            f"{', '.join(having) or 'nothing'}"
        )
    if not having or options.kind not in ("auto", *having):
        name = saved.fitted.detector.name
        raise ConfigError(
            f"{name!r} has no attributions of kind {options.kind!r}; it has "
            f"{', '.join(having) or 'none'}"
        )
    return cast(AttributionMethod, having[0] if options.kind == "auto" else options.kind)


def of_table(saved: Saved, options: Explain, highest: Path, lowest: Path) -> int:
    """Write the attributions of all rows, and draw those with the highest and the lowest scores.

    Rows are read piece by piece.

    Raises:
        ConfigError: There are no attributions of that kind.
        DataError: The file has no row that can be scored.
    """
    if options.sigma is not None:
        raise ConfigError("--sigma is of heat maps; tables have none")
    method = method_of(saved, options)
    names = saved.features
    kept, count, bad = None, 0, 0
    with written_whole((options.out / CSV).absolute()) as partial, partial.open("w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "score", *names])
        for part in scored(saved, options.data, options.label):
            good = np.array([i not in part.bad for i in range(part.scores.shape[1])], bool)
            if good.any():
                new = _explained(saved, method, part, good, count)
                lines = zip(new.row, new.score, new.value, strict=True)
                writer.writerows([row, _short(s), *map(_short, value)] for row, s, value in lines)
                kept = (new if kept is None else kept).extremes(
                    options.most, None if kept is None else new
                )
            count, bad = count + len(good), bad + len(part.bad)
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


def _explained(
    saved: Saved, method: AttributionMethod, part: Any, good: np.ndarray, start: int
) -> _Rows:
    """The rows of a piece that have a score, with their attributions."""
    x = part.x[good]
    values = attributions(saved.fitted, saved.scaled(x), method)
    score = part.scores[:, good].mean(axis=0, dtype=np.float64)
    return _Rows(start + np.flatnonzero(good), score, x, values)


def _short(value: float) -> str:
    return f"{value:.6g}"
