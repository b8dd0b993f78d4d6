"""Types of options that several commands take."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

from tyro.conf import UseAppendAction, arg

from jaxad.data.sources.labels import LabelKind

__all__ = [
    "Classes",
    "Common",
    "DataDir",
    "Exposure",
    "ExposureRows",
    "Kind",
    "Label",
    "Own",
    "Settings",
    "show_choices",
]


def show_choices(choices: Any) -> str:
    """Return how `--help` shows the values of a `Literal` type: "{a,b}"."""
    return f"{{{','.join(map(str, get_args(choices)))}}}"


Settings = Annotated[UseAppendAction[tuple[str, ...]], arg(name="set", metavar="FIELD=VALUE")]
Classes = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="CLASS")]
Own = Annotated[int | None, arg(help_behavior_hint="(default: the detector's own)", metavar="INT")]
DataDir = Annotated[
    Path | None, arg(help_behavior_hint="(default: the environment's JAXAD_DATA)", metavar="PATH")
]
Exposure = Annotated[str | None, arg(help_behavior_hint="(optional)", metavar="DATASET")]
ExposureRows = Annotated[int | None, arg(help_behavior_hint="(default: all)", metavar="INT")]
Label = Annotated[
    str | None,
    arg(
        help_behavior_hint="(default: the one named label, y, anomaly or outlier, if any)",
        metavar="COLUMN",
    ),
]
Kind = Annotated[
    LabelKind | None,
    arg(help_behavior_hint="(default: training)", metavar=show_choices(LabelKind)),
]
Modules = Annotated[UseAppendAction[tuple[str, ...]], arg(name="import", metavar="MODULE")]


@dataclass(frozen=True, kw_only=True)
class Common:
    """The options of every command.

    Attributes:
        debug: On an error, print the traceback.
        imports: A Python module that registers detectors, weightings or data sets, on Python's path
            or in the current folder. Give it again for another one.
    """

    debug: bool = False
    imports: Modules = ()
