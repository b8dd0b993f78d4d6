"""Methods and helpers shared by tables 4.2, 4.3 and 4.4 of the thesis of Ruff (2021)."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from letters import LETTERS, fit_on_letters

import jaxad

PUBLISHED = Path(__file__).parent / "published"


class Method(NamedTuple):
    """A method of the tables: its published name, its detector and the settings of quick runs.

    If `features` is not None, it starts from features of letters, and "fixed" leaves them so.
    """

    title: str
    detector: str
    settings: dict
    features: Literal["fixed", "trained"] | None = None


SMALL = {"channels": (8, 4), "widths": (64,)}  # the thesis's network for MNIST
METHODS = (
    Method("Gaussian", "gaussian", {}),
    Method("MVE", "mcd", {"support": 0.9}),
    Method("PCA", "pca", {}),
    Method("KDE", "kde", {}),
    Method("SVDD", "ocsvm", {}),
    Method("kernel PCA", "kpca", {}),
    Method("AnoGAN", "anogan", {"channels": (), "widths": (256, 64), "search_steps": 50}),
    Method("Deep SVDD", "deep_svdd", SMALL),
    Method("Autoencoder", "autoencoder", SMALL),
)
# The methods for digits, whose Deep SVDD starts from features of letters.
ON_DIGITS = (
    *(
        one._replace(title="Deep SVDD, pixels") if one.title == "Deep SVDD" else one
        for one in METHODS
    ),
    Method("Deep SVDD", "deep_svdd", SMALL, "trained"),
    Method("Letter features", "deep_svdd", SMALL, "fixed"),
)


def settings_of(method: Method, train: jaxad.TrainData, epochs: int) -> dict:
    """Return the settings of a method, with the number of epochs where it has one."""
    known = jaxad.make(method.detector, train, **method.settings).config
    each = {"epochs": epochs, "pretrain_epochs": epochs}
    return method.settings | {name: n for name, n in each.items() if hasattr(known, name)}


def fit(
    method: Method, x: np.ndarray, epochs: int, seeds: int, data_dir: str | None = None
) -> jaxad.Fit:
    """Train a method on normal rows; `data_dir` is the folder of the letters."""
    if method.features is not None:
        letters = jaxad.load_dataset(LETTERS, data_dir=data_dir)
        length = epochs if method.features == "trained" else 0
        return fit_on_letters(x, letters, method.settings, length, seeds)
    train = jaxad.as_train_data(x)
    detector = jaxad.make(method.detector, train, **settings_of(method, train, epochs))
    return jaxad.fit(detector, train, seeds=seeds)


def rows_for(method: Method, train: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """Return the rows in the form that a method takes, training rows first.

    For the MVE these are principal components, because the covariance determinant of 784 pixels
    takes longer than all other methods together. The thesis reduces only MVTec-AD in this way.
    """
    if method.title != "MVE":
        return [train, *others]
    from sklearn.decomposition import PCA

    model = PCA(0.9).fit(train.reshape(len(train), -1))
    parts = (model.transform(x.reshape(len(x), -1)) for x in (train, *others))
    return [part.astype(np.float32) for part in parts]


def clean_images(name: str, data_dir: str | None) -> np.ndarray:
    """Load all images of a dataset, `(n, 28, 28, 1)` in [0, 1]; digits are enlarged from 8 by 8."""
    if name == "digits":
        from scipy.ndimage import zoom
        from sklearn.datasets import load_digits

        small = load_digits().images / 16
        return np.clip(zoom(small, (1, 3.5, 3.5), order=1), 0, 1).astype(np.float32)[..., None]
    x = jaxad.load_dataset(name, data_dir=data_dir).x
    return (x.reshape(len(x), 28, 28, 1) / np.float32(255)).astype(np.float32)


def draw(x: np.ndarray, train: int, test: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw training and test rows with a fixed seed."""
    order = np.random.default_rng(0).permutation(len(x))
    return x[order[:train]], x[order[train : train + test]]


def published(table: str, metric: str) -> dict[tuple[str, str], float]:
    """Read published numbers by method and corruption or class."""
    with (PUBLISHED / f"{table}.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == metric]
    return {(row["method"], row["subset"]): float(row["mean"]) for row in rows}


def auroc(scores: np.ndarray, normal: np.ndarray) -> float:
    """Return the mean AUROC in % of `(seeds, n)` scores against `(seeds, m)` normal ones."""
    from sklearn.metrics import roc_auc_score

    return _average(roc_auc_score, scores, normal)


def average_precision(scores: np.ndarray, normal: np.ndarray) -> float:
    """Return the mean average precision in % of `(seeds, n)` scores against normal ones."""
    from sklearn.metrics import average_precision_score

    return _average(average_precision_score, scores, normal)


def _average(metric: Callable, scores: np.ndarray, normal: np.ndarray) -> float:
    label = np.repeat([1, 0], [scores.shape[1], normal.shape[1]])
    both = np.concatenate([scores, normal], axis=1)
    return 100 * float(np.mean([metric(label, s) for s in both]))


def write_results(path: Path, cells: list[dict[str, str | float]]) -> None:
    """Write a row for each method and corruption, with numbers to two digits."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cells[0]), lineterminator="\n")
        writer.writeheader()
        for cell in cells:
            writer.writerow({k: f"{v:.2f}" if isinstance(v, float) else v for k, v in cell.items()})


def print_table(
    rows: list[str], columns: list[str], cell: Callable[[str, str], str], first: str
) -> None:
    """Print a Markdown table."""
    print(f"| {first} | {' | '.join(columns)} |")
    print("|" + "---|" * (len(columns) + 1))
    for row in rows:
        print(f"| {row} | {' | '.join(cell(row, column) for column in columns)} |", flush=True)
