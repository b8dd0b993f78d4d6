"""Experiments stored in the folder of their results, so that a report needs nothing else."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from jaxad.errors import ConfigError, DataError
from jaxad.sweep.experiment import Experiment, load_experiment
from jaxad.sweep.jobs import Job, expand
from jaxad.utils.checksums import read_sealed, seal
from jaxad.utils.files import write_atomically
from jaxad.utils.limits import refuse_broken

__all__ = ["FOLDER", "StoredExperiment", "check_stored", "load_stored", "store_experiment"]

FOLDER = "experiments"


class StoredExperiment(NamedTuple):
    """An experiment as it was run last.

    Attributes:
        name: The name of its file, without the ending.
        text: The text of its file.
        size: Which of its sizes was run; None for the file as it is.
        experiment: The experiment.
        jobs: Its jobs.
    """

    name: str
    text: str
    size: str | None
    experiment: Experiment
    jobs: list[Job]


def store_experiment(
    folder: str | Path, path: str | Path, size: str | None, seeds: int | None, jobs: Sequence[Job]
) -> None:
    """Store an experiment in the folder of its results, with its published numbers and classes.

    Args:
        folder: The folder of results.
        path: The file of the experiment.
        size: Which of its sizes is run.
        seeds: The number of seeds, if it differs from the file's.
        jobs: All of its jobs.

    Raises:
        ConfigError: There is no file of published numbers.
        OSError: The folder cannot be written.
    """
    path = Path(path)
    changes: dict[str, Any] = {} if seeds is None else {"seeds": seeds}
    printed = load_experiment(path, size, **changes).published.get("file")
    if printed is not None and not Path(printed).is_file():
        raise ConfigError(f"published: there is no file {printed}")
    classes: dict[int, list] = {}
    for job in jobs:
        of_source = classes.setdefault(job.source, [])
        if [job.normal_class, job.class_label] not in of_source:
            of_source.append([job.normal_class, job.class_label])
    about = {
        "size": size,
        "changes": changes,
        "classes": [classes[i] for i in sorted(classes)],
        "folder": str(path.absolute().parent),
    }
    texts = {"toml": path.read_text()}
    if printed is not None:
        texts["csv"] = Path(printed).read_text()
    about["digests"] = {kind: _compute_digest(text.encode()) for kind, text in texts.items()}
    texts["json"] = json.dumps(seal(about), indent=1)
    try:
        Path(folder, FOLDER).mkdir(exist_ok=True)
        for kind in texts:
            with write_atomically(Path(folder, FOLDER, f"{path.stem}.{kind}")) as partial:
                partial.write_text(texts[kind])
    except OSError as error:
        raise OSError(f"cannot write to the folder {str(folder)!r}: {error}") from error


def load_stored(folder: str | Path) -> list[StoredExperiment]:
    """Load the experiments that were run into a folder of results, by name, without their data.

    Raises:
        DataError: There are none, or one of them cannot be read.
    """
    paths = sorted(Path(folder, FOLDER).glob("[!.]*.json"))
    if not paths:
        raise DataError(f"{folder} holds no experiment; name its TOML file after the folder")
    return [_load(path) for path in paths]


def check_stored(path: Path) -> bool:
    """Check the files of a stored experiment, and return whether they have digests.

    Args:
        path: Its JSON file.

    Raises:
        DataError: One of them was changed since it was stored, or cannot be read.
    """
    return "digests" in _read_about(path)


def _read_about(path: Path) -> dict[str, Any]:
    """Read the JSON file of a stored experiment, and check the others against it."""
    about = read_sealed(path, required=False)
    digests = about.get("digests", {})  # versions up to 0.2 do not have them
    with refuse_broken(f"{path} cannot be read"):
        for kind, digest in digests.items():
            file = path.with_suffix(f".{kind}")
            if _compute_digest(file.read_bytes()) != digest:
                raise DataError(
                    f"{file} was changed since it was stored; `jaxad sweep` stores it again"
                )
    return about


def _compute_digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _load(path: Path) -> StoredExperiment:
    toml, printed = path.with_suffix(".toml"), path.with_suffix(".csv")
    about = _read_about(path)
    try:
        text = toml.read_text()
        # Results of version 0.1.0 do not have the folder.
        origin = about.get("folder")
        experiment = load_experiment(toml, about["size"], plugin_folder=origin, **about["changes"])
        classes = [[(number, label) for number, label in of] for of in about["classes"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if "file" in experiment.published:
        published = experiment.published | {"file": str(printed)}
        experiment = replace(experiment, published=published)
    jobs = expand(experiment, classes=classes)
    return StoredExperiment(path.stem, text, about["size"], experiment, jobs)
