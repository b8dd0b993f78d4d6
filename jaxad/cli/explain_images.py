"""`jaxad explain` for images: overlays, sheets of the extremes, metrics of pixels, and a page."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import numpy as np

from jaxad.cli.image_parts import ExplainedImages, ImagePart, ScoredImages, ShownImages
from jaxad.cli.options import Explain
from jaxad.cli.outputs import name_ids
from jaxad.cli.score import BAD_ROWS
from jaxad.errors import ConfigError
from jaxad.explain.attribution import AttributionMethod
from jaxad.explain.defects import measure_defects
from jaxad.explain.images import choose_map_kind
from jaxad.explain.pictures.overlays import (
    SHOWN,
    MapScale,
    choose_scale,
    draw_sheet,
    make_overlay_painter,
)
from jaxad.report.images import ImageSummary, list_defects, render_images
from jaxad.saving import SavedDetector
from jaxad.utils.escaping import escape_csv, escape_csv_row
from jaxad.utils.files import write_atomically
from jaxad.utils.safe_names import make_file_names

__all__ = ["HIGHEST", "IMAGE_FILES", "LOWEST", "draw_explanations"]

HIGHEST, LOWEST, PAGE, CSV, OVERLAYS = (
    "highest.png", "lowest.png", "images.html", "images.csv", "overlays",
)  # fmt: skip
IMAGE_FILES = (HIGHEST, LOWEST, PAGE, CSV, OVERLAYS)


def draw_explanations(
    saved: SavedDetector, options: Explain, parts: Callable[[], Iterator[ImagePart]]
) -> int:
    """Write overlays, sheets, a list and a page of images.

    Args:
        saved: The detector.
        options: The options of the command.
        parts: A function that reads the images from the beginning, part by part.

    Returns:
        The exit code: 0, or 3 where some images could not be scored.

    Raises:
        ConfigError: The detector has no heat maps of that kind.
        DataError: No image can be scored.
    """
    kind = choose_map_kind(saved.fitted, options.kind)
    if options.sigma is not None and kind in get_args(AttributionMethod):
        raise ConfigError(f"--sigma smooths heat maps; --kind {kind} is not smoothed")
    images = ExplainedImages(saved, str(options.data), parts, kind, options.sigma)
    scored = images.score()
    order = np.argsort(-np.where(scored.good, scored.score, np.inf), kind="stable")
    order = order[scored.good[order]].tolist()
    ends = {HIGHEST: order[: options.most], LOWEST: order[::-1][: options.most]}
    first = {row for rows in ends.values() for row in rows[:SHOWN]}
    shown = ShownImages({}, {}, {})
    for part in images.read(scored, first):
        shown.image.update(part.image)
        shown.map.update(part.map)
        shown.mask.update(part.mask)
    finite = [values for values in shown.map.values() if np.isfinite(values).all()]
    scale = choose_scale(np.stack(finite)) if finite else MapScale(0.0, 1.0)
    for name, rows in ends.items():
        _draw_ends(options.out / name, rows[:SHOWN], shown, scored, scale)
    drawn = sorted(order) if options.all else sorted({*ends[HIGHEST], *ends[LOWEST]})
    for path in _find_overlays(options.out):
        (options.out / path).unlink(missing_ok=True)
    paths = _draw_overlays(images, options.out, scored, scale, drawn, shown)
    _write_list(options.out / CSV, saved, scored, paths)
    summary = _summarise(saved, options, kind, scored, scale)
    sections = {
        f"{title} scores": [(row, options.out / paths[row]) for row in ends[name][:SHOWN]]
        for title, name in (("Highest", HIGHEST), ("Lowest", LOWEST))
    }
    with write_atomically((options.out / PAGE).absolute()) as partial:
        partial.write_text(render_images(summary, sections), encoding="utf-8")
    _report(options, summary, len(drawn))
    return BAD_ROWS if scored.bad else 0


def _draw_ends(
    path: Path, rows: list[int], shown: ShownImages, scored: ScoredImages, scale: MapScale
) -> None:
    masks = [shown.mask[row] for row in rows]
    draw_sheet(
        path,
        np.stack([shown.image[row] for row in rows]),
        np.stack([shown.map[row] for row in rows]),
        None if any(mask is None for mask in masks) else np.stack(masks),  # pyright: ignore
        names=[scored.names[row] for row in rows],
        scores=scored.score[rows],
        scale=scale,
    )


def _draw_overlays(
    images: ExplainedImages,
    out: Path,
    scored: ScoredImages,
    scale: MapScale,
    drawn: list[int],
    known: ShownImages,
) -> dict[int, Path]:
    """Draw an overlay of each of some images, and return their paths within the folder."""
    titles = [name.replace(" ", "_") if scored.id is None else name for name in scored.names]
    names, wanted = make_file_names(titles, ".png"), set(drawn)
    paths = {row: Path(OVERLAYS, names[row]) for row in drawn}
    pieces = [known] if wanted <= set(known.map) else images.read(scored, wanted)
    high, wide = images.saved.shape[:2]
    paint = make_overlay_painter((high, wide), scale)
    for piece in pieces:
        for row, image in piece.image.items():
            if row not in wanted:
                continue
            path = out / paths[row]
            path.parent.mkdir(parents=True, exist_ok=True)
            title = f"{scored.names[row]}: score {scored.score[row]:.4g}"
            if not np.isfinite(piece.map[row]).all():
                title += "; the heat map is not finite"
            paint(path, image, piece.map[row], piece.mask[row], title)
    return paths


def _find_overlays(out: Path) -> set[Path]:
    """Return the overlays that the list of an earlier call names, as paths within the folder."""
    try:
        with (out / CSV).open(newline="", encoding="utf-8") as file:
            named = {Path(row.get("overlay") or "") for row in csv.DictReader(file)}
    except (OSError, ValueError, csv.Error):  # no list, or not one of ours
        return set()
    return {
        path
        for path in named
        if path.parts[:1] == (OVERLAYS,) and ".." not in path.parts and path.suffix == ".png"
    }


def _write_list(
    path: Path, saved: SavedDetector, scored: ScoredImages, paths: dict[int, Path]
) -> None:
    """Write a line for each image: its name, kind, score and overlay."""
    header = [name_ids(scored.id), *(["kind"] if scored.kinds else []), "score"]
    limit = saved.threshold
    header += [] if limit is None else ["anomaly"]
    with write_atomically(path.absolute()) as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(escape_csv_row([*header, "overlay"]))
        for row, value in enumerate(scored.score.tolist()):
            has = np.isfinite(value)
            cells = [row if scored.id is None else escape_csv(scored.names[row])]
            cells += [escape_csv(scored.kinds[row])] if scored.kinds else []
            cells += [f"{value:.7g}" if has else "nan"]
            cells += [] if limit is None else [str(int(value > limit)) if has else ""]
            cells += [escape_csv(paths[row].as_posix()) if row in paths else ""]
            writer.writerow(cells)


def _summarise(
    saved: SavedDetector, options: Explain, kind: str, scored: ScoredImages, scale: MapScale
) -> ImageSummary:
    summary = ImageSummary(
        str(options.data), str(options.folder), kind, saved.fitted.seeds, scored.names,
        scored.score, scored.bad, scale,
    )  # fmt: skip
    pixels = scored.pixels
    if pixels is None or not len(pixels.marked) or not len(pixels.unmarked):
        return summary
    good = scored.good
    kinds = scored.kinds and [k for k, has in zip(scored.kinds, good, strict=True) if has]
    below = np.searchsorted(pixels.unmarked, scale.low, "right")
    above = (1 - below / len(pixels.unmarked), float(np.mean(pixels.marked > scale.low)))
    return summary._replace(defects=measure_defects(pixels, scored.score[good], kinds), above=above)


def _report(options: Explain, summary: ImageSummary, drawn: int) -> None:
    """Print what was done, and the metrics of pixels."""
    count = int(np.isfinite(summary.scores).sum())
    out = options.out
    print(
        f"{count} images scored with {summary.seeds} seed(s); heat maps of kind {summary.kind} in "
        f"{out / HIGHEST} and {out / LOWEST}, {drawn} overlays in {out / OVERLAYS}; all of it on "
        f"the page {out / PAGE}"
    )
    if summary.bad:
        name, why = next(iter(summary.bad.items()))
        print(f"{len(summary.bad)} of the images could not be scored; the first: {name}: {why}")
    if not summary.defects:
        return
    found = summary.defects[0].pixels
    print(
        f"Pixel AUROC {100 * found.auroc:.1f}; mean over images {100 * found.per_image:.1f}; "
        f"AUPRO {100 * found.aupro:.1f}"
    )
    if len(summary.defects) > 1:
        table = list_defects(summary.defects)
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for first, *cells in table:
            numbers = (c.rjust(w) for c, w in zip(cells, widths[1:], strict=True))
            print("  ".join([first.ljust(widths[0]), *numbers]).rstrip())
