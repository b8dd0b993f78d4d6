"""The options of `jaxad verify`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxad.cli.options.common import Common

__all__ = ["Verify"]


@dataclass(frozen=True, kw_only=True)
class Verify(Common):
    """Check that the files of a saved detector, results or checkpoints are undamaged.

    Every file is compared with the digest that was written with it. Files of results of jaxad 0.2
    and before have no digest: they are read, and counted as unprotected.

    Exit codes: 0 every file is whole, 1 a file is damaged, missing or was added, 2 wrong use.

    Attributes:
        folder: A saved detector, a folder of results, or a folder of checkpoints.
        json: Print a JSON object with folder, kind (detector, results or checkpoint), whole, and
            files: the file, its state (whole, damaged or unprotected) and the problem, if any.
    """

    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    json: bool = False
