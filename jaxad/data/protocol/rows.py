"""Random choice of training, labelled, hidden and test rows, by row number."""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from jaxad.data.protocol.settings import Protocol
from jaxad.data.rng import Stream
from jaxad.errors import ConfigError, DataError

__all__ = ["Draw", "Stage", "draw_rows", "resample", "split_by_class"]


class Stage(IntEnum):
    """Stages of drawing a split; each has random numbers of its own."""

    TEST = 0
    KNOWN_CLASSES = 1
    LABELLED_ANOMALIES = 2
    LABELLED_NORMALS = 3
    CONTAMINATION = 4
    NORMALS = 5
    ORDER = 6
    RESAMPLE = 7
    EXPOSURE = 8
    FALSE_ANOMALIES = 9
    FALSE_NORMALS = 10


class Draw(NamedTuple):
    """Row numbers of one training set, in training order.

    Attributes:
        rows: `(n,)` row numbers.
        label: `(n,)` int8: -1 labelled anomaly, 0 unlabelled, +1 labelled normal.
        hidden: `(n,)` int8: 1 for an anomaly among the unlabelled rows.
        known: The anomaly classes that labelled anomalies were drawn from; () if not restricted.
        mislabelled: The number of labels that are wrong.
    """

    rows: Int[np.ndarray, "n"]
    label: Int[np.ndarray, "n"]
    hidden: Int[np.ndarray, "n"]
    known: tuple[int, ...]
    mislabelled: int


def split_by_class(
    y: Int[np.ndarray, "n"], test_size: float, stream: Stream
) -> tuple[Int[np.ndarray, "train"], Int[np.ndarray, "test"]]:
    """Divide rows into a training and a test part, stratified by class.

    The number of test rows of a class is rounded to the nearest integer. A class with at least two
    rows has at least one in each part; a class with one row is in the training part.

    Args:
        y: `(n,)` class numbers.
        test_size: The fraction of test rows, in (0, 1).
        stream: Random numbers.

    Returns:
        Row numbers of the training part and of the test part, ascending.
    """
    order = stream.permutation(Stage.TEST, len(y))
    test = []
    for c in np.unique(y):
        rows = order[y[order] == c]
        size = min(max(round(test_size * len(rows)), 1), len(rows) - 1)
        test.append(rows[:size])
    in_test = np.zeros(len(y), bool)
    in_test[np.concatenate(test)] = True
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)


def resample(n: int, smallest: int, largest: int, stream: Stream) -> Int[np.ndarray, "m"]:
    """Draw a bootstrap of small data, or a subsample of large data.

    Args:
        n: The number of rows.
        smallest: If there are fewer rows, this many are drawn with replacement.
        largest: If there are more rows, this many are drawn without replacement.
        stream: Random numbers.

    Returns:
        `(m,)` row numbers with `smallest <= m <= largest`.
    """
    if n < smallest:
        return stream.choice(Stage.RESAMPLE, n, smallest)
    if n > largest:
        return np.sort(stream.permutation(Stage.RESAMPLE, n)[:largest])
    return np.arange(n)


def draw_rows(
    y: Int[np.ndarray, "n"], anomaly_classes: Sequence[int], protocol: Protocol, stream: Stream
) -> Draw:
    """Choose the training rows.

    With the same stream, a larger contamination adds to the same hidden anomalies, and the
    labelled rows do not depend on the contamination. More label noise replaces more of the same
    labelled rows by rows of the other kind; those that lose their label can be hidden anomalies or
    unlabelled normal rows, after all others.

    Args:
        y: `(n,)` class numbers of the training part.
        anomaly_classes: The anomalous ones of these classes.
        protocol: The numbers of rows of each kind; known anomaly classes must be numbers.
        stream: Random numbers.

    Returns:
        The chosen rows, in random order.

    Raises:
        DataError: Fewer rows of a kind than are needed; the message gives both numbers.
        ConfigError: More known classes than there are, or one that is not anomalous.
    """
    is_anomaly = np.isin(y, anomaly_classes)
    anomalies, normals = np.flatnonzero(is_anomaly), np.flatnonzero(~is_anomaly)
    known = _known_classes(y, anomalies, anomaly_classes, protocol, stream)

    can_be_labelled = anomalies if not known else anomalies[np.isin(y[anomalies], known)]
    what = "labelled_anomalies" if not known else f"labelled_anomalies of the classes {known}"
    n = _count(protocol.labelled_anomalies, len(anomalies))
    labelled = _take(can_be_labelled, n, what, Stage.LABELLED_ANOMALIES, stream)
    n = _count(protocol.labelled_normals, len(normals))
    labelled_normals = _take(normals, n, "labelled_normals", Stage.LABELLED_NORMALS, stream)

    # Wrong labels: the last labelled rows of a kind are exchanged for rows of the other kind.
    anomalies, normals = np.setdiff1d(anomalies, labelled), np.setdiff1d(normals, labelled_normals)
    labelled, returned = _divide(labelled, protocol.label_noise)
    labelled_normals, returned_normals = _divide(labelled_normals, protocol.label_noise)
    sizes = (len(returned), len(returned_normals))
    false = _take(normals, sizes[0], "label_noise", Stage.FALSE_ANOMALIES, stream)
    false_normals = _take(anomalies, sizes[1], "label_noise", Stage.FALSE_NORMALS, stream)

    hideable = np.append(_shuffle(anomalies, false_normals, Stage.CONTAMINATION, stream), returned)
    usable = np.append(_shuffle(normals, false, Stage.NORMALS, stream), returned_normals)
    n_normals, n_hidden = _unlabelled_counts(len(usable), len(hideable), protocol)
    hidden, unlabelled = hideable[:n_hidden], usable[:n_normals]

    positive, negative = np.append(labelled, false), np.append(labelled_normals, false_normals)
    parts = (unlabelled, hidden, positive, negative)
    sizes = [len(part) for part in parts]
    rows = np.concatenate(parts)
    if len(rows) < 2:
        raise DataError(
            f"n_train={protocol.n_train!r} leaves {len(rows)} training rows; at least 2 are needed"
        )
    order = stream.permutation(Stage.ORDER, len(rows))
    label = np.repeat(np.array([0, 0, -1, 1], np.int8), sizes)
    truth = np.repeat(np.array([0, 1, 0, 0], np.int8), sizes)
    return Draw(rows[order], label[order], truth[order], known, len(false) + len(false_normals))


