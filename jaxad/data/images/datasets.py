"""Folders of pictures as data sets with classes."""

import os
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Num, UInt8

from jaxad.data.dataset import Dataset
from jaxad.data.images.files import show_name
from jaxad.data.images.layouts import GOOD, ImageFolder, ImageSource, open_pictures, parse_source
from jaxad.data.images.loading import LoadedImages, load_masks, load_pictures
from jaxad.data.images.sizes import parse_size
from jaxad.data.sources.loaded import Table
from jaxad.errors import ConfigError, DataError

__all__ = ["fingerprint", "number_classes", "read_image_dataset", "read_image_table"]


def read_image_dataset(source: ImageSource) -> Dataset:
    """Read a folder of pictures as a data set.

    The classes of a folder of classes are its subfolders. In MVTec's layout `train` is the training
    part, `test` the test part, the class "good" is normal and comes first, and all pictures have
    masks if there are any. The pictures of a plain folder are of one class.

    Args:
        source: The folder, and the size that its pictures get.

    Raises:
        DataError: The folder cannot be read as such; see `open_pictures` and `load_pictures`.
    """
    folder = open_pictures(source)
    name = show_name(folder.root.resolve().name) or "pictures"
    if source.size is not None:
        wide, high, way = source.size
        name += f"-{wide}x{high}" + (f"-{way}" if way != "resize" else "")
    images = load_pictures(folder, source.size)
    masks, y, classes = load_masks(images), number_classes(images.folder), folder.classes
    if folder.layout != "mvtec":
        return Dataset(name, images.x, y, class_names=classes or (name,))
    train = np.array([p.part == "train" for p in images.folder.pictures])
    if not train.any():
        raise DataError(f"{show_name(folder.root)} has no pictures in train")
    parts = _divide(images, y, masks, train), _divide(images, y, masks, ~train)
    first, last = parts
    has_test = not train.all()
    return Dataset(
        name,
        first.x,
        first.y,
        class_names=classes,
        normal=classes.index(GOOD) if GOOD in classes else None,
        x_test=last.x if has_test else None,
        y_test=last.y if has_test else None,
        mask=first.mask,
        mask_test=last.mask if has_test else None,
    )


def read_image_table(source: str, size: str | None = None, lenient: bool = False) -> Table:
    """Read the pictures of a folder as rows, and the classes that their folders name.

    Args:
        source: The folder, perhaps with a prefix as in `parse_source`.
        size: The size that pictures get; see `parse_size`.
        lenient: Whether a broken picture is a bad row; else it is left out with a `DataWarning`.

    Raises:
        ConfigError: The folder has MVTec's layout, whose parts are read one at a time.
        DataError: The folder cannot be read.
    """
    given = parse_source(source)
    folder = open_pictures(given)
    if folder.layout == "mvtec":
        root = show_name(folder.root)
        raise ConfigError(f"{root} has the layout of MVTec; give {root}/train or {root}/test")
    wanted = given.size if size is None else parse_size(size)
    images = load_pictures(folder, wanted, lenient=lenient)
    y = None if folder.layout == "folder" else number_classes(images.folder)
    names = images.folder.classes
    return Table(images.x, y, class_names=names, ids=images.names, id="file", bad=images.bad)


def number_classes(folder: ImageFolder) -> Int[np.ndarray, "n"]:
    """Return the number of the class of each picture; 0 in a plain folder."""
    numbers = {name: i for i, name in enumerate(folder.classes)}
    return np.array([numbers.get(show_name(p.group), 0) for p in folder.pictures], np.int64)


def fingerprint(folder: ImageFolder) -> int:
    """Return a number that changes when a file of a folder is added, removed or written."""
    found = []
    for picture in folder.pictures:
        for name in (picture.name, picture.mask):
            if name is None:
                continue
            try:
                about = os.stat(folder.root / name)
            except OSError:
                found.append((name,))
                continue
            found.append((name, about.st_mtime_ns, about.st_size))
    return hash(tuple(found))


class _Part(NamedTuple):
    x: Num[np.ndarray, "n height width channels"]
    y: Int[np.ndarray, "n"]
    mask: UInt8[np.ndarray, "n height width"] | None


def _divide(images: LoadedImages, y: np.ndarray, mask: np.ndarray | None, which: np.ndarray):
    return _Part(images.x[which], y[which], None if mask is None else mask[which])
