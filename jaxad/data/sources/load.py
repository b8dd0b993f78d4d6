"""Loading of data sets by name, from files and folders, from tensorflow-datasets or from arrays."""

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxad.data.dataset import Dataset, from_arrays
from jaxad.data.images.datasets import fingerprint, read_image_dataset
from jaxad.data.images.layouts import (
    ImageSource,
    is_image_source,
    looks_like_pictures,
    open_pictures,
    parse_source,
)
from jaxad.data.images.sizes import parse_size
from jaxad.data.series.dataset import read_series_dataset
from jaxad.data.series.sources import PREFIX as SERIES
from jaxad.data.sources.embeddings import EMBEDDINGS, split_embeddings
from jaxad.data.sources.features import FEATURES, as_features, parse_features
from jaxad.data.sources.files import SUFFIXES, load_table, read_file, read_labelled_table
from jaxad.data.sources.idx import has_idx, read_idx_folder
from jaxad.data.sources.registry import DATASETS, is_plain, load_registered
from jaxad.data.sources.sequences import PREFIX, as_sequences
from jaxad.data.sources.text_tables import split_mean
from jaxad.data.sources.tfds import read_tfds
from jaxad.data.tables.options import TableOptions
from jaxad.data.text.documents import MEAN, as_means
from jaxad.data.text.folders import holds_text_files
from jaxad.data.text.reading import read_suffix, strip_suffix
from jaxad.errors import ConfigError, DataError, unknown_name

__all__ = ["list_datasets", "load_dataset"]

# A file of results: the time at which it was written, and more. `jaxad.results` names them.
_RESULTS = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}.*\.parquet$")
WAYS = (
    "Give a registered name; the path of an npz, csv, parquet, feather or jsonl file or of a "
    "folder of pictures, texts or idx files; the name of a file in a data folder, set by data_dir "
    "or JAXAD_DATA; "
    "tfds:NAME; one of these with the prefix sequence: for rows that are sequences, or with the "
    "prefix mean:VECTORS: for mean word vectors of texts; features:FILE.npz or "
    "features:FOLDER:SOURCE for features of images; series:FILE for windows of long series; "
    "embeddings:FILE for vectors of texts; a data frame with a label column; or arrays, as (x, y) "
    "or by from_arrays"
)