def _count(amount: int | float, available: int) -> int:
    """Return a count as it is, and a fraction as a count of at least 1 (0 for the fraction 0)."""
    if isinstance(amount, int | np.integer):
        return int(amount)
    return max(round(amount * available), 1) if amount > 0 else 0


def _take(
    pool: Int[np.ndarray, "n"], size: int, what: str, stage: Stage, stream: Stream
) -> Int[np.ndarray, "size"]:
    """Draw `size` rows of a pool; a larger size adds to the same rows.

    Raises:
        DataError: The pool has fewer rows.
    """
    if size > len(pool):
        raise DataError(
            f"{what}: {size} rows are needed, but {len(pool)} are available for training; ask for "
            "fewer"
        )
    return pool[stream.permutation(stage, len(pool))[:size]]


def _divide(
    rows: Int[np.ndarray, "n"], noise: float
) -> tuple[Int[np.ndarray, "kept"], Int[np.ndarray, "wrong"]]:
    """Divide labelled rows into those that stay and those that are exchanged."""
    kept = len(rows) - round(noise * len(rows))
    return rows[:kept], rows[kept:]


def _shuffle(
    pool: Int[np.ndarray, "n"], without: Int[np.ndarray, "k"], stage: Stage, stream: Stream
) -> Int[np.ndarray, "m"]:
    """Return the rows of a pool in random order, without some; the others keep their order."""
    order = pool[stream.permutation(stage, len(pool))]
    return order[~np.isin(order, without)]


def _known_classes(
    y: Int[np.ndarray, "n"],
    anomalies: Int[np.ndarray, "a"],
    anomaly_classes: Sequence[int],
    protocol: Protocol,
    stream: Stream,
) -> tuple[int, ...]:
    """Return the classes that labelled anomalies are drawn from; () for all of them."""
    known = protocol.known_anomaly_classes
    if known is None:
        return ()
    if isinstance(known, int | np.integer):
        present = np.unique(y[anomalies])
        if known > len(present):
            raise ConfigError(
                f"known_anomaly_classes={known} is more than the {len(present)} anomaly classes of "
                "the training part; give at most that many"
            )
        order = stream.permutation(Stage.KNOWN_CLASSES, len(present))
        return tuple(sorted(present[order[:known]].tolist()))
    strange = sorted(set(known) - set(anomaly_classes))
    if strange:
        raise ConfigError(
            f"known_anomaly_classes holds class {strange[0]}, which is not anomalous; allowed are "
            f"{tuple(anomaly_classes)}"
        )
    return tuple(map(int, known))


def _unlabelled_counts(normals: int, anomalies: int, protocol: Protocol) -> tuple[int, int]:
    """Compute the numbers of unlabelled normal rows and of hidden anomalies.

    Args:
        normals: The number of normal rows that are available.
        anomalies: The number of anomalies that are available.
        protocol: The contamination and the number of training rows.

    Raises:
        DataError: More rows of a kind are needed than are available.
    """
    rho, n = protocol.contamination, protocol.n_train
    if n is None or isinstance(n, float):
        share = 1.0 if n is None else n
        n_normals = round(share * normals)
        n_hidden = round(share * anomalies if rho is None else rho / (1 - rho) * n_normals)
    else:
        own = anomalies / max(normals + anomalies, 1)
        n_hidden = round((own if rho is None else rho) * n)
        n_normals = n - n_hidden
    if n_normals > normals:
        raise DataError(
            f"n_train={n} needs {n_normals} unlabelled normal rows, but {normals} are available; "
            "give a smaller n_train"
        )
    if n_hidden > anomalies:
        most = np.floor(1e4 * anomalies / (anomalies + n_normals)) / 1e4
        fewer = f", an n_train of at most {int(anomalies / rho)}" if rho and anomalies else ""
        raise DataError(
            f"contamination={rho} needs {n_hidden} hidden anomalies among {n_normals} normal rows, "
            f"but {anomalies} are available: give a contamination of at most {most:g}{fewer}, or "
            'fewer labelled anomalies; few_anomalies = "own" uses all available ones'
        )
    return n_normals, n_hidden
