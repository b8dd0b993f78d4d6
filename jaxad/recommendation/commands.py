"""The commands to run next, as lists of arguments."""

from dataclasses import dataclass
from typing import Any

from jaxad.detectors import get_entry
from jaxad.recommendation.choose import Recommendation
from jaxad.recommendation.evidence import setting_text, settings_of

__all__ = ["Source", "suggest_commands"]

MODEL = "my_detector"
PLACEHOLDERS = {
    "table": "mine.csv",
    "image": "mine.npz",
    "sequence": "sequence:mine.csv",
    "text": "mine.jsonl",
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """The data that a recommendation is for.

    Attributes:
        data: The file, or the name of a data set; None for a placeholder.
        is_file: Whether it is a file of one's own, to be trained on whole, rather than a labelled
            data set, to be split.
        data_dir: The folder that data sets are looked for in.
        label: The label column.
        label_kind: What the labels are, as `jaxad fit` takes it.
        exposure: The exposure set; None for a placeholder where there is one.
    """

    data: str | None = None
    is_file: bool = True
    data_dir: str | None = None
    label: str | None = None
    label_kind: str | None = None
    exposure: str | None = None


def suggest_commands(found: Recommendation, source: Source | None = None) -> list[list[str]]:
    """What to type next: to train, and then to score or to draw; or to audit, or to measure.

    A detector of scikit-learn, which is not saved, ranks the rows of the file; then the best one
    that is saved is trained.

    Args:
        found: The recommendation.
        source: The data; by default a placeholder, whose labels are -1, 0 and 1 if it has any.

    Returns:
        Each command as its arguments, `jaxad` first. VECTORS stands for a file of word vectors.
    """
    source = source or Source()
    asked, name, config = found.situation, found.detector, found.config
    if not source.is_file:
        return [
            ["jaxad", "run", _data(found, source, name), name, *_protocol(found, source, config)]
        ]
    todo = []
    if asked.want == "audit" or get_entry(name).host:
        audit = ["jaxad", "audit", _data(found, source, name), name, "--out", "suspects.csv"]
        todo.append([*audit, *_labels(found, source), *_settings(config)])
    if asked.want == "audit" or (found.saved is None and todo):
        return todo
    if found.saved is not None:
        name, config = found.saved.detector, settings_of(found.saved.settings)
    data = _data(found, source, name)
    fit = ["jaxad", "fit", data, name, "--out", MODEL, *_labels(found, source)]
    fit += [*_exposure(found, source), *_settings(config)]
    if asked.want == "heatmaps":
        return [fit, ["jaxad", "explain", MODEL, data, "--out", "pictures"]]
    column = [] if source.label is None else ["--label", source.label]
    return [*todo, fit, ["jaxad", "score", MODEL, data, "--out", "scores.csv", *column]]


def _data(found: Recommendation, source: Source, detector: str) -> str:
    """The data as a detector takes it: texts as mean word vectors, unless it reads words."""
    data = source.data or PLACEHOLDERS[found.situation.kind]
    words = get_entry(detector).examples == "text"
    if found.situation.kind == "text" and not words and not data.startswith("mean:"):
        return f"mean:VECTORS:{data}"
    return data


def _labels(found: Recommendation, source: Source) -> list[str]:
    """Where the labels of a file are, and what they are."""
    asked, kind = found.situation, source.label_kind
    if source.data is None and asked.labelled_anomalies + asked.labelled_normals:
        kind = "training"
    column = [] if source.label is None else ["--label", source.label]
    return column if kind is None else [*column, "--label-kind", kind]


def _exposure(found: Recommendation, source: Source) -> list[str]:
    if not found.situation.exposure:
        return []
    return ["--exposure", source.exposure or "others.npz"]


def _protocol(found: Recommendation, source: Source, config: dict[str, Any]) -> list[str]:
    """How `jaxad run` is to split a data set, as the situation says."""
    asked = found.situation
    options = [] if source.data_dir is None else ["--data-dir", source.data_dir]
    options += ["--labelled-anomalies", str(asked.labelled_anomalies)]
    if asked.labelled_normals:
        options += ["--labelled-normals", str(asked.labelled_normals)]
    share = "none" if asked.contamination is None else f"{asked.contamination:g}"
    return [*options, "--contamination", share, *_exposure(found, source), *_settings(config)]


def _settings(config: dict[str, Any]) -> list[str]:
    """Settings as options. Where texts find their vectors is for the user to say."""
    own = {name: "VECTORS" if name == "vectors" else value for name, value in config.items()}
    pairs = setting_text(own).split("; ") if own else []
    return [part for pair in pairs for part in ("--set", pair)]
