"""States of a fit between chunks, saved so that a fit that was cut off resumes."""

import hashlib
import json
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxad.detector import Detector
from jaxad.errors import ConfigError
from jaxad.training.fitted import Place
from jaxad.types import Key, PyTree, TrainData
from jaxad.utils.configs import check_plain, settings_dict

__all__ = ["Saver"]


class Saver:
    """A folder that keeps the places that a fit reaches, and finds the last one again.

    Args:
        folder: The folder; made if it is not there.
        detectors: What is fitted: one for all seeds, or one for each.
        train: What it is fitted on.
        root: The root key of the fit.
        seeds: The numbers of the seeds that are fitted.
        every: Least seconds between two saves.

    Raises:
        ConfigError: The folder holds checkpoints of another fit, or cannot be written.
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
        import orbax.checkpoint as ocp

        self._ocp = ocp
        self._every, self._last = every, time.monotonic()
        folder = folder.absolute()
        fingerprint = _fingerprint(detectors, train, root) | {"seeds": seeds}
        about = folder / "fit.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if about.exists():
                if json.loads(about.read_text()) != fingerprint:
                    raise ConfigError(
                        f"the folder {str(folder)!r} holds checkpoints of another fit (detector, "
                        "configuration, data, key or number of seeds differ): give another folder"
                    )
            else:
                about.write_text(json.dumps(fingerprint, indent=2) + "\n")
        except json.JSONDecodeError as error:
            raise ConfigError(f"{str(about)!r} is broken ({error}): give another folder") from error
        except OSError as error:
            raise ConfigError(f"cannot write to {str(folder)!r}: {error}") from error
        options = ocp.CheckpointManagerOptions(max_to_keep=2)
        self._manager = ocp.CheckpointManager(folder / "places", options=options)

    def due(self) -> bool:
        """Return whether it is time to save again."""
        return time.monotonic() - self._last >= self._every

    def save(self, place: Place) -> None:
        """Save a place. A later one replaces it."""
        args = self._ocp.args
        where = {"phase": place.phase, "step": place.step, "history": _shapes(place.history)}
        self._manager.save(
            (self._manager.latest_step() or 0) + 1,
            args=args.Composite(
                arrays=args.StandardSave({"state": place.state, "history": place.history}),
                where=args.JsonSave(where),
            ),
        )
        self._manager.wait_until_finished()  # the state's buffers are donated to the next chunk
        self._last = time.monotonic()

    def restore(self, state_in: Callable[[int], PyTree]) -> Place | None:
        """Read the last place that was saved; None if there is none.

        Args:
            state_in: The shapes of the state in a phase, by its number.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        args = self._ocp.args
        where = self._manager.restore(step, args=args.Composite(where=args.JsonRestore()))["where"]
        history = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(tuple(leaf["shape"]), jnp.dtype(leaf["dtype"])),
            where["history"],
            is_leaf=lambda leaf: "shape" in leaf,
        )
        target = {"state": state_in(where["phase"]), "history": history}
        arrays = self._manager.restore(
            step, args=args.Composite(arrays=args.StandardRestore(target))
        )["arrays"]
        history = jax.tree.map(np.asarray, arrays["history"])
        return Place(where["phase"], where["step"], arrays["state"], history)

    def close(self) -> None:
        """Wait for what is being written."""
        self._manager.close()


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