def load_dataset(
    source: Any,
    *,
    data_dir: str | Path | None = None,
    label: str | None = None,
    options: TableOptions | None = None,
    size: int | str | None = None,
) -> Dataset:
    """Load a data set by name, from a file or from arrays.

    A name is searched for in this order: bundled data (`digits`, `breast_cancer`, `wine`, `blobs`,
    `two_moons`, `monotone`) and data sets added by `jaxad.data.register` or by a plug-in; a file or
    folder of this path; the data folder and its direct subfolders, where `cardio` finds
    `cardio.npz`, `cardio.csv` or `6_cardio.npz`; tensorflow-datasets for `tfds:NAME`. Files are
    npz (`X` and `y`, or `x_train`, `y_train`, `x_test`, `y_test`), csv, parquet, feather, and
    folders of MNIST's idx files. The four files used last are kept in memory, and are read again
    when they change. The columns of tables may hold numbers, strings, booleans and dates; they are
    encoded as numbers by `fit_encoding` of `jaxad.data.tables.encoding`, fitted to all rows.

    With the prefix `sequence:`, as in `sequence:monotone`, the columns of a table are the points in
    time of sequences of one channel (see `as_sequences`). Arrays `(n, time, channels)` in an npz
    file are sequences without the prefix.

    `series:FILE`, or with options `series:time=timestamp,window=50:FILE`, reads a table whose rows
    are timestamps as windows of one or several long series; see `read_series_dataset`.

    Files of JSON lines (`.jsonl`, plain or gzipped), and csv files with a column `text`, hold
    texts, with the fields text, label and split; rows whose split is test are the test part. So do
    folders of files that end in `.txt`, one folder a class; see `read_text_folder`. With the prefix
    `mean:VECTORS:`, as in `mean:glove.npz:reuters`, texts become rows of a table: the mean word
    vector of each text, with the vectors of the named file. With the prefix `embeddings:`, as in
    `embeddings:vectors.npz:news.jsonl`, the rows of a file are the vectors of texts by any encoder;
    the texts themselves may follow.

    A folder of pictures (png, jpg, tif, bmp) has one subfolder for each class, or MVTec's layout:
    `train/good`, `test/<defect>` and masks in `ground_truth/<defect>`. The layout is recognised;
    the prefixes `folder:`, `classes:` and `mvtec:` name it, and `resize(64):`, `crop(64x48):` and
    `pad(64):` are a size.

    With the prefix `features:`, as in `features:maps.npz`, rows are features of a frozen network:
    a table `(n, d)`, or maps `(n, height, width, d)`, which are not scaled. As in
    `features:FOLDER:SOURCE`, they are the inner maps of the detector that was saved in a folder, of
    the images of a source (see `jaxad.data.sources.features`).

    Args:
        source: A name, a path, a pair of arrays `(x, y)`, a data frame of pandas or polars, or a
            `Dataset`, which is returned as it is.
        data_dir: The data folder. Default: the environment variable `JAXAD_DATA`.
        label: The label column of a table. Default: the column named label, y, anomaly or outlier,
            else the last one.
        options: How a table is read.
        size: The size that the pictures of a folder get: 64 or "64x48" (WIDTHxHEIGHT),
            "crop(64x48)" or "pad(64)". Default: they have one size.

    Returns:
        The data set.

    Raises:
        ConfigError: An unknown name (the message gives the nearest one), a name that several files
            have, or a kind of file that is not supported.
        DataError: A file is missing or broken, or its content cannot be used.
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, tuple) and len(source) == 2:
        return from_arrays(*source)
    if hasattr(source, "columns"):
        return read_labelled_table(source, "table", label, options)
    if not isinstance(source, str | Path):
        raise ConfigError(f"source cannot be of type {type(source).__name__}. {WAYS}")
    if str(source).startswith(PREFIX):
        rest = str(source).removeprefix(PREFIX)
        return as_sequences(load_dataset(rest, data_dir=data_dir, label=label, options=options))
    if str(source).startswith(FEATURES):
        folder, rest = parse_features(source)
        return as_features(
            load_dataset(rest, data_dir=data_dir, options=options, size=size), folder
        )
    if str(source).startswith(SERIES):
        return read_series_dataset(str(source), label, options)
    if str(source).startswith(MEAN):
        vectors, rest = split_mean(str(source))
        return as_means(
            load_dataset(rest, data_dir=data_dir, label=label, options=options), vectors
        )
    if str(source).startswith(EMBEDDINGS):
        return _load_embeddings(str(source), data_dir, label, options)
    if is_plain(str(source)) and DATASETS.knows(str(source)):
        return load_registered(str(source))
    folder = _find_folder(data_dir)
    given = parse_source(source)
    size = size or (options and options.size)
    given = given if size is None else given._replace(size=parse_size(size))
    if str(source).startswith("tfds:"):
        return _load_tfds(str(source).removeprefix("tfds:"), folder, explicit=bool(data_dir))
    path = Path(given.path)
    if not path.exists():
        path = _find(given.path, folder)
    given = given._replace(path=str(path.resolve()))
    if given.layout or given.size or (not has_idx(path) and is_image_source(path)):
        return _read_pictures(given, fingerprint(open_pictures(given)))
    if holds_text_files(path) and not has_idx(path):
        data = read_file(path, label)  # not kept, as the files may change without the folder
    else:
        data = _read(path.resolve(), path.stat().st_mtime_ns, label, options)
    if data.vocabulary is not None and folder is not None:
        # Files of word vectors are also searched for in the data folder.
        data = replace(data, vocabulary=replace(data.vocabulary, folder=folder))
    return data


def _load_embeddings(
    source: str, data_dir: str | Path | None, label: str | None, options: TableOptions | None
) -> Dataset:
    """Load vectors of texts; the labels are those of the texts if the vectors have none."""
    file, texts = split_embeddings(source)
    if texts is None:
        data = load_dataset(file, data_dir=data_dir, label=label, options=options)
        if data.x.ndim != 2 or data.vocabulary is not None:
            raise DataError(f"{file} does not hold vectors of texts, one a row")
        return data
    folder = _find_folder(data_dir)
    paths = [str(p if (p := Path(one)).exists() else _find(one, folder)) for one in (file, texts)]
    table = load_table(EMBEDDINGS + ":".join(paths), label=label, options=options)
    if table.y is None:
        raise DataError(f"{source}: neither the vectors nor the texts have labels")
    names = table.class_names
    if "" in names:
        missing = np.flatnonzero(table.y == names.index(""))
        raise DataError(
            f"{source}: {len(missing)} of {len(table.y)} rows have no label, the first is row "
            f"{missing[0]}; a data set of classes needs a label for each text"
        )
    return from_arrays(table.x, table.y, name=strip_suffix(Path(file)), class_names=names)


def list_datasets(data_dir: str | Path | None = None) -> list[str]:
    """Return the names that `load_dataset` finds: registered ones and those of the data folder.

    Args:
        data_dir: The data folder. Default: the environment variable `JAXAD_DATA`.

    Returns:
        The sorted names; those of files are without suffix.
    """
    folder = _find_folder(data_dir)
    found = [] if folder is None else [_name_file(path) for path in _list_candidates(folder)]
    return sorted({*DATASETS.names(), *found})


def _find_folder(data_dir: str | Path | None) -> Path | None:
    """Return the data folder; None if none is set."""
    given = data_dir or os.environ.get("JAXAD_DATA")
    if not given:
        return None
    folder = Path(given).expanduser()
    if not folder.is_dir():
        raise ConfigError(f"{'data_dir' if data_dir else 'JAXAD_DATA'}={given}: no such folder")
    return folder


def _list_candidates(folder: Path) -> Iterator[Path]:
    """Yield the files and the folders of images in a data folder and one level below."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            inside = [p for p in sorted(path.iterdir()) if _is_data(p)]
            if has_idx(path) or (looks_like_pictures(path) and all(p.is_dir() for p in inside)):
                yield path
            else:
                yield from inside
        elif _is_data(path):
            yield path


