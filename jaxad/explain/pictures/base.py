"""Writing pictures to files. matplotlib is imported when a picture is drawn."""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from jaxad.errors import ConfigError
from jaxad.utils.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KINDS", "check_picture", "save_picture"]

KINDS = (".png", ".pdf", ".svg")


def check_picture(path: str | Path) -> str:
    """Check that a picture can be written to a file, before it is drawn.

    Args:
        path: The file.

    Returns:
        The format, by the ending of the name: "png", "pdf" or "svg".

    Raises:
        ConfigError: Another ending, or matplotlib is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in KINDS:
        raise ConfigError(f"{path}: the name of a picture must end in {', '.join(KINDS)}")
    if find_spec("matplotlib") is None:
        raise ConfigError("a plot needs matplotlib: pip install 'jaxad[plots]'")
    return suffix[1:]


def save_picture(figure: "Figure", path: str | Path, dpi: int = 150) -> None:
    """Write a figure to a file; an existing file is replaced once the new one is complete.

    Args:
        figure: The figure.
        path: A file whose name ends in one of `KINDS`.
        dpi: Pixels per inch.

    Raises:
        ConfigError: Another ending, or matplotlib is not installed.
    """
    kind = check_picture(path)
    with write_atomically(Path(path)) as partial, warnings.catch_warnings():
        # A name in a script that matplotlib's font lacks is drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure.savefig(partial, format=kind, dpi=dpi)
