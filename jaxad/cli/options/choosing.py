"""Options of the command that says which detector to try."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from jaxad.cli.options.common import Common, DataDir, Exposure, Kind, Label, show_choices
from jaxad.detectors.registry import Examples
from jaxad.recommendation.situation import Want

__all__ = ["Recommend"]

Number = Annotated[int | None, arg(help_behavior_hint="(default: not known)", metavar="INT")]


@dataclass(frozen=True, kw_only=True)
class Recommend(Common):
    """Say which detector to try first, why, and what to type next.

    Goes by results that come with jaxad, measured on other data sets in the nearest situation, and
    prints them with the commands that measured them. Nothing is trained, and no label of the data
    is looked at but to count them. docs/explanation/recommendations.md says how good such a choice
    is.

    Exit codes: 0 done, 1 failure, 2 wrong use.

    Attributes:
        data: A file to train on, as `jaxad fit` takes it, or the name of a labelled data set, as
            `jaxad run` does. Its kind, its rows and columns, and a file's labels are read from it.
            Without it the options say what there is.
        type: What an example is.
        rows: How many training rows there are.
        columns: How many columns a table has.
        labelled_anomalies: How many training rows are, or are to be, labelled anomalies.
        labelled_normals: How many are labelled normal rows.
        contamination: The share of anomalies that is expected among the unlabelled rows, in [0, 1).
            Not known counts as 10 %, the largest that was measured.
        want: scores. audit: to see, too, which training rows are hidden anomalies. heatmaps: to
            see, too, which parts of an image are anomalous.
        exposure: A data set of images, by name or path, that are surely not normal ones.
        label: The label column of a csv or parquet file.
        label_kind: What the labels of a file are, as in `jaxad fit`.
        data_dir: The folder where data files are looked for by name.
        json: Print one JSON object.
    """

    data: Annotated[
        Positional[str | None], arg(metavar="[DATA]", help_behavior_hint="(optional)")
    ] = None
    type: Annotated[
        Examples | None,
        arg(help_behavior_hint="(default: table)", metavar=show_choices(Examples)),
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
        float | None, arg(help_behavior_hint="(default: not known)", metavar="FLOAT")
    ] = None
    want: Want = "scores"
    exposure: Exposure = None
    label: Label = None
    label_kind: Kind = None
    data_dir: DataDir = None
    json: bool = False
