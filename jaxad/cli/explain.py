"""`jaxad explain`: draw what the scores of a saved detector come from."""

from typing import get_args

import numpy as np

from jaxad.cli.explain_rows import CSV, explain_table
from jaxad.cli.explain_series import explain_timestamps
from jaxad.cli.options import Explain
from jaxad.cli.options.common import read_table_options
from jaxad.cli.outputs import check_outside
from jaxad.cli.score import BAD_ROWS
from jaxad.data import Table, load_table
from jaxad.data.images.layouts import is_image_source
from jaxad.data.tables.options import TableOptions
from jaxad.data.text.documents import read_texts
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.scoring import score as score_models
from jaxad.explain.attribution import AttributionMethod
from jaxad.explain.images import choose_map_kind, compute_maps, stretch_contrast
from jaxad.explain.pictures.base import check_picture
from jaxad.explain.pictures.maps import draw_heatmaps
from jaxad.explain.pixels import pixel_auroc
from jaxad.explain.text import attention_page, top_words
from jaxad.saving import SavedDetector, open_detector
from jaxad.saving.pictures import load_pictures_to_explain
from jaxad.utils.escaping import escape_label
from jaxad.utils.files import check_writable, write_atomically

__all__ = ["execute"]

HIGHEST, LOWEST = "highest.png", "lowest.png"
PAGE = "texts.html"


def execute(options: Explain) -> int:
    """Explain the scores of a file's rows, and write pictures into a folder.

    Returns:
        The exit code: 0, or 3 where some rows could not be scored.

    Raises:
        ConfigError: There is no explanation of this kind for the detector.
    """
    saved = open_detector(options.folder)
    if saved.series is not None:
        _check_out(options, ())
        return explain_timestamps(saved, options)
    if options.threshold is not None:
        raise ConfigError("--threshold applies only to series")
    if saved.fitted.detector.lexicon is not None:
        return _explain_texts(saved, options)
    if len(saved.shape) == 1:
        _check_out(options, (HIGHEST, LOWEST, CSV))
        return explain_table(saved, options, options.out / HIGHEST, options.out / LOWEST)
    if len(saved.shape) != 3:
        raise ConfigError(
            f"FOLDER: the detector in {options.folder} takes examples of shape {saved.shape}; only "
            "tables, images of shape (height, width, channels) and texts can be explained"
        )
    _refuse_table_options(options, "images")
    return _explain_images(saved, options)


def _explain_texts(saved: SavedDetector, options: Explain) -> int:
    """Write a page of the texts with the highest and the lowest scores, with attention weights."""
    _check_out(options, (PAGE,))
    if options.kind != "auto" or options.sigma is not None:
        raise ConfigError("--kind and --sigma apply only to tables and images, not to texts")
    _refuse_table_options(options, "texts")
    texts = read_texts(options.data).text
    scores = score_models(saved.fitted, texts).mean(axis=0)
    order = np.argsort(-scores, kind="stable").tolist()
    rows = dict.fromkeys([*order[: options.most], *order[::-1][: options.most]])
    words = top_words(saved.fitted, texts)
    shown = [texts[i] for i in rows]
    page = attention_page(
        saved.fitted, shown, rows=list(rows), words=words, title=options.data.name
    )
    with write_atomically((options.out / PAGE).absolute()) as partial:
        partial.write_text(page)
    print(f"{len(texts)} texts scored; attention of the first seed in {options.out / PAGE}")
    for k, of_context in enumerate(words, 1):
        print(f"Context {k}: {', '.join(word for word, _ in of_context)}")
    return 0


def _explain_images(saved: SavedDetector, options: Explain) -> int:
    """Draw heat maps of the images with the highest and with the lowest scores."""
    _check_out(options, (HIGHEST, LOWEST))
    check_outside("--out", options.out, options.data)
    kind = choose_map_kind(saved.fitted, options.kind)
    if options.sigma is not None and kind in get_args(AttributionMethod):
        raise ConfigError(f"--sigma smooths heat maps; --kind {kind} is not smoothed")
    table, skipped = _load_images(saved, options)
    if table.x.shape[1:] != saved.shape:
        raise DataError(
            f"{options.data}: rows have shape {table.x.shape[1:]}; the detector in "
            f"{options.folder} was trained on {saved.shape}"
        )
    x = saved.scale(table.x)
    scores = score_models(saved.fitted, x).mean(axis=0)
    order = np.argsort(-scores, kind="stable")
    for name, rows in ((HIGHEST, order[: options.most]), (LOWEST, order[::-1][: options.most])):
        maps = compute_maps(saved.fitted, x[rows], kind, sigma=options.sigma)
        masks = None if table.mask is None else table.mask[rows]
        titles = [f"{_name(table, row)}: {scores[row]:.3g}" for row in rows]
        draw_heatmaps(options.out / name, stretch_contrast(x[rows], x), maps, masks, titles=titles)
    print(
        f"{len(x)} images scored with {saved.fitted.seeds} seed(s); heat maps of kind {kind} in "
        f"{options.out / HIGHEST} and {options.out / LOWEST}"
    )
    if table.mask is not None and 0 < table.mask.mean() < 1:
        maps = compute_maps(saved.fitted, x, kind, sigma=options.sigma)
        pooled, per_image = pixel_auroc(maps, table.mask)
        print(f"Pixel AUROC {100 * pooled:.1f}; mean over images {100 * per_image:.1f}")
    return BAD_ROWS if skipped else 0


def _load_images(saved: SavedDetector, options: Explain) -> tuple[Table, int]:
    """Return the images that can be read, and how many cannot."""
    if not is_image_source(options.data):
        return load_table(options.data), 0
    table = load_pictures_to_explain(saved, str(options.data))
    return table.drop_bad(str(options.data)), len(table.bad or {})


def _name(table: Table, row: int) -> str:
    return f"row {row}" if table.ids is None else escape_label(str(table.ids[row]))


def _refuse_table_options(options: Explain, kind: str) -> None:
    if read_table_options(options) != TableOptions():
        raise ConfigError(
            f"--label and the other options of tables apply only to tables, not to {kind}"
        )


def _check_out(options: Explain, names: tuple[str, ...]) -> None:
    """Raise before anything is computed if the files cannot be written."""
    if options.most < 1:
        raise ConfigError(f"--most {options.most} must be at least 1")
    check_picture(HIGHEST)
    if options.out.exists() and not options.out.is_dir():
        raise ConfigError(f"--out {options.out} is a file; give a folder")
    there = [name for name in names if (options.out / name).exists()]
    if there and not options.force:
        raise ConfigError(
            f"--out {options.out} has {there[0]} already; give another folder, or --force"
        )
    check_writable(options.out.absolute())
