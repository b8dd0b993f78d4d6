"""Options of the command that recommends a detector."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from jaxad.cli.options.common import Common, DataDir, Exposure, PictureReading, show_choices
from jaxad.cli.options.series import SeriesReading
from jaxad.recommendation.situation import Kind, Want

__all__ = ["Recommend"]

Number = Annotated[int | None, arg(help_behavior_hint="(default: unknown)", metavar="INT")]


@dataclass(frozen=True, kw_only=True)
class Recommend(SeriesReading, PictureReading, Common):
    """Recommend the detector to try first, with reasons and the next commands.

    The recommendation is based on results that come with jaxad, measured on other data sets in the
    nearest situation; they are printed with the commands that measured them. Nothing is trained,
    and labels of the data are only counted. docs/explanation/recommendations.md says how good such
    a choice is.

    Exit codes: 0 done, 1 failure, 2 wrong use.

    Attributes:
        data: A file or folder to train on, as for `jaxad fit`, or the name of a labelled data set,
            as for `jaxad run`. Its type, its rows and columns, and the labels of a file are read
            from it. Without it the options describe the data.
        type: The type of an example; features are those of a frozen network, one row an image or a
            text; series are read in windows.
        rows: The number of training rows.
        columns: The number of columns of a table.
        labelled_anomalies: The number of training rows that are, or will be, labelled anomalies.
        labelled_normals: The number of labelled normal rows.
        contamination: The expected share of anomalies among the unlabelled rows, in [0, 1). By
            default 10 % is assumed, the largest share that was measured.
        want: scores: anomaly scores. audit: also which training rows are hidden anomalies.
            heatmaps: also which parts of an image are anomalous.
        exposure: A data set of images, by name or path, that are certainly not normal.
        data_dir: The folder where data files are looked for by name.
        json: Print one JSON object.
    """

    data: Annotated[
        Positional[str | None], arg(metavar="[DATA]", help_behavior_hint="(optional)")
    ] = None
    type: Annotated[
        Kind | None,
        arg(help_behavior_hint="(default: table)", metavar=show_choices(Kind)),
    ] = None
    rows: Number = None
    columns: Number = None
    labelled_anomalies: Annotated[
        int | None, arg(help_behavior_hint="(default: 0)", metavar="INT")
    ] = None
    labelled_normals: Annotated[
        int | None, arg(help_behavior_hint="(default: 0)", metavar="INT")
    ] = None
    contamination: Annotated[
        float | None, arg(help_behavior_hint="(default: unknown)", metavar="FLOAT")
    ] = None
    want: Want = "scores"
    exposure: Exposure = None
    data_dir: DataDir = None
    json: bool = False
