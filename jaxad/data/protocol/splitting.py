"""A split of one key: the rows that are drawn, and the training and test data made of them."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Num, UInt8

from jaxad.data.dataset import Dataset
from jaxad.data.protocol.exposure import expose
from jaxad.data.protocol.rows import Draw, draw_rows, resample, split_by_class
from jaxad.data.protocol.settings import Protocol
from jaxad.data.rng import Stream
from jaxad.data.scaling import fit_scaling
from jaxad.data.split import Split
from jaxad.errors import ConfigError, DataError
from jaxad.types import Key, TestData, TrainData

__all__ = ["choose_rows", "draw_split"]

ADBENCH_ROWS = (1_000, 10_000)
ADBENCH_TEST_SIZE = 0.3


def _anomaly_classes(data: Dataset, protocol: Protocol) -> tuple[int, ...]:
    """Return the anomalous class numbers, given the normal or the anomalous classes."""
    normal_class, anomaly_labels = protocol.normal_class, protocol.anomaly_labels
    if anomaly_labels is not None:
        anomalous = data.class_numbers(anomaly_labels)
    else:
        if normal_class is None:
            if data.normal is None:
                classes = ", ".join(data.class_name(c) for c in data.classes)
                raise ConfigError(
                    f"{data.name!r} has the classes {classes}: give the normal ones as "
                    "normal_class, or the anomalous ones as anomaly_labels"
                )
            normal_class = data.normal
        normal = data.class_numbers(normal_class)
        anomalous = tuple(c for c in data.classes if c not in normal)
    if not 0 < len(anomalous) < len(data.classes):
        kind = "normal" if anomalous else "anomalous"
        raise ConfigError(
            f"{data.name!r} has no {kind} class left: its classes are {data.classes}; change "
            "normal_class or anomaly_labels"
        )
    return anomalous


class _Part(NamedTuple):
    """The training or the test part of a source: the source's rows, and the part's row numbers."""

    x: Num[np.ndarray, "source *shape"]
    y: Int[np.ndarray, "source"]
    rows: Int[np.ndarray, "n"]
    mask: UInt8[np.ndarray, "source height width"] | None = None


class _Choice(NamedTuple):
    """The row numbers of a split, before rows are copied."""

    train: _Part
    test: _Part
    draw: Draw
    anomaly_classes: tuple[int, ...]
    is_anomaly: Bool[np.ndarray, "m"]


def _parts(data: Dataset, protocol: Protocol, stream: Stream) -> tuple[_Part, _Part]:
    """Return the training and the test part: those of the data, or a random division."""
    x, y, x_test, y_test = data.x, data.y, data.x_test, data.y_test
    mask, mask_test = data.mask, data.mask_test
    if x_test is not None and y_test is not None:
        if protocol.protocol == "default":
            own_test = _Part(x_test, y_test, np.arange(len(y_test)), mask_test)
            return _Part(x, y, np.arange(len(y)), mask), own_test
        x, y = np.concatenate([x, x_test]), np.concatenate([y, y_test])
        if mask is not None and mask_test is not None:
            mask = np.concatenate([mask, mask_test])
    rows, test_size = np.arange(len(y)), protocol.test_size
    if protocol.protocol == "adbench":
        rows, test_size = resample(len(y), *ADBENCH_ROWS, stream), ADBENCH_TEST_SIZE
    train, test = split_by_class(y[rows], test_size, stream)
    return _Part(x, y, rows[train], mask), _Part(x, y, rows[test], mask)


def choose_rows(data: Dataset, protocol: Protocol, stream: Stream) -> _Choice:
    """Draw the row numbers of one key."""
    known = protocol.known_anomaly_classes
    if known is not None and not isinstance(known, int | np.integer):
        protocol = replace(protocol, known_anomaly_classes=data.class_numbers(known))
    anomaly_classes = _anomaly_classes(data, protocol)
    train, test = _parts(data, protocol, stream)
    is_anomaly = np.isin(test.y[test.rows], anomaly_classes)
    if not np.isin(train.y[train.rows], anomaly_classes).any():
        _refuse_anomalies(data, protocol, int(is_anomaly.sum()))
    draw = draw_rows(train.y[train.rows], anomaly_classes, protocol, stream)
    if is_anomaly.all() or not is_anomaly.any():
        raise DataError(
            f"the test part of {data.name!r} has {int((~is_anomaly).sum())} normal rows and "
            f"{int(is_anomaly.sum())} anomalies; at least 1 of each is needed"
        )
    return _Choice(train, test, draw, anomaly_classes, is_anomaly)


def _refuse_anomalies(data: Dataset, protocol: Protocol, tested: int) -> None:
    """Raise a `DataError` if anomalies are to be drawn from a training part that has none."""
    labelled, contamination = protocol.labelled_anomalies, protocol.contamination
    if not labelled and not contamination:
        return
    raise DataError(
        f"labelled_anomalies={labelled} and contamination={contamination} are drawn from the "
        f"training part, and that of {data.name!r} has no anomalies: all {tested} are in its test "
        "part. Set both to 0, or move some of them to the training part (in a folder of MVTec's "
        "layout from test/<defect> to train/<defect>)"
    )


def draw_split(data: Dataset, others: Dataset | None, protocol: Protocol, key: Key) -> Split:
    """Draw the split of one key."""
    stream = Stream(key)
    train, test, draw, anomaly_classes, is_anomaly = choose_rows(data, protocol, stream)
    train_rows = train.rows[draw.rows]
    raw = train.x[train_rows]
    kind = protocol.scaling if protocol.scaling != "auto" else data.scaling or "auto"
    scaler = fit_scaling(raw, "minmax" if protocol.protocol == "adbench" else kind)
    test_y = test.y[test.rows]
    setting = _describe(data, others, protocol, anomaly_classes)
    split = Split(
        train=TrainData(
            x=scaler.apply(raw),
            label=draw.label,
            count=np.asarray(len(raw), np.int32),
            features=np.asarray(raw.shape[-1], np.int32),
            mask=None if train.mask is None else _show_labelled(train.mask[train_rows], draw.label),
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
            "rows": _count_rows(draw, is_anomaly),
        },
        train_rows=train_rows,
        test_rows=test.rows,
    )
    if others is None:
        return split
    return _add_exposure(split, data, others, protocol.exposure_rows, stream)


def _add_exposure(
    split: Split, data: Dataset, others: Dataset, rows: int | None, stream: Stream
) -> Split:
    """Append rows of another data set to the training rows as labelled anomalies."""
    raw, chosen = expose(data.x, data.name, others, rows, stream)
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


def _describe(
    data: Dataset, others: Dataset | None, protocol: Protocol, anomaly_classes: tuple[int, ...]
) -> dict[str, Any]:
    """Return the settings of a split as JSON values."""
    known, test_size = protocol.known_anomaly_classes, protocol.test_size
    if known is not None and not isinstance(known, int | np.integer):
        known = data.class_numbers(known)
    if protocol.protocol == "adbench":
        test_size = ADBENCH_TEST_SIZE
    elif data.x_test is not None:
        test_size = None
    setting = {
        "dataset": data.name,
        "normal_classes": [data.class_name(c) for c in data.classes if c not in anomaly_classes],
        "anomaly_classes": [data.class_name(c) for c in anomaly_classes],
        **protocol.axes,
        "known_anomaly_classes": known,
        "test_size": test_size,
        "exposure": None if others is None else others.name,
        "seeds": None,
    }
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in setting.items()}


def _show_labelled(
    mask: UInt8[np.ndarray, "n height width"], label: Int[np.ndarray, "n"]
) -> UInt8[np.ndarray, "n height width"]:
    """Return the masks with those of all rows but labelled anomalies set to zero."""
    return np.where((label < 0)[:, None, None], mask, np.uint8(0))


def _count_rows(draw: Draw, test_anomaly: Bool[np.ndarray, "m"]) -> dict[str, int]:
    """Count the rows of each kind in a split."""
    return {
        "unlabelled": int(np.sum(draw.label == 0)),
        "hidden_anomalies": int(np.sum(draw.hidden)),
        "labelled_anomalies": int(np.sum(draw.label == -1)),
        "labelled_normals": int(np.sum(draw.label == 1)),
        "mislabelled": draw.mislabelled,
        "test_normals": int(np.sum(~test_anomaly)),
        "test_anomalies": int(np.sum(test_anomaly)),
    }