def _is_data(path: Path) -> bool:
    """Return whether a path is a supported file, except for results, or a folder of images."""
    if path.is_dir():
        return has_idx(path) or looks_like_pictures(path)
    return read_suffix(path) in SUFFIXES and not _RESULTS.match(path.name)


def _name_file(path: Path) -> str:
    """Return the name of a file or folder without suffix."""
    return path.name if path.is_dir() else strip_suffix(path)


def _simplify(name: str) -> str:
    """Return a name in lower case, without a number prefix (`6_cardio`), and with "_" for "-"."""
    return re.sub(r"^\d+_", "", name).casefold().replace("-", "_")


def _find(name: str, folder: Path | None) -> Path:
    """Return the file or folder of this name in the data folder.

    Raises:
        ConfigError: There is none, or there are several.
    """
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
            f"{name!r} may be any of {', '.join(map(str, found))}; give a full name or a path"
        )
    if not found:
        known = {*DATASETS.names(), *(_name_file(path) for path in paths)}
        known |= {re.sub(r"^\d+_", "", name) for name in known}
        where = "no data folder is set" if folder is None else f"looked in {folder}"
        raise ConfigError(f"{unknown_name('data set', name, known)} ({where}). {WAYS}")
    return found[0]


@functools.lru_cache(maxsize=4)
def _read(path: Path, modified: int, label: str | None, options: TableOptions | None) -> Dataset:
    """Read a file or a folder; `modified` is only part of the cache's key."""
    if not path.is_dir():
        return read_file(path, label, options)
    if has_idx(path):
        return read_idx_folder(path)
    inside = ", ".join(sorted(p.name for p in path.iterdir())[:10]) or "nothing"
    raise DataError(
        f"{path}: not a folder of idx files (train-images-idx3-ubyte), pictures or texts; it holds "
        f"{inside}. Give one of its files, or the folder as data_dir"
    )


@functools.lru_cache(maxsize=4)
def _read_pictures(source: ImageSource, changed: int) -> Dataset:
    """Read a folder of pictures; `changed` is only part of the cache's key."""
    return read_image_dataset(source)


@functools.lru_cache(maxsize=4)
def _load_tfds(name: str, folder: Path | None, explicit: bool) -> Dataset:
    """Load a data set of tensorflow-datasets, from the data folder if it is there."""
    here = folder is not None and (explicit or (folder / name.split("/")[0]).is_dir())
    return read_tfds(name, folder if here else None)
