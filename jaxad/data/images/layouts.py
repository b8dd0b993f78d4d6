"""Layouts of picture folders: plain, one folder for each class, and that of MVTec AD."""

import os
import re
from pathlib import Path
from typing import Literal, NamedTuple, cast, get_args

from jaxad.data.images.files import find_pictures, has_pictures, is_picture, show_name
from jaxad.data.images.sizes import ImageSize, parse_size
from jaxad.errors import ConfigError, DataError

__all__ = [
    "GOOD",
    "ImageFolder",
    "ImageSource",
    "Layout",
    "Picture",
    "is_image_source",
    "looks_like_pictures",
    "open_pictures",
    "parse_source",
]

Layout = Literal["folder", "classes", "mvtec"]
GOOD = "good"  # the normal class in MVTec's layout
_PREFIX = re.compile(rf"({'|'.join(get_args(Layout))}):")
_SIZE_PREFIX = re.compile(r"((?:resize|crop|pad)\([^)]*\)):")


class ImageSource(NamedTuple):
    """A source of pictures as it was given.

    Attributes:
        path: The folder, or one picture.
        layout: The layout that was named; None: it is recognised.
        size: The size that was named; None: the pictures have one size.
    """

    path: str
    layout: Layout | None = None
    size: ImageSize | None = None


class Picture(NamedTuple):
    """A picture of a folder.

    Attributes:
        name: Its path relative to the folder, with "/".
        group: The folder that names its class; "" in a plain folder.
        part: "train" or "test" in MVTec's layout, else "".
        mask: The path of its mask relative to the folder; None if it has none.
    """

    name: str
    group: str = ""
    part: Literal["", "train", "test"] = ""
    mask: str | None = None


class ImageFolder(NamedTuple):
    """The pictures of a folder, in natural order.

    Attributes:
        root: The folder.
        layout: "folder": pictures without classes. "classes": one folder for each class. "mvtec":
            `train/good`, `test/<defect>` and, with masks, `ground_truth/<defect>`.
        pictures: The pictures.
        masked: Whether the folder has masks of defects.
    """

    root: Path
    layout: Layout
    pictures: tuple[Picture, ...]
    masked: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes as text, sorted; in MVTec's layout "good" is the first."""
        names = sorted({show_name(p.group) for p in self.pictures if p.group})
        if self.layout == "mvtec":
            names.sort(key=lambda name: name != GOOD)
        return tuple(names)

    def select(self, part: str) -> "ImageFolder":
        """Return the folder with the pictures of one part, "train" or "test"."""
        return self._replace(pictures=tuple(p for p in self.pictures if p.part == part))


def parse_source(source: str | Path) -> ImageSource:
    """Split a source into its path and the prefixes that name a layout and a size.

    Raises:
        ConfigError: The size is not one.

    Example:
        >>> parse_source("crop(64):mvtec:bottle").path
        'bottle'
    """
    text, layout, size = str(source), None, None
    while True:
        if (found := _PREFIX.match(text)) and layout is None:
            layout = cast(Layout, found[1])
        elif (found := _SIZE_PREFIX.match(text)) and size is None:
            size = parse_size(found[1])
        else:
            return ImageSource(text, layout, size)
        text = text[found.end() :]


def is_image_source(source: str | Path) -> bool:
    """Return whether a source is one picture, a folder with pictures, or has a prefix of them."""
    plain = parse_source(source)
    if plain.layout is not None or plain.size is not None:
        return True
    path = Path(plain.path)
    try:
        if path.is_dir():
            return has_pictures(path)
        # A colon ends a prefix of another kind of source, unless it is part of a file's name.
        return is_picture(path) and (":" not in plain.path or os.path.lexists(path))
    except (DataError, OSError, ValueError):
        return False


def looks_like_pictures(folder: Path) -> bool:
    """Return whether a folder has pictures, or subfolders of classes or parts with pictures.

    It is quicker than `is_image_source`, and looks no deeper than a layout is.
    """
    found = _list(folder)
    if any(is_picture(name) for name in found):
        return True
    if "train" in found and "test" in found:
        return any(_holds(folder / "train" / group) for group in _list(folder / "train"))
    return sum(_holds(folder / name) for name in found) > 1


