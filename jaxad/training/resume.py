"""States of a fit between chunks, saved so that a fit that was cut off resumes."""

import hashlib
import json
import shutil
import time
import warnings
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxad.detector import Detector
from jaxad.errors import ConfigError, DataError, StorageError, StorageWarning
from jaxad.training.fitted import Place
from jaxad.types import Key, PyTree, TrainData
from jaxad.utils.arrays import ORBAX, check_chunks, write_arrays
from jaxad.utils.checksums import (
    SUMS,
    Finding,
    check_files,
    read_sealed,
    seal,
    verify_checksums,
    write_checksums,
)
from jaxad.utils.configs import check_plain, settings_dict
from jaxad.utils.files import create_folder, lock_folder, write_atomically
from jaxad.utils.limits import read_json, refuse_broken

__all__ = ["Saver", "check_checkpoint", "is_checkpoint"]

_FIT, _PLACE, _ARRAYS, _WHERE = "fit.json", "place-", "arrays", "where.json"


class Saver:
    """A folder that keeps the places that a fit reaches, and finds the last one again.

    It is held by one fit at a time, until `close`. The file fit.json says what is fitted; each
    place is a folder with checksums, which appears when it is complete. The last two are kept.

    Args:
        folder: The folder; made if it is not there.
        detectors: What is fitted: one for all seeds, or one for each.
        train: What it is fitted on.
        root: The root key of the fit.
        seeds: The numbers of the seeds that are fitted.
        every: Least seconds between two saves.

    Raises:
        ConfigError: The folder holds checkpoints of another fit, or another fit is using it.
        DataError: The folder was damaged.
        StorageError: The folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        detectors: Sequence[Detector],
        train: TrainData,
        root: Key,
        seeds: list[int],
        every: float,
    ):
        self._every, self._last = every, time.monotonic()
        self._folder = folder = folder.absolute()
        fingerprint = _fingerprint(detectors, train, root) | {"seeds": seeds}
        try:
            with ExitStack() as held:
                held.enter_context(lock_folder(folder, "fit", "give another folder"))
                _check_fit(folder, fingerprint)
                self._held = held.pop_all()
        except OSError as error:
            raise StorageError(f"checkpoint: cannot write to {str(folder)!r}: {error}") from error

    def due(self) -> bool:
        """Return whether it is time to save again."""
        return time.monotonic() - self._last >= self._every

    def save(self, place: Place) -> None:
        """Save a place, and remove those before the last.

        A place that cannot be written, such as on a full disk, is a `StorageWarning`: the fit goes
        on, and the places before are kept.
        """
        places = _list_places(self._folder)
        number = 1 + (int(places[-1].name.removeprefix(_PLACE)) if places else 0)
        where = {"phase": place.phase, "step": place.step, "history": _shapes(place.history)}
        folder = self._folder / f"{_PLACE}{number:08d}"
        try:
            with create_folder(folder) as partial:
                write_arrays({"state": place.state, "history": place.history}, partial / _ARRAYS)
                (partial / _WHERE).write_text(json.dumps(where, indent=2) + "\n")
                write_checksums(partial)
        except OSError as error:
            warnings.warn(
                f"checkpoint: cannot save to {str(self._folder)!r}: {error}. Training goes on",
                StorageWarning,
                stacklevel=2,
            )
        else:
            for old in places[:-1]:
                shutil.rmtree(old, ignore_errors=True)
        self._last = time.monotonic()

    def restore(self, state_in: Callable[[int], PyTree]) -> Place | None:
        """Read the last place that was saved; None if there is none.

        Args:
            state_in: The shapes of the state in a phase, by its number.

        Raises:
            DataError: The place was damaged.
        """
        import orbax.checkpoint as ocp

        places = _list_places(self._folder)
        if not places:
            return None
        folder = places[-1]
        cure = f"remove the folder {str(folder)!r} to continue from the state before it"
        try:
            verify_checksums(folder, "a checkpoint")
        except DataError as error:
            raise DataError(f"{error}; {cure}") from error
        where = read_json(folder / _WHERE)
        with refuse_broken(f"the checkpoint {str(folder)!r} cannot be read; {cure}"):
            history = jax.tree.map(
                lambda leaf: jax.ShapeDtypeStruct(tuple(leaf["shape"]), jnp.dtype(leaf["dtype"])),
                where["history"],
                is_leaf=lambda leaf: "shape" in leaf,
            )
            target = {"state": state_in(where["phase"]), "history": history}
            check_chunks(folder / _ARRAYS)
            with ORBAX, ocp.StandardCheckpointer() as checkpointer:
                arrays = checkpointer.restore(folder / _ARRAYS, target)
            history = jax.tree.map(np.asarray, arrays["history"])
            return Place(where["phase"], where["step"], arrays["state"], history)

    def close(self) -> None:
        """Let go of the folder."""
        self._held.close()


def is_checkpoint(folder: Path) -> bool:
    """Return whether a folder is one of checkpoints."""
    return (folder / _FIT).exists() or bool(_list_places(folder))


def check_checkpoint(folder: Path) -> list[Finding]:
    """Return the files of a folder of checkpoints and what is wrong with them."""
    found = []
    try:
        read_sealed(folder / _FIT)
    except DataError as error:
        found.append(Finding(_FIT, str(error)))
    else:
        found.append(Finding(_FIT, None))
    for place in _list_places(folder):
        try:
            files = check_files(place, "a checkpoint")
        except DataError as error:
            files = [Finding(SUMS, str(error))]
        found += [Finding(f"{place.name}/{file}", problem) for file, problem in files]
    return found


def _list_places(folder: Path) -> list[Path]:
    """Return the folders of places, the last one last."""
    return sorted(p for p in folder.glob(f"{_PLACE}*") if p.name.removeprefix(_PLACE).isdigit())


def _check_fit(folder: Path, fingerprint: dict[str, Any]) -> None:
    """Write what is fitted to a folder; where that is there, compare it.

    Raises:
        ConfigError: The folder belongs to another fit, or to an earlier version.
        DataError: The description was damaged.
        OSError: The folder cannot be written.
    """
    about = folder / _FIT
    if not about.exists():
        with write_atomically(about) as partial:
            partial.write_text(json.dumps(seal(fingerprint), indent=2) + "\n")
        return
    if (folder / "places").exists():
        raise ConfigError(
            f"checkpoint: the folder {str(folder)!r} holds checkpoints of jaxad 0.2 or before: "
            "give another folder"
        )
    if read_sealed(about) != fingerprint:
        raise ConfigError(
            f"checkpoint: the folder {str(folder)!r} holds checkpoints of another fit (detector, "
            "configuration, data, key or number of seeds differ): give another folder"
        )


def _shapes(history: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: {"shape": leaf.shape, "dtype": str(leaf.dtype)}, history)


def _fingerprint(detectors: Sequence[Detector], train: TrainData, root: Key) -> dict[str, Any]:
    """Describe what must be the same for a fit to resume, as JSON."""
    arrays = [np.ascontiguousarray(a) for a in jax.tree.leaves(train)]
    digest = hashlib.sha256(repr([zlib.crc32(a.tobytes()) for a in arrays]).encode())
    for detector in detectors:
        if detector.config is not None:
            check_plain(detector.config, "a checkpoint")
    configs = [None if d.config is None else settings_dict(d.config) for d in detectors]
    config = configs[0] if len(configs) == 1 else configs
    return {
        "detector": detectors[0].name,
        "config": json.loads(json.dumps(config)),
        "data": digest.hexdigest(),
        "key": np.asarray(jax.random.key_data(root)).tolist(),
    }
