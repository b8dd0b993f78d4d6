"""The page of `jaxad explain` for images."""

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxad.explain.defects import DefectRow
from jaxad.explain.pictures.overlays import MapScale
from jaxad.report.page import make_document, make_rows

__all__ = ["ImageSummary", "list_defects", "render_images", "summarise_images"]

_HEADER = ["defect", "images", "regions", "AUROC of images", "AUROC of pixels",
           "mean over images", "AUPRO"]  # fmt: skip
_STYLE = """<style>
.images { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: 1rem }
figure { margin: 0 }
figcaption { overflow-wrap: anywhere; font-size: 13px }
</style>"""


class ImageSummary(NamedTuple):
    """What a page says of the images that were explained.

    Attributes:
        data: The file or folder of the images.
        model: The folder of the detector.
        kind: The kind of the heat maps.
        seeds: The number of seeds.
        names: `(n,)` the names of the images.
        scores: `(n,)` their scores; NaN for images that have none.
        bad: Why an image has no score, by its name.
        scale: The scale of colours.
        defects: The metrics of all defects and of each kind; () without masks.
        above: The fractions of the unmarked and of the marked pixels above the threshold; None
            without masks.
    """

    data: str
    model: str
    kind: str
    seeds: int
    names: Sequence[str]
    scores: np.ndarray
    bad: dict[str, str]
    scale: MapScale
    defects: Sequence[DefectRow] = ()
    above: tuple[float, float] | None = None


def summarise_images(summary: ImageSummary) -> list[str]:
    """Return what was found, a sentence each."""
    scored = np.flatnonzero(np.isfinite(summary.scores)).tolist()
    best = max(scored, key=lambda i: summary.scores[i])
    count = "1 image was" if len(scored) == 1 else f"{len(scored)} images were"
    lines = [
        f"{count} scored; the highest score is {summary.scores[best]:.4g}, of "
        f"{summary.names[best]}, and the median is {np.median(summary.scores[scored]):.4g}"
    ]
    if summary.bad:
        lines.append(f"{len(summary.bad)} could not be scored")
    if summary.defects:
        found, pixels = summary.defects[0], summary.defects[0].pixels
        lines.append(
            f"{found.images} images have {pixels.regions} marked regions; AUPRO "
            f"{_percent(pixels.aupro)}, AUROC of pixels {_percent(pixels.auroc)}"
        )
    lines.append(
        f"Heat maps of kind {summary.kind}"
        + (f", means over {summary.seeds} seeds" if summary.seeds > 1 else "")
        + f". All have one scale: colour begins at the threshold {summary.scale.low:.4g} and is "
        f"strongest from {summary.scale.high:.4g} on"
    )
    if summary.above is not None:
        unmarked, marked = summary.above
        lines.append(
            f"{_percent(unmarked)} % of the unmarked and {_percent(marked)} % of the marked pixels "
            "of all images are above the threshold"
        )
    return lines


def list_defects(defects: Sequence[DefectRow]) -> list[list[str]]:
    """Return the table of defects as text, in percent, with its header."""
    rows = [_HEADER]
    for one in defects:
        pixels = one.pixels
        counts = [str(one.images), str(pixels.regions)]
        numbers = [one.auroc, pixels.auroc, pixels.per_image, pixels.aupro]
        rows.append([one.kind, *counts, *map(_percent, numbers)])
    return rows


def render_images(summary: ImageSummary, shown: Mapping[str, Sequence[tuple[int, Path]]]) -> str:
    """Return an HTML page that needs no other file.

    Args:
        summary: What was found.
        shown: The images of each section, by its title: their numbers and pictures.
    """
    title = f"Heat maps of {summary.data}"
    parts = [_STYLE, f"<h1>{html.escape(title)}</h1>"]
    parts += [f"<p>{html.escape(line)}.</p>" for line in summarise_images(summary)]
    parts.append(
        "<p>The line around pixels is the border of the true mask, where there is one. "
        f"Detector: {html.escape(summary.model)}.</p>"
    )
    if summary.defects:
        parts += ["<h2>Defects</h2>", make_rows(list_defects(summary.defects))]
        parts.append(
            "<p>All in percent. AUROC of images: the scores of a kind against those of images "
            "without a marked pixel. AUROC of pixels: the marked pixels of a kind against the "
            "unmarked pixels of all images, and the mean over images of the AUROC within each. "
            "AUPRO: the area under the per-region overlap up to a false-positive rate of 30 %, "
            "divided by 0.3 (Bergmann et al. 2021).</p>"
        )
    for section, images in shown.items():
        parts.append(f"<h2>{html.escape(section)}</h2>")
        figures = "".join(_figure(summary, row, path) for row, path in images)
        parts.append(f'<div class="images">{figures}</div>')
    if summary.bad:
        parts.append("<h2>Not scored</h2>")
        parts.append(make_rows([["image", "reason"], *map(list, summary.bad.items())]))
    return make_document(title, parts)


def _figure(summary: ImageSummary, row: int, path: Path) -> str:
    name = html.escape(summary.names[row])
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{name}, and its heat map over it">'
        f"<figcaption>{name}: score {summary.scores[row]:.4g}</figcaption></figure>"
    )


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.1f}"
