"""`jaxad explain`: a saved detector and a file to pictures of what its scores come from."""

from pathlib import Path
from typing import get_args

import numpy as np
from jaxtyping import Float

from jaxad.cli.explain_table import CSV, of_table
from jaxad.cli.options import Explain
from jaxad.cli.saved import Saved, open_saved
from jaxad.data import Table, load_table
from jaxad.data.text.documents import read_texts
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.scoring import score as score_models
from jaxad.explain.attribution import AttributionMethod, attributions
from jaxad.explain.heat_maps import heatmap_kind, heatmaps
from jaxad.explain.pictures.base import check_picture
from jaxad.explain.pictures.maps import draw_heatmaps
from jaxad.explain.pixels import pixel_auroc
from jaxad.explain.text import attention_page, top_words
from jaxad.utils.files import check_writable, written_whole

__all__ = ["execute"]

HIGHEST, LOWEST = "highest.png", "lowest.png"
PAGE = "texts.html"
AT_ONCE = 256


def execute(options: Explain) -> int:
    """Explain the scores of a file's rows, and write pictures into a folder.

    Returns:
        The exit code, 0.

    Raises:
        ConfigError: There is no explanation for such a detector, or of that kind.
    """
    saved = open_saved(options.folder)
    if saved.fitted.detector.lexicon is not None:
        return _texts(saved, options)
    if len(saved.shape) == 1:
        _check_out(options, (HIGHEST, LOWEST, CSV))
        return of_table(saved, options, options.out / HIGHEST, options.out / LOWEST)
    if len(saved.shape) != 3:
        raise ConfigError(
            f"the detector in {options.folder} takes examples of shape {saved.shape}; what is "
            "explained are tables, images, (height, width, channels), and texts"
        )
    if options.label is not None:
        raise ConfigError("--label is of tables; images have none")
    return _images(saved, options)


def _texts(saved: Saved, options: Explain) -> int:
    """A page of the texts with the highest and the lowest scores, and the words of contexts."""
    _check_out(options, (PAGE,))
    if options.kind != "auto" or options.sigma is not None:
        raise ConfigError("--kind and --sigma are of heat maps; texts have none")
    if options.label is not None:
        raise ConfigError("--label is of tables; texts have none")
    texts = read_texts(options.data).text
    scores = score_models(saved.fitted, texts).mean(axis=0)
    order = np.argsort(-scores, kind="stable").tolist()
    rows = dict.fromkeys([*order[: options.most], *order[::-1][: options.most]])
    words = top_words(saved.fitted, texts)
    shown = [texts[i] for i in rows]
    page = attention_page(
        saved.fitted, shown, rows=list(rows), words=words, title=options.data.name
    )
    with written_whole((options.out / PAGE).absolute()) as partial:
        partial.write_text(page)
    print(f"{len(texts)} texts scored; attention of the first seed in {options.out / PAGE}")
    for k, of_context in enumerate(words, 1):
        print(f"Context {k}: {', '.join(word for word, _ in of_context)}")
    return 0


def _images(saved: Saved, options: Explain) -> int:
    """Heat maps of the images with the highest and with the lowest scores."""
    _check_out(options, (HIGHEST, LOWEST))
    attributed = options.kind in get_args(AttributionMethod) and options.kind != "auto"
    kind = options.kind if attributed else heatmap_kind(saved.fitted, options.kind)
    if attributed and options.sigma is not None:
        raise ConfigError(f"--sigma blurs heat maps; --kind {kind} is not blurred")
    table = load_table(options.data)
    if table.x.shape[1:] != saved.shape:
        raise DataError(
            f"{options.data}: rows have shape {table.x.shape[1:]}; the detector in "
            f"{options.folder} was trained on {saved.shape}"
        )
    x = saved.scaled(table.x)
    scores = score_models(saved.fitted, x).mean(axis=0)
    order = np.argsort(-scores, kind="stable")
    for name, rows in ((HIGHEST, order[: options.most]), (LOWEST, order[::-1][: options.most])):
        _draw(saved, table, x, scores, rows, options.out / name, options)
    print(
        f"{len(x)} images scored with {saved.fitted.seeds} seed(s); heat maps of kind {kind} in "
        f"{options.out / HIGHEST} and {options.out / LOWEST}"
    )
    if table.mask is not None and 0 < table.mask.mean() < 1:
        parts = [x[i : i + AT_ONCE] for i in range(0, len(x), AT_ONCE)]
        maps = np.concatenate([_maps(saved, part, options) for part in parts])
        pooled, per_image = pixel_auroc(maps, table.mask)
        print(f"Pixel AUROC {100 * pooled:.1f}; mean over images {100 * per_image:.1f}")
    return 0


def _draw(
    saved: Saved,
    table: Table,
    x: np.ndarray,
    scores: np.ndarray,
    rows: np.ndarray,
    path: Path,
    options: Explain,
) -> None:
    """A picture of some rows."""
    shown = x[rows]
    if shown.dtype != np.uint8 and not (shown.min() >= 0 and shown.max() <= 1):
        shown = (shown - x.min()) / max(x.max() - x.min(), 1e-12)
    masks = None if table.mask is None else table.mask[rows]
    titles = [f"row {row}: {scores[row]:.3g}" for row in rows]
    draw_heatmaps(path, shown, _maps(saved, x[rows], options), masks, titles=titles)


def _maps(saved: Saved, x: np.ndarray, options: Explain) -> Float[np.ndarray, "n height width"]:
    """Heat maps, the mean over seeds; of attributions the absolute values."""
    if options.kind in ("lrp", "residuals", "integrated_gradients", "gradient_x_input"):
        return np.abs(attributions(saved.fitted, x, options.kind)).sum(axis=-1)
    return heatmaps(saved.fitted, x, options.kind, sigma=options.sigma).mean(axis=0)


def _check_out(options: Explain, names: tuple[str, ...]) -> None:
    """Raise before anything is computed if the pictures cannot be written."""
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
