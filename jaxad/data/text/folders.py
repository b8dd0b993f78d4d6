"""Folders of text files: one file a text, named by its path in the folder."""

import os
from pathlib import Path

from jaxad.data.images.files import natural_key, show_name
from jaxad.data.text.encodings import decode_text
from jaxad.data.text.texts import Texts
from jaxad.errors import ConfigError, DataError, JaxADError
from jaxad.utils.packed import open_unpacked

__all__ = ["holds_text_files", "read_text_folder"]

SUFFIX = ".txt"
_PARTS = {"train", "test"}


def holds_text_files(folder: Path) -> bool:
    """Return whether a folder, or a folder in it, has a file whose name ends in .txt."""
    return folder.is_dir() and bool(_list_files(folder, first=True))


def read_text_folder(folder: Path, label: str | None = None) -> Texts:
    """Read the .txt files of a folder in natural order of their names; others are passed over.

    Two or more folders with texts, and no text beside them, are classes. The folders `train` and
    `test`, each with one folder a class, are the parts of a data set. All else is a plain folder
    of texts without labels, with its subfolders. The encoding is found for each file; see
    `decode_text`.

    Args:
        folder: The folder.
        label: Must be None, as folders give the labels.

    Returns:
        The texts; a file that cannot be read or decoded is in `bad`.

    Raises:
        ConfigError: A label is named.
        DataError: There is no .txt file.
    """
    if label is not None:
        raise ConfigError(
            f"label={label!r} is for files with fields; in {folder} the folders are the labels"
        )
    files = _list_files(folder)
    if not files:
        raise DataError(f"{folder}: has no file that ends in {SUFFIX}")
    texts, bad = [], {}
    for row, name in enumerate(files):
        try:
            with open_unpacked(folder / name) as opened:
                texts.append(decode_text(opened.read()))
        except (JaxADError, OSError, EOFError, ValueError) as error:
            bad[row] = str(error).removeprefix(f"{folder / name}: ")
            texts.append("")
    parts = [Path(name).parts for name in files]
    groups, split = {part[0] for part in parts}, None
    if groups <= _PARTS and min(map(len, parts)) > 2:
        split, parts = [part[0] for part in parts], [part[1:] for part in parts]
        groups = _PARTS
    is_divided = min(map(len, parts)) > 1 and len(groups) > 1
    labels = [show_name(part[0]) for part in parts] if is_divided else None
    return Texts(texts, labels, split, [show_name(name) for name in files], "file", bad)


def _list_files(folder: Path, first: bool = False) -> list[str]:
    """Return the paths of the text files in a folder and its subfolders, or of those found first.

    Files and folders whose name begins with "." are passed over.
    """
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        texts = [n for n in names if n.lower().endswith(SUFFIX) and not n.startswith(".")]
        found += [path for name in texts if (path := Path(root, name)).is_file()]
        if first and found:
            break
    return sorted((path.relative_to(folder).as_posix() for path in found), key=natural_key)
