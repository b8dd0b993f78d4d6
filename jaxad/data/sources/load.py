"""Where data comes from: a name, a file, a folder, tensorflow-datasets, or arrays in memory."""

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from jaxad.data.dataset import Dataset, from_arrays
from jaxad.data.sources.files import SUFFIXES, read_file, split_mean
from jaxad.data.sources.idx import has_idx, read_idx_folder
from jaxad.data.sources.registry import DATASETS, is_plain, load_registered
from jaxad.data.sources.sequences import PREFIX, as_sequences
from jaxad.data.sources.tfds import read_tfds
from jaxad.data.text.documents import MEAN, as_means, read_suffix, strip_suffix
from jaxad.errors import ConfigError, DataError, unknown_name

__all__ = ["list_datasets", "load_dataset"]

WAYS = (
    "Ways to give data: a registered name; the path of an npz, csv, parquet or jsonl file or of a "
    "folder of idx files; the name of a file in a data folder, set by data_dir or JAXAD_DATA; "
    "tfds:NAME; sequence: in front of one of these, for rows that are sequences; mean:VECTORS: in "
    "front of texts, for their mean word vectors; arrays, as (x, y) or by from_arrays"
)


def load_dataset(
    source: Any, *, data_dir: str | Path | None = None, label: str | None = None
) -> Dataset:
    """Get a data set by name, from a file or from arrays.

    A name is looked for in this order: bundled data (`digits`, `breast_cancer`, `wine`, `blobs`,
    `two_moons`, `monotone`) and data sets added by `jaxad.data.register` or by a plug-in; a file or
    folder of this path; the data folder and its direct subfolders, where `cardio` finds
    `cardio.npz`, `cardio.csv` or `6_cardio.npz`; tensorflow-datasets for `tfds:NAME`. Files are
    npz (`X` and `y`, or `x_train`, `y_train`, `x_test`, `y_test`), csv, parquet, and folders of
    MNIST's idx files. The last few files stay in memory and are read again when they change.

    With `sequence:` in front, as in `sequence:monotone`, the columns of a table are the points in
    time of sequences of one channel (see `as_sequences`). Arrays `(n, time, channels)` in an npz
    file are sequences without it.

    Files of JSON lines (`.jsonl`, plain or gzipped), and csv files with a column `text`, hold
    texts, with the fields text, label and split; rows whose split is test are the test part. With
    `mean:VECTORS:` in front, as in `mean:glove.npz:reuters`, they become rows of a table: the mean
    word vector of each text, by the file of vectors that is named.

    Args:
        source: A name, a path, a pair of arrays `(x, y)`, or a `Dataset`, which is given back.
        data_dir: The data folder. Default: the environment variable `JAXAD_DATA`.
        label: The label column of a csv or parquet file. Default: the column named label, y,
            anomaly or outlier, else the last one.

    Returns:
        The data set, checked.

    Raises:
        ConfigError: An unknown name (says the nearest one), a name that several files have, or a
            file of an unknown kind.
        DataError: A file or its content cannot be used as data.
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, tuple) and len(source) == 2:
        return from_arrays(*source)
    if not isinstance(source, str | Path):
        raise ConfigError(f"a data set cannot be a {type(source).__name__}. {WAYS}")
    if str(source).startswith(PREFIX):
        rest = str(source).removeprefix(PREFIX)
        return as_sequences(load_dataset(rest, data_dir=data_dir, label=label))
    if str(source).startswith(MEAN):
        vectors, rest = split_mean(str(source))
        return as_means(load_dataset(rest, data_dir=data_dir, label=label), vectors)
    if is_plain(str(source)) and DATASETS.knows(str(source)):
        return load_registered(str(source))
    folder = _find_folder(data_dir)
    if str(source).startswith("tfds:"):
        return _load_tfds(str(source).removeprefix("tfds:"), folder, explicit=bool(data_dir))
    path = Path(source)
    if not path.exists():
        path = _find(str(source), folder)
    data = _read(path.resolve(), path.stat().st_mtime_ns, label)
    if data.vocabulary is not None and folder is not None:
        # Word vectors are looked for in the data folder, too.
        data = replace(data, vocabulary=replace(data.vocabulary, folder=folder))
    return data


def list_datasets(data_dir: str | Path | None = None) -> list[str]:
    """Return the names that `load_dataset` finds: registered ones and those of the data folder.

    Args:
        data_dir: The data folder. Default: the environment variable `JAXAD_DATA`.

    Returns:
        Sorted names; files go without their suffix.
    """
    folder = _find_folder(data_dir)
    found = [] if folder is None else [_name_file(path) for path in _list_candidates(folder)]
    return sorted({*DATASETS.names(), *found})


def _find_folder(data_dir: str | Path | None) -> Path | None:
    """The data folder, if one is set."""
    given = data_dir or os.environ.get("JAXAD_DATA")
    if not given:
        return None
    folder = Path(given).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"{'data_dir' if data_dir else 'JAXAD_DATA'}={given}: no such folder")
    return folder


def _list_candidates(folder: Path) -> Iterator[Path]:
    """The files and idx folders in a data folder and one level below."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if has_idx(path):
                yield path
            yield from (p for p in sorted(path.iterdir()) if _is_data(p))
        elif _is_data(path):
            yield path


def _is_data(path: Path) -> bool:
    """Whether a path is a file that can be read, or a folder of idx files."""
    if path.is_dir():
        return has_idx(path)
    return read_suffix(path) in SUFFIXES


def _name_file(path: Path) -> str:
    """What a file or folder is called without its suffix."""
    return path.name if path.is_dir() else strip_suffix(path)


def _simplify(name: str) -> str:
    """A name without the number in front (`6_cardio`), its case, and kinds of dashes."""
    return re.sub(r"^\d+_", "", name).casefold().replace("-", "_")


def _find(name: str, folder: Path | None) -> Path:
    """The one file or folder of this name in the data folder."""
    paths = [] if folder is None else list(_list_candidates(folder))
    exact = [
        path
        for path in paths
        if name in (_name_file(path), path.name, str(path.relative_to(folder or path.anchor)))
    ]
    alike = [
        path
        for path in paths
        if _simplify(name) in (_simplify(_name_file(path)), _simplify(path.name))
    ]
    found = exact or alike
    if len(found) > 1:
        raise ConfigError(
            f"{name!r} may be any of {', '.join(map(str, found))}; give the full name or the path"
        )
    if not found:
        known = {*DATASETS.names(), *(_name_file(path) for path in paths)}
        known |= {re.sub(r"^\d+_", "", name) for name in known}
        where = "no data folder is set" if folder is None else f"looked in {folder}"
        raise ConfigError(f"{unknown_name('data set', name, known)} ({where}). {WAYS}")
    return found[0]


@functools.lru_cache(maxsize=4)
def _read(path: Path, modified: int, label: str | None) -> Dataset:
    """Read a file or a folder; `modified` makes a changed one be read anew."""
    if not path.is_dir():
        return read_file(path, label)
    if has_idx(path):
        return read_idx_folder(path)
    inside = ", ".join(sorted(p.name for p in path.iterdir())[:10]) or "nothing"
    raise DataError(
        f"{path}: not a folder of idx files (train-images-idx3-ubyte); it holds {inside}. "
        "Give a file in it, or the folder as data_dir"
    )


@functools.lru_cache(maxsize=4)
def _load_tfds(name: str, folder: Path | None, explicit: bool) -> Dataset:
    """A data set of tensorflow-datasets, in its own folder unless it is in the data folder."""
    here = folder is not None and (explicit or (folder / name.split("/")[0]).is_dir())
    return read_tfds(name, folder if here else None)
