"""Names of files that every file system takes, made of any names without collisions."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

__all__ = ["make_file_names"]

_LONGEST = 100  # characters of a part of a path; most file systems take 255 bytes
_UNSAFE = re.compile(r'[<>:"|?*\\]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def make_file_names(names: Sequence[str], suffix: str) -> list[str]:
    """Return a relative path for each name: safe, different from all others, and recognisable.

    Folders of a name are kept, and a suffix such as ".jpg" is replaced. Characters that some file
    systems refuse become "_", long parts are cut, and paths that would differ only in the case of
    letters get a number.

    Args:
        names: Any names, such as relative paths with "/".
        suffix: How each path ends.

    Example:
        >>> make_file_names(["crack/a.png", "crack/A.jpg", "../b?"], ".png")
        ['crack/a.png', 'crack/A~2.png', '_/b_.png']
    """
    found, taken = [], set()
    for name in names:
        path = PurePosixPath(*map(_make_part, PurePosixPath(name).parts or ("_",)))
        stem = path.name.removesuffix(path.suffix) if len(path.suffix) <= 5 else path.name
        stem, number = stem or path.name, 1
        chosen = path.with_name(f"{stem}{suffix}")
        while str(chosen).casefold() in taken:
            number += 1
            chosen = path.with_name(f"{stem}~{number}{suffix}")
        taken.add(str(chosen).casefold())
        found.append(str(chosen))
    return found


def _make_part(part: str) -> str:
    """Return a part of a path that is safe."""
    kept = "".join(c if c.isprintable() and c != "/" else "_" for c in part)
    kept = _UNSAFE.sub("_", kept)
    if len(kept.encode()) > _LONGEST:
        ending = PurePosixPath(kept).suffix[:8]
        kept = _cut(kept, _LONGEST - len(ending.encode())) + ending
    kept = kept.rstrip(". ")
    if kept.strip(".") == "" or _RESERVED.fullmatch(kept):
        return f"_{kept.strip('.')}"
    return kept


def _cut(text: str, size: int) -> str:
    """Return the beginning of text that takes so many bytes at most."""
    return text.encode()[:size].decode(errors="ignore")
