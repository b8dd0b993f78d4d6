"""Scalings that are fitted on training rows and applied to any rows."""

from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float, Num

from jaxad.data.arrays import MAX_FLOAT32, as_documents, as_rows
from jaxad.data.image_range import ImageRange, check_image_range, measure_images
from jaxad.errors import ConfigError, DataError, unknown_name

__all__ = ["KINDS", "SCALINGS", "Scaling", "ScalingKind", "fit_scaling"]

ScalingKind = Literal["auto", "standard", "minmax", "range", "gcn", "none"]
SCALINGS = tuple(kind for kind in get_args(ScalingKind) if kind != "auto")
KINDS = (*SCALINGS, "words")  # text is not scaled


class Scaling(NamedTuple):
    """A fitted scaling of raw rows, `(x - shift) / scale`.

    There is one constant for each index of the last axis: a column of a table, or a channel of
    images or windows. Constants of several seeds have a leading seed axis.

    Attributes:
        kind: One of `SCALINGS`, or "words" for text, which is not scaled.
        shift: `(d,)` or `(seeds, d)` float64.
        scale: `(d,)` or `(seeds, d)` float64, above 0.
        images: The range of the training images; None for other rows, and if it is not known.
    """

    kind: str
    shift: Float[np.ndarray, "*seeds d"]
    scale: Float[np.ndarray, "*seeds d"]
    images: ImageRange | None = None

    def apply(self, x: Num[np.ndarray, "n *shape"]) -> Num[np.ndarray, "..."]:
        """Scale raw rows as the training rows were scaled, without clipping.

        Args:
            x: `(n, ...)` raw rows with the columns or channels of the training rows.

        Returns:
            `(n, ...)` float32 rows, or `(seeds, n, ...)` with constants of several seeds; under
            "none" uint8 images stay uint8. Values beyond float32 become its largest number.

        Raises:
            DataError: The rows are not finite numbers, have another number of columns or channels,
                or are images in another range than those of training.
        """
        if self.kind == "words":
            rows = as_documents(x, np.iinfo(np.int32).max, self.shift.shape[-1])
            return rows if self.shift.ndim == 1 else np.repeat(rows[None], len(self.shift), axis=0)
        x = as_rows(x, at_least=1)
        if x.shape[-1] != self.shift.shape[-1]:
            raise DataError(
                f"x has {x.shape[-1]} columns or channels; the scaling was fitted on "
                f"{self.shift.shape[-1]}: give the columns of training"
            )
        if self.kind != "gcn":  # which does not depend on the range
            check_image_range(x, self.images, scaled=self.kind != "none")
        rows = _normalise_contrast(x) if self.kind == "gcn" else x
        dtype = np.float64 if rows.dtype == np.float64 else np.float32
        shift, scale = self.shift.astype(dtype), self.scale.astype(dtype)
        if shift.ndim == 2:
            axes = tuple(range(1, rows.ndim))
            shift, scale = np.expand_dims(shift, axes), np.expand_dims(scale, axes)
        if self.kind == "none":
            rows = rows if rows.dtype == np.uint8 else rows.astype(np.float32, copy=False)
            return np.repeat(rows[None], len(shift), axis=0) if shift.ndim > 1 else rows
        with np.errstate(over="ignore"):
            rows = (rows - shift) / scale
        return np.clip(rows, -MAX_FLOAT32, MAX_FLOAT32, out=rows).astype(np.float32, copy=False)


def fit_scaling(x: Num[np.ndarray, "n *shape"], kind: str = "auto") -> Scaling:
    """Fit a scaling to training rows.

    A column that is constant in the training rows has a scale of 1, as in scikit-learn: it becomes
    0 in the training rows, and keeps its raw distance from them in test rows. A column that is
    *nearly* constant, such as a border pixel that is set in one training image, is divided by its
    small spread under "standard" and "minmax", and may become very large in a test row. If all
    columns have the same unit, such as pixels, "range" avoids this.

    Args:
        x: `(n, ...)` training rows; int32 for documents as word numbers.
        kind: "standard": mean 0 and standard deviation 1 for each column or channel.
            "minmax": 0 to 1 for each column or channel.
            "range": 0 to 1 over all columns together.
            "gcn": L1 global contrast normalisation: the mean of each row is subtracted and the
            result divided by the row's mean absolute deviation, then 0 to 1 over all training rows.
            "none": no scaling.
            "auto": "none" for uint8 images and for float images within [0, 1], "minmax" for other
            images, "standard" for tables and windows.

    Returns:
        The fitted scaling.

    Raises:
        ConfigError: `kind` is unknown, or the rows are text and `kind` is neither "auto" nor
            "none".
    """
    columns = x.shape[-1]
    if x.dtype == np.int32:
        if kind not in ("auto", "none"):
            raise ConfigError(f"scaling={kind!r}: text is not scaled; give 'auto' or 'none'")
        return Scaling("words", np.zeros(columns), np.ones(columns))
    if kind == "auto":
        kind = _choose_kind(x)
    if kind not in SCALINGS:
        raise unknown_name("scaling", kind, ["auto", *SCALINGS])
    shift, scale = np.zeros(columns), np.ones(columns)
    rows = _normalise_contrast(x) if kind == "gcn" else x
    over = tuple(range(rows.ndim - 1))
    if kind == "standard":
        shift = rows.mean(over, dtype=np.float64)
        scale = rows.std(over, dtype=np.float64)
    elif kind == "minmax":
        shift = rows.min(over).astype(np.float64)
        scale = rows.max(over) - shift
    elif kind in ("range", "gcn"):
        shift = np.full(columns, float(rows.min()))
        scale = rows.max() - shift
    # The spread of a constant column is not exactly 0: its mean is rounded.
    rounding = len(rows) * np.finfo(np.float64).eps * np.abs(shift)
    constant = scale <= np.maximum(rounding, np.finfo(np.float32).tiny)
    return Scaling(kind, shift, np.where(constant, 1.0, scale), measure_images(x))


def _choose_kind(x: np.ndarray) -> str:
    """Return the scaling that "auto" stands for with these training rows."""
    if x.dtype == np.uint8:
        return "none"
    if x.ndim == 4:
        return "none" if x.min() >= 0 and x.max() <= 1 else "minmax"
    return "standard"


def _normalise_contrast(x: np.ndarray) -> Float[np.ndarray, "n *shape"]:
    """Centre each row and divide it by its mean absolute deviation; constant rows become 0."""
    axes = tuple(range(1, x.ndim))
    with np.errstate(over="ignore", invalid="ignore"):
        rows = _centre_and_divide(x.astype(np.float32), axes)
    far = ~np.isfinite(rows).all(axes)  # sums of such rows overflow float32
    if far.any():
        rows[far] = _centre_and_divide(x[far].astype(np.float64), axes)
    return rows


def _centre_and_divide(rows: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    rows -= rows.mean(axes, keepdims=True)
    size = np.abs(rows).mean(axes, keepdims=True)
    rows /= np.where(size > 1e-6, size, 1.0)
    return rows
