"""Files of pictures. matplotlib is imported when one is drawn."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from jaxad.errors import ConfigError
from jaxad.utils.files import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KINDS", "kind_of", "save_picture"]

KINDS = (".png", ".pdf", ".svg")


def kind_of(path: str | Path) -> str:
    """The kind of a picture's file, by its name.

    Raises:
        ConfigError: Not one that can be drawn, or matplotlib is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in KINDS:
        raise ConfigError(f"{path}: a picture's name ends in {', '.join(KINDS)}")
    if find_spec("matplotlib") is None:
        raise ConfigError("a plot needs matplotlib: pip install 'jaxad[plots]'")
    return suffix[1:]


def save_picture(figure: "Figure", path: str | Path, dpi: int = 150) -> None:
    """Write a figure; what was there is replaced once the new one is complete.

    Args:
        figure: What is drawn.
        path: A file of one of `KINDS`.
        dpi: Pixels an inch.

    Raises:
        ConfigError: As `kind_of`.
    """
    kind = kind_of(path)
    with written_whole(Path(path)) as partial:
        figure.savefig(partial, format=kind, dpi=dpi)
