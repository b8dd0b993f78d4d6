"""Small data sets that need no download: three of scikit-learn's, and the synthetic ones."""

from typing import Any

import numpy as np

from jaxad.data.dataset import Dataset
from jaxad.data.sources.registry import register
from jaxad.data.sources.synthetic import blobs, monotone_sequences, two_moons

__all__ = ["BUNDLED"]

BUNDLED = ("blobs", "breast_cancer", "digits", "monotone", "two_moons", "wine")


@register("digits")
def digits() -> Dataset:
    """Load handwritten digits: 1,797 rows of 8 x 8 pixels in 0..16 as 64 columns, classes 0..9.

    The default scaling is "range", as all columns have the same unit and many are zero in most
    rows.
    """
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return Dataset("digits", bunch.data, bunch.target, scaling="range")


@register("breast_cancer")
def breast_cancer() -> Dataset:
    """Load breast cancer Wisconsin: 569 rows of 30 columns; malignant rows are anomalies."""
    from sklearn.datasets import load_breast_cancer

    bunch: Any = load_breast_cancer()
    malignant = bunch.target == list(bunch.target_names).index("malignant")
    names = ("benign", "malignant")
    return Dataset("breast_cancer", bunch.data, malignant.astype(np.int64), names, anomaly=True)


@register("wine")
def wine() -> Dataset:
    """Load wine recognition: 178 rows of 13 columns, three classes."""
    from sklearn.datasets import load_wine

    bunch: Any = load_wine()
    return Dataset("wine", bunch.data, bunch.target, tuple(map(str, bunch.target_names)))


register("blobs")(blobs)
register("monotone")(monotone_sequences)
register("two_moons")(two_moons)
