"""The options of `jaxad clean`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxad.cli.options.common import Common, PictureReading, Settings
from jaxad.cli.options.series import SeriesReading

__all__ = ["Clean"]


@dataclass(frozen=True, kw_only=True)
class Clean(SeriesReading, PictureReading, Common):
    """Clean a training set with few answers of a person.

    `jaxad clean mine.csv --session DIR` audits the table and writes DIR/ask.csv: the rows whose
    labels help most, each with its suspicion and a reason. Fill in the column label: 1 or anomaly,
    0 or normal, nothing for a row that you cannot tell. Then `jaxad clean --session DIR` reads the
    answers and asks for further rows, until the budget is spent. --finish ends it before.

    The data may also be a folder of pictures, texts, or a table of series (--time); its pictures
    and texts are named by their files, and windows by their first timestamp. The windows that are
    asked for do not overlap.

    The end is the folder DIR/result: suspects.csv, the rows to drop; clean.csv, the table without
    them; detector, a detector trained on what remains, with a threshold for `jaxad score`;
    report.html, which gives the expected share of anomalies among the dropped rows, an interval for
    the anomalies that remain, and the bound on false alarms with its condition.

    Answers may be wrong (--label-noise), refused or in any order. Lines of ask.csv for rows that
    were not asked count as answers, too, but not against the budget; a later answer replaces an
    earlier one.

    Exit codes: 0 done, 1 failure, 2 wrong use.

    Attributes:
        data: The table, or another file or folder that `jaxad fit` takes. Leave it out to go on
            with a session.
        session: The folder of the session.
        budget: The number of answers.
        batch: The number of rows that are asked for at a time.
        checks: How many of the answers are for rows drawn at random, which are asked for last. They
            give an exact interval for the anomalies that remain.
        alpha: The bound on the share of new normal rows that are alarms, in (0, 1).
        reference: The share of the rows that are kept out of training, for the threshold. Without
            such rows (0) no threshold is chosen. Default: 0.25, and 0 for series and texts.
        label_noise: The expected share of wrong answers, in [0, 0.5).
        detector: The detector that is trained on what remains. Default: auto; for pictures and
            series the one that `jaxad recommend` names; none for texts.
        settings: A setting of its configuration. Repeat the option for further settings.
        seed_root: The root of all randomness, a whole number.
        finish: End the session with the answers so far.
    """

    data: Annotated[
        Positional[Path | None], arg(metavar="[DATA]", help_behavior_hint="(optional)")
    ] = None
    session: Path
    budget: int = 20
    batch: int = 5
    checks: int = 0
    alpha: float = 0.05
    reference: Annotated[float | None, arg(help_behavior_hint="(optional)", metavar="SHARE")] = None
    label_noise: float = 0.0
    detector: str = "auto"
    settings: Settings = ()
    seed_root: int = 0
    finish: bool = False
