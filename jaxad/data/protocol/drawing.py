"""From a data set to training and test data: contamination, labels, splits and scaling.

One key goes in and one `Split` comes out. The rows are drawn on the host from the key's own bits,
so the same key gives the same split on every machine, whatever else runs.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Int, Num, UInt8

from jaxad.data.dataset import Dataset
from jaxad.data.protocol.exposure import check_exposure_rows, expose
from jaxad.data.protocol.rows import Draw, Request, draw_rows, resample, stratified_split
from jaxad.data.rng import Stream, as_key
from jaxad.data.scaling import fit_scaling
from jaxad.data.sources.load import load_dataset
from jaxad.data.split import Split, stack_splits
from jaxad.errors import ConfigError, DataError
from jaxad.types import Key, TestData, TrainData

__all__ = ["contaminate"]

Classes = int | str | Sequence[int | str]
ADBENCH_ROWS = (1_000, 10_000)
ADBENCH_TEST_SIZE = 0.3


def contaminate(
    dataset: Any,
    key: Key | int,
    *,
    normal_class: Classes | None = None,
    anomaly_labels: Classes | None = None,
    contamination: float | None = None,
    labelled_anomalies: int | float = 0,
    labelled_normals: int | float = 0,
    known_anomaly_classes: int | Sequence[int | str] | None = None,
    test_size: float = 0.4,
    n_train: int | float | None = None,
    scaling: str = "auto",
    protocol: Literal["default", "adbench"] = "default",
    exposure: Any = None,
    exposure_rows: int | None = None,
    seeds: int | Sequence[int] | None = None,
) -> Split:
    r"""Draw training and test data with hidden and labelled anomalies.

    The training part of the data gives `n_N` unlabelled normal rows, `n_A` anomalies hidden among
    them, and the labelled rows; the four are disjoint, and their order is random. Without
    `n_train` every normal row that is not labelled is used, and

    $$n_A = \mathrm{round}\left(\frac{\rho}{1 - \rho} n_N\right);$$

    with it, `n_A = round(rho * n_train)`. The other training anomalies are left out. The test has
    all rows of the test part. Nothing is re-sampled silently: too few rows are an error.

    For one key, the test rows are the same at every setting of contamination and labels, more
    contamination adds to the same hidden anomalies, and labelled rows don't depend on it.

    Args:
        dataset: A `Dataset`, or anything that `load_dataset` takes.
        key: A typed key or an integer. Nothing else is random.
        normal_class: The class, or classes, that are normal, by number or name; all others are
            anomalous. Default: class 0 if the data is labelled normal and anomalous already.
        anomaly_labels: Instead: the classes that are anomalous; all others are normal.
        contamination: `rho`, the fraction of the *unlabelled* training rows that are anomalies, in
            [0, 1). None keeps all anomalies of the training part that are not labelled, or their
            share if `n_train` is given.
        labelled_anomalies: How many training anomalies are labelled (int), or which fraction of
            those in the training part (float in (0, 1], at least one row).
        labelled_normals: The same of training normals.
        known_anomaly_classes: Draw the labelled anomalies from this many classes (int, the classes
            are drawn too), or from these classes (a list). Contamination comes from all classes.
            `TestData.seen` then marks the test anomalies of these classes.
        test_size: The share of every class that is set aside for the test, in (0, 1). Not used
            where the data comes with a test part, and 0.3 under `protocol="adbench"`.
        n_train: How many unlabelled training rows there are in all (int), or which fraction of the
            normal ones is used (float in (0, 1]), with hidden anomalies in proportion. None: as
            many as possible.
        scaling: "standard", "minmax", "range", "gcn" or "none" (see `fit_scaling`), fitted on the
            training rows, labelled and unlabelled. "auto": what the data set asks for, or
            [0, 1] for images (those in uint8 stay uint8) and "standard" for tables.
        protocol: "default", or "adbench": that benchmark's choices, for comparison with its
            numbers. Below 1,000 rows a bootstrap of 1,000, above 10,000 a subsample of 10,000, a
            70/30 split, min-max scaling. A bootstrap before the split *leaks*: copies of one row
            are in the training and in the test data.
        exposure: Another data set, as `dataset`, whose rows are labelled anomalies beside those
            that `labelled_anomalies` asks for (outlier exposure). They come behind the other
            training rows, take no part in fitting the scaling, and are in no test. Images of
            another size or of other channels are made to fit (see `jaxad.data.protocol.exposure`).
        exposure_rows: How many of its rows; None for all.
        seeds: None for one split. `k` for k splits with the keys `fold_in(key, i)`, stacked along
            a leading axis; or the numbers i themselves. Seed i doesn't depend on the others, and
            is the split of its key up to padding.

    Returns:
        The split, on the host.

    Raises:
        ConfigError: A setting out of range, settings at odds, or a class that the data lacks.
        DataError: Fewer rows of a kind than are needed, or an exposure set that cannot be made to
            fit.

    Example:
        >>> split = contaminate("digits", 0, normal_class=3, contamination=0.1)
        >>> float(round(split.hidden.mean(), 2))
        0.1
    """
    data = load_dataset(dataset)
    others = _exposure_set(data, exposure, exposure_rows)
    if protocol not in ("default", "adbench"):
        raise ConfigError(f"protocol={protocol!r} is not 'default' or 'adbench'")
    if protocol == "adbench":
        if scaling not in ("auto", "minmax"):
            raise ConfigError(f"scaling={scaling!r}: protocol='adbench' scales by 'minmax'")
        test_size, scaling = ADBENCH_TEST_SIZE, "minmax"
    numbers = range(seeds) if isinstance(seeds, int | np.integer) else seeds
    if numbers is not None and (len(numbers) < 1 or min(numbers) < 0):
        raise ConfigError(
            f"seeds={seeds} must be at least 1, numbers from 0, or None for a single split"
        )
    known = known_anomaly_classes
    if known is not None and not isinstance(known, int | np.integer):
        known = data.class_numbers(known)
    anomaly_classes = _anomaly_classes(data, normal_class, anomaly_labels)
    request = Request(contamination, labelled_anomalies, labelled_normals, known, n_train)
    setting = {
        "dataset": data.name,
        "normal_classes": [data.class_name(c) for c in data.classes if c not in anomaly_classes],
        "anomaly_classes": [data.class_name(c) for c in anomaly_classes],
        "contamination": contamination,
        "labelled_anomalies": labelled_anomalies,
        "labelled_normals": labelled_normals,
        "known_anomaly_classes": known,
        "test_size": test_size if data.x_test is None or protocol == "adbench" else None,
        "n_train": n_train,
        "exposure": None if others is None else others.name,
        "exposure_rows": exposure_rows,
        "protocol": protocol,
        "seeds": None,
    }
    setting = {k: v.item() if isinstance(v, np.generic) else v for k, v in setting.items()}

    def one(key: Key) -> Split:
        stream = Stream(key)
        split = _split(data, stream, anomaly_classes, request, test_size, scaling, setting)
        return split if others is None else _with_exposure(split, data, others, stream)

    root = as_key(key)
    if numbers is None:
        return one(root)
    return stack_splits([one(jax.random.fold_in(root, int(i))) for i in numbers])


def _exposure_set(data: Dataset, exposure: Any, rows: int | None) -> Dataset | None:
    """The exposure set, if there is one."""
    check_exposure_rows(rows)
    if exposure is None:
        if rows is None:
            return None
        raise ConfigError(f"exposure_rows={rows} are given, and no exposure set to take them from")
    others = load_dataset(exposure)
    for one in (data, others):
        if one.vocabulary is not None:
            raise DataError(
                f"exposure: {one.name!r} is text, whose words every data set numbers for itself; "
                "exposure takes tables, sequences and images"
            )
    return others


def _with_exposure(split: Split, data: Dataset, others: Dataset, stream: Stream) -> Split:
    """The same split with rows of another data set behind, labelled as anomalies."""
    raw, chosen = expose(data.x, data.name, others, split.setting["exposure_rows"], stream)
    train, more = split.train, [(0, len(raw)), (0, 0), (0, 0)]
    label = np.full(len(raw), -1, np.int8)
    return replace(
        split,
        train=train._replace(
            x=np.concatenate([train.x, split.scaling.apply(raw)]),
            label=np.concatenate([train.label, label]),
            count=np.asarray(train.count + len(raw), np.int32),
            mask=None if train.mask is None else np.pad(train.mask, more),
        ),
        hidden=np.concatenate([split.hidden, np.zeros(len(raw), split.hidden.dtype)]),
        setting=split.setting | {"rows": split.setting["rows"] | {"exposure": len(raw)}},
        train_rows=np.concatenate([split.train_rows, -2 - chosen]),
    )


def _anomaly_classes(
    data: Dataset, normal_class: Classes | None, anomaly_labels: Classes | None
) -> tuple[int, ...]:
    """The anomalous class numbers, given the one kind or the other."""
    if normal_class is not None and anomaly_labels is not None:
        raise ConfigError("give normal_class or anomaly_labels, not both")
    if anomaly_labels is not None:
        anomalous = data.class_numbers(anomaly_labels)
    else:
        if normal_class is None:
            if not data.anomaly:
                classes = ", ".join(data.class_name(c) for c in data.classes)
                raise ConfigError(
                    f"{data.name!r} has the classes {classes}: say which are normal with "
                    "normal_class, or which are anomalous with anomaly_labels"
                )
            normal_class = 0
        normal = data.class_numbers(normal_class)
        anomalous = tuple(c for c in data.classes if c not in normal)
    if not 0 < len(anomalous) < len(data.classes):
        kind = "normal" if anomalous else "anomalous"
        raise ConfigError(f"{data.name!r} has no {kind} class left: its classes are {data.classes}")
    return anomalous


class _Part(NamedTuple):
    """The training or the test part of a source: which of its rows, by number."""

    x: Num[np.ndarray, "source *shape"]
    y: Int[np.ndarray, "source"]
    rows: Int[np.ndarray, "n"]
    mask: UInt8[np.ndarray, "source height width"] | None = None


def _parts(data: Dataset, test_size: float, protocol: str, stream: Stream) -> tuple[_Part, _Part]:
    """The training and the test part: as the data comes, or drawn."""
    x, y, x_test, y_test = data.x, data.y, data.x_test, data.y_test
    mask, mask_test = data.mask, data.mask_test
    if x_test is not None and y_test is not None:
        if protocol == "default":
            own_test = _Part(x_test, y_test, np.arange(len(y_test)), mask_test)
            return _Part(x, y, np.arange(len(y)), mask), own_test
        x, y = np.concatenate([x, x_test]), np.concatenate([y, y_test])
        if mask is not None and mask_test is not None:
            mask = np.concatenate([mask, mask_test])
    rows = np.arange(len(y))
    if protocol == "adbench":
        rows = resample(len(y), *ADBENCH_ROWS, stream)
    train, test = stratified_split(y[rows], test_size, stream)
    return _Part(x, y, rows[train], mask), _Part(x, y, rows[test], mask)


def _split(
    data: Dataset,
    stream: Stream,
    anomaly_classes: tuple[int, ...],
    request: Request,
    test_size: float,
    scaling: str,
    setting: dict[str, Any],
) -> Split:
    """The split of one key."""
    train, test = _parts(data, test_size, setting["protocol"], stream)
    draw = draw_rows(train.y[train.rows], anomaly_classes, request, stream)
    train_rows = train.rows[draw.rows]
    raw = train.x[train_rows]
    scaler = fit_scaling(raw, scaling if scaling != "auto" else data.scaling or "auto")

    test_y = test.y[test.rows]
    is_anomaly = np.isin(test_y, anomaly_classes)
    if is_anomaly.all() or not is_anomaly.any():
        raise DataError(
            f"the test part of {data.name!r} has {int((~is_anomaly).sum())} normal rows and "
            f"{int(is_anomaly.sum())} anomalies; at least 1 of each is needed"
        )
    return Split(
        train=TrainData(
            x=scaler.apply(raw),
            label=draw.label,
            count=np.asarray(len(raw), np.int32),
            features=np.asarray(raw.shape[-1], np.int32),
            mask=None if train.mask is None else _known(train.mask[train_rows], draw.label),
            vocabulary=data.vocabulary,
        ),
        test=TestData(
            x=scaler.apply(test.x[test.rows]),
            label=is_anomaly.astype(np.int8),
            count=np.asarray(len(test_y), np.int32),
            seen=np.isin(test_y, draw.known),
            mask=None if test.mask is None else test.mask[test.rows],
        ),
        hidden=draw.hidden,
        scaling=scaler,
        setting=setting
        | {
            "key": list(stream.words),
            "scaling": scaler.kind,
            "known_classes": [data.class_name(c) for c in draw.known],
            "rows": _row_counts(draw, is_anomaly),
        },
        train_rows=train_rows,
        test_rows=test.rows,
    )


def _known(
    mask: UInt8[np.ndarray, "n height width"], label: Int[np.ndarray, "n"]
) -> UInt8[np.ndarray, "n height width"]:
    """The masks that training may see: those of labelled anomalies, and 0 for all other rows."""
    return np.where((label < 0)[:, None, None], mask, np.uint8(0))


def _row_counts(draw: Draw, test_anomaly: Bool[np.ndarray, "m"]) -> dict[str, int]:
    """How many rows of each kind a split has."""
    return {
        "unlabelled": int(np.sum(draw.label == 0)),
        "hidden_anomalies": int(np.sum(draw.hidden)),
        "labelled_anomalies": int(np.sum(draw.label == -1)),
        "labelled_normals": int(np.sum(draw.label == 1)),
        "test_normals": int(np.sum(~test_anomaly)),
        "test_anomalies": int(np.sum(test_anomaly)),
    }
