"""Pictures of a folder as training rows, and the labels that their folders mean."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int8, Num, UInt8

from jaxad.data.images.files import show_name
from jaxad.data.images.layouts import GOOD, ImageFolder, open_pictures, parse_source
from jaxad.data.images.loading import load_masks, load_pictures
from jaxad.data.images.sizes import ImageFormat, parse_size
from jaxad.data.tables.labels import as_text, as_training_labels
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError

__all__ = ["TrainingPictures", "check_picture_options", "list_groups", "read_training_pictures"]

_OF_PICTURES = ("label", "positive", "normal", "missing", "size")


class TrainingPictures(NamedTuple):
    """Pictures to train on.

    Attributes:
        x: `(n, height, width, channels)` the pixels.
        label: `(n,)` training labels; None: no picture is labelled.
        hidden: `(n,)` 1 for anomalies whose labels training does not use; None if unknown.
        mask: `(n, height, width)` 1 where a pixel is anomalous; None without masks.
        names: `(n,)` the paths of the files, relative to the folder.
        form: The format of the pictures.
    """

    x: Num[np.ndarray, "n height width channels"]
    label: Int8[np.ndarray, "n"] | None
    hidden: Int8[np.ndarray, "n"] | None
    mask: UInt8[np.ndarray, "n height width"] | None
    names: np.ndarray
    form: ImageFormat


def read_training_pictures(
    source: str, options: TableOptions, *, truth: str | None = None, strict: bool = False
) -> TrainingPictures:
    """Read the pictures of a folder to train on.

    Those of a plain folder are unlabelled. In a folder of classes, the names of the classes are the
    labels, with the meaning that those of tables have; see `as_training_labels`. In MVTec's layout
    the pictures of `train` are read, of which the class "good" is unlabelled, and those of `test`
    whose class is labelled anomalous.

    Args:
        source: The folder, perhaps with a prefix as in `parse_source`.
        options: The values of labels, and the size that pictures get.
        truth: "class" if the labels only measure; None if they are used.
        strict: Whether a broken file is an error.

    Raises:
        ConfigError: An option that applies only to tables, or labels of a folder without classes.
        DataError: The folder cannot be read, or a class has no meaning.
    """
    check_picture_options(source, options)
    given = parse_source(source)
    size = given.size if options.size is None else parse_size(options.size)
    folder = open_pictures(given)
    shown = show_name(folder.root)
    if truth not in (None, "class", "y", "label"):
        raise ConfigError(
            f"--truth {truth}: the labels of {shown} are the folders of its classes; give --truth "
            "class"
        )
    if folder.layout == "folder" and (options.positive or options.normal or truth):
        raise ConfigError(
            f"{shown} is a plain folder, whose pictures have no labels for --positive, --normal "
            "and --truth; sort them into one folder for each class"
        )
    if folder.layout == "mvtec":
        folder = _choose_mvtec(folder, options)
    images = load_pictures(folder, size, strict=strict)
    label = _read_labels(images.folder, options, f"{shown}: the list of class folders")
    masked = any(p.mask is not None for p in images.folder.pictures)
    mask = load_masks(images) if masked else None
    if truth is None:
        return TrainingPictures(images.x, label, None, mask, images.names, images.form)
    if label is None:
        raise ConfigError(f"--truth {truth} needs the labels that --label none leaves out")
    hidden = (label == -1).astype(np.int8)
    return TrainingPictures(images.x, None, hidden, None, images.names, images.form)


def check_picture_options(source: str, options: TableOptions) -> None:
    """Raise a `ConfigError` for an option that applies only to tables."""
    plain = TableOptions()
    for name in options._fields:
        if name not in _OF_PICTURES and getattr(options, name) != getattr(plain, name):
            name = "window and the other options of series" if name == "series" else name
            raise ConfigError(f"--{name} applies only to tables; {source} holds pictures")
    if options.label not in (None, "none"):
        raise ConfigError(
            f"--label {options.label} applies only to tables: the labels of pictures are the "
            "folders of their classes. Give --label none to leave them out"
        )


def list_groups(folder: ImageFolder) -> np.ndarray:
    """Return `(n,)` the names of the classes of pictures, as text."""
    return np.array([show_name(p.group) for p in folder.pictures], object)


def _choose_mvtec(folder: ImageFolder, options: TableOptions) -> ImageFolder:
    """Return the pictures of the training part, and those of the test part that are labelled.

    Raises:
        DataError: A class that is named does not exist, or there is nothing to train on.
    """
    for option in ("positive", "normal"):
        unknown = set(map(as_text, getattr(options, option))) - set(folder.classes)
        if unknown:
            raise DataError(
                f"{option} (--{option}) {', '.join(map(str, sorted(unknown, key=str)))} is not a "
                f"class of {show_name(folder.root)}; its classes are {', '.join(folder.classes)}"
            )
    anomalous = set() if options.label == "none" else set(options.positive)
    train = folder.select("train").pictures
    defects = tuple(
        p
        for p in folder.select("test").pictures
        if show_name(p.group) in anomalous and p.group != GOOD
    )
    if not train:
        raise DataError(
            f"{show_name(folder.root)} has no pictures in train/good to train on; to train on a "
            "folder of its own, name it"
        )
    return folder._replace(pictures=train + defects)


def _read_labels(
    folder: ImageFolder, options: TableOptions, what: str
) -> Int8[np.ndarray, "n"] | None:
    """Return the training labels that the classes of pictures mean."""
    if folder.layout == "folder" or options.label == "none":
        return None
    groups = list_groups(folder)
    unlabelled = set(options.missing)
    if folder.layout == "mvtec" and GOOD not in (*options.positive, *options.normal):
        unlabelled.add(GOOD)
    groups[[name in unlabelled for name in groups]] = None
    if all(name is None for name in groups):
        return None
    positive, normal = options.positive or None, options.normal or None
    return as_training_labels(groups, positive, normal, what, absent=folder.layout == "mvtec")
