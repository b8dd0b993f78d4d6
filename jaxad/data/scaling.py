"""Scalings that are fitted on training rows and applied to any rows."""

from collections.abc import Sequence
from functools import reduce
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float, Num

from jaxad.data.arrays import MAX_FLOAT32, as_documents, as_rows
from jaxad.data.image_range import ImageRange, check_image_range, measure_images
from jaxad.errors import ConfigError, DataError, unknown_name

__all__ = [
    "KINDS",
    "SCALINGS",
    "WHITE_FLOOR",
    "Scaling",
    "ScalingKind",
    "fit_scaling",
    "select_scaling",
    "stack_scalings",
]

ScalingKind = Literal["auto", "standard", "minmax", "range", "gcn", "whiten", "none"]
SCALINGS = tuple(kind for kind in get_args(ScalingKind) if kind != "auto")
KINDS = (*SCALINGS, "words")  # text is not scaled
WHITE_FLOOR = 0.01  # the smallest eigenvalue of a correlation matrix that whitening divides by


class Scaling(NamedTuple):
    """A fitted scaling of raw rows, `(x - shift) / scale`, which whitening multiplies by a matrix.

    There is one constant for each index of the last axis: a column of a table, or a channel of
    images or windows. Constants of several seeds have a leading seed axis.

    Attributes:
        kind: One of `SCALINGS`, or "words" for text, which is not scaled.
        shift: `(d,)` or `(seeds, d)` float64.
        scale: `(d,)` or `(seeds, d)` float64, above 0.
        images: The range of the training images; None for other rows, and if it is not known.
        matrix: `(d, d)` or `(seeds, d, d)` float64, symmetric, under "whiten"; else None.
    """

    kind: str
    shift: Float[np.ndarray, "*seeds d"]
    scale: Float[np.ndarray, "*seeds d"]
    images: ImageRange | None = None
    matrix: Float[np.ndarray, "*seeds d d"] | None = None

    def repeat(self, times: int) -> "Scaling":
        """Return the scaling of rows `(times * d,)` that hold rows `(d,)` one behind the other."""
        matrix = None if self.matrix is None else np.kron(np.eye(times), self.matrix)
        shift, scale = np.tile(self.shift, times), np.tile(self.scale, times)
        return self._replace(shift=shift, scale=scale, matrix=matrix)

    def select(self, columns: int) -> "Scaling":
        """Return the scaling of the first columns; see `repeat`."""
        matrix = None if self.matrix is None else self.matrix[:columns, :columns]
        return self._replace(shift=self.shift[:columns], scale=self.scale[:columns], matrix=matrix)

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
        with np.errstate(over="ignore", invalid="ignore"):
            rows = (rows - shift) / scale
            if self.matrix is not None:
                rows = _multiply(np.clip(rows, -MAX_FLOAT32, MAX_FLOAT32), self.matrix)
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
            "whiten": as "standard", then multiplied by `R^(-1/2)`, R the correlation matrix of the
            columns or channels of the training rows with eigenvalues of at least `WHITE_FLOOR`.
            Training rows are uncorrelated with variance 1 in all directions above the floor. This
            is PCA whitening rotated back to the columns: distances between rows are the same.
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
    if kind in ("standard", "whiten"):
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
    scale = np.where(constant, 1.0, scale)
    matrix = _fit_whitening(x, shift, scale) if kind == "whiten" else None
    return Scaling(kind, shift, scale, measure_images(x), matrix)


def _fit_whitening(
    x: Num[np.ndarray, "n *shape"], shift: Float[np.ndarray, "d"], scale: Float[np.ndarray, "d"]
) -> Float[np.ndarray, "d d"]:
    """Return the inverse square root of the correlation matrix, its eigenvalues bounded below."""
    rows = (x.reshape(-1, x.shape[-1]) - shift) / scale
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    return (vectors / np.sqrt(np.maximum(values, WHITE_FLOOR))) @ vectors.T


def _multiply(
    rows: Float[np.ndarray, "..."], matrix: Float[np.ndarray, "*seeds d d"]
) -> Float[np.ndarray, "..."]:
    """Multiply the last axis of rows by a matrix, or by that of each seed."""
    matrix = matrix.astype(rows.dtype)
    if matrix.ndim == 2:
        return rows @ matrix
    return np.stack([of_seed @ one for of_seed, one in zip(rows, matrix, strict=True)])


def stack_scalings(scalings: Sequence[Scaling]) -> Scaling:
    """Stack the scalings of several seeds, all of one kind, along a leading seed axis."""
    ranges = [one.images for one in scalings if one.images is not None]
    matrices = [one.matrix for one in scalings if one.matrix is not None]
    return Scaling(
        scalings[0].kind,
        np.stack([one.shift for one in scalings]),
        np.stack([one.scale for one in scalings]),
        reduce(ImageRange.merge, ranges) if ranges else None,
        np.stack(matrices) if matrices else None,
    )


def select_scaling(scaling: Scaling, index: int) -> Scaling:
    """Return the scaling of one seed of stacked ones."""
    matrix = None if scaling.matrix is None else scaling.matrix[index]
    return scaling._replace(shift=scaling.shift[index], scale=scaling.scale[index], matrix=matrix)


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
