"""The commands to run next, as lists of arguments."""

from dataclasses import dataclass, replace
from typing import Any

from jaxad.data.series.options import SeriesOptions
from jaxad.data.tables.options import TableOptions
from jaxad.detectors import get_entry
from jaxad.recommendation.choose import Recommendation
from jaxad.recommendation.evidence import format_settings

__all__ = ["DataSource", "suggest_commands"]

_PLAIN = TableOptions()
_TIMED = SeriesOptions(time="time")
MODEL = "my_detector"
PLACEHOLDERS = {
    "table": "mine.csv",
    "image": "mine.npz",
    "sequence": "sequence:mine.csv",
    "text": "mine.jsonl",
    "features": "features:mine.npz",
    "series": "mine.csv",
}


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """The data that a recommendation is for.

    Attributes:
        data: The file, or the name of a data set; None for a placeholder.
        is_file: Whether it is a file to train on as a whole; otherwise it is a labelled data set,
            which is split.
        data_dir: The folder where data files are looked for by name.
        table: How a table is read, the parts of its columns and the values of labels.
        exposure: The exposure set; None for a placeholder where there is one.
    """

    data: str | None = None
    is_file: bool = True
    data_dir: str | None = None
    table: TableOptions = _PLAIN
    exposure: str | None = None


def suggest_commands(found: Recommendation, source: DataSource | None = None) -> list[list[str]]:
    """Return the next commands: to train and to score or explain, to audit, or to evaluate.

    Args:
        found: The recommendation.
        source: The data; by default a placeholder.

    Returns:
        Each command as its arguments, `jaxad` first. VECTORS stands for a file of word vectors.
    """
    source = source or DataSource()
    if found.situation.kind == "series" and source.data is None:
        source = replace(source, table=source.table._replace(series=_TIMED))
    asked, name, config = found.situation, found.detector, found.config
    if not source.is_file:
        return [
            ["jaxad", "run", _data(found, source, name), name, *_protocol(found, source, config)]
        ]
    if asked.want == "audit":
        audit = ["jaxad", "audit", _data(found, source, name), name, "--out", "suspects.csv"]
        return [[*audit, *_list_options(source.table), *_settings(config)]]
    data = _data(found, source, name)
    fit = ["jaxad", "fit", data, name, "--out", MODEL, *_list_options(source.table)]
    fit += [*_exposure(found, source), *_settings(config)]
    if asked.want == "heatmaps":
        return [fit, ["jaxad", "explain", MODEL, data, "--out", "pictures"]]
    plain = source.table._replace(positive=(), normal=(), series=None, size=None)
    how = _list_options(plain)
    return [fit, ["jaxad", "score", MODEL, data, "--out", "scores.csv", *how]]


def _data(found: Recommendation, source: DataSource, detector: str) -> str:
    """Return the data as a detector takes it: texts as mean word vectors, unless it reads words."""
    data = source.data or PLACEHOLDERS[found.situation.kind]
    words = get_entry(detector).examples == "text"
    if found.situation.kind == "text" and not words and not data.startswith("mean:"):
        return f"mean:VECTORS:{data}"
    return data


def _list_options(table: TableOptions) -> list[str]:
    """Return the options of tables that differ from the defaults."""
    options = []
    series = {} if table.series is None else table.series._asdict()
    own = table._replace(series=None)._asdict()
    for name, value in (own | {n: str(v) for n, v in series.items() if v is not None}).items():
        if value != getattr(_PLAIN, name, None):
            options += [f"--{name}", *((value,) if isinstance(value, str) else value)]
    return options


def _exposure(found: Recommendation, source: DataSource) -> list[str]:
    if not found.situation.exposure:
        return []
    return ["--exposure", source.exposure or "others.npz"]


def _protocol(found: Recommendation, source: DataSource, config: dict[str, Any]) -> list[str]:
    """Return the options with which `jaxad run` draws the situation from a data set."""
    asked = found.situation
    options = [] if source.data_dir is None else ["--data-dir", source.data_dir]
    options += ["--labelled-anomalies", str(asked.labelled_anomalies)]
    if asked.labelled_normals:
        options += ["--labelled-normals", str(asked.labelled_normals)]
    share = "none" if asked.contamination is None else f"{asked.contamination:g}"
    return [*options, "--contamination", share, *_exposure(found, source), *_settings(config)]


def _settings(config: dict[str, Any]) -> list[str]:
    """Return settings as options; VECTORS stands for the file of word vectors."""
    own = {name: "VECTORS" if name == "vectors" else value for name, value in config.items()}
    pairs = format_settings(own).split("; ") if own else []
    return [part for pair in pairs for part in ("--set", pair)]