def open_pictures(source: str | Path | ImageSource) -> ImageFolder:
    """Find the pictures of a folder, their classes and their masks.

    Args:
        source: A folder or one picture, perhaps with a prefix as in `parse_source`. Without a
            layout: `train` and `test`, or `test` and `ground_truth`, with subfolders of pictures
            are MVTec's layout; at least two subfolders with pictures, and none beside them, are
            classes; all else is a plain folder with its subfolders.

    Raises:
        DataError: There is no such folder, it has no pictures, or they are not in the layout that
            is named.
    """
    given = parse_source(source) if not isinstance(source, ImageSource) else source
    root, shown = Path(given.path), show_name(given.path)
    if os.path.lexists(root) and not root.is_dir():
        if given.layout not in (None, "folder") or not is_picture(root):
            raise ConfigError(
                f"{shown} must be a folder of pictures; a size (--size) and the prefixes folder:, "
                "classes: and mvtec: apply only to such"
            )
        return ImageFolder(root.parent, "folder", (Picture(root.name),))
    if not root.is_dir():
        raise DataError(f"{shown}: no such folder")
    names = find_pictures(root)
    if not names:
        inside = ", ".join(show_name(name) for name in sorted(os.listdir(root))[:5]) or "nothing"
        raise DataError(
            f"{shown} has no pictures; it holds {inside}. Pictures end in .png, .jpg, .jpeg, .tif, "
            ".tiff or .bmp"
        )
    layout = given.layout or _recognise(root, names)
    if layout == "mvtec":
        return _read_mvtec(root, names)
    if layout == "classes":
        return _read_classes(root, names)
    return ImageFolder(root, "folder", tuple(Picture(name) for name in names))


def _recognise(root: Path, names: list[str]) -> Layout:
    """Return the layout of pictures by their paths."""
    parts = [name.split("/") for name in names]
    deep = {part[0] for part in parts if len(part) == 3}
    if "test" in deep and deep & {"train", "ground_truth"}:
        return "mvtec"
    inner = sorted({part[0] for part in parts if "ground_truth" in part[1:-1]})
    if inner:
        several = ", ".join(show_name(name) for name in inner[:5])
        raise DataError(
            f"{show_name(root)} has folders in MVTec's layout: {several}. Give one of them"
        )
    flat = any(len(part) == 1 for part in parts)
    return "classes" if not flat and len({part[0] for part in parts}) > 1 else "folder"


def _read_classes(root: Path, names: list[str]) -> ImageFolder:
    loose = [name for name in names if "/" not in name]
    if loose:
        raise DataError(
            f"{show_name(root)} has pictures that are in no folder of a class, such as "
            f"{show_name(loose[0])}; move them, or read all as a plain folder: with the prefix "
            "folder:"
        )
    return ImageFolder(root, "classes", tuple(Picture(n, n.split("/")[0]) for n in names))


def _read_mvtec(root: Path, names: list[str]) -> ImageFolder:
    pictures, masks = [], {}
    for name in names:
        part, *group, last = name.split("/")
        if part == "ground_truth" and group:
            other = masks.setdefault((group[0], _strip_mask(last)), name)
            if other != name:
                raise DataError(
                    f"{show_name(root / name)}: {show_name(other)} is a mask of the same picture; "
                    "leave one of them"
                )
        elif part in ("train", "test") and group:
            pictures.append(Picture(name, group[0], part))
    if not pictures:
        raise DataError(
            f"{show_name(root)} is not in MVTec's layout: it has no pictures in train/good and "
            "test/<defect>"
        )
    # A picture of train has a mask, too, unless one of test has the same name.
    keys = {_mask_key(p): p for p in sorted(pictures, key=lambda p: p.part == "test")}
    alone = sorted(masks[key] for key in masks.keys() - keys.keys())
    if alone:
        group, stem = next(key for key, name in masks.items() if name == alone[0])
        raise DataError(
            f"{show_name(root / alone[0])}: there is no picture test/{show_name(group)}/"
            f"{show_name(stem)} for this mask ({len(alone)} such masks); add the picture or remove "
            "the mask"
        )
    return ImageFolder(
        root,
        "mvtec",
        tuple(
            p._replace(mask=masks.get(_mask_key(p))) if keys[_mask_key(p)] is p else p
            for p in pictures
        ),
        bool(masks),
    )


def _mask_key(picture: Picture) -> tuple[str, str]:
    return picture.group, _strip(picture.name.rpartition("/")[2])


def _strip(name: str) -> str:
    return os.path.splitext(name)[0]


def _strip_mask(name: str) -> str:
    return _strip(name).removesuffix("_mask")


def _list(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []


def _holds(folder: Path) -> bool:
    """Return whether a folder has a picture, not counting its subfolders."""
    return any(is_picture(name) for name in _list(folder))
