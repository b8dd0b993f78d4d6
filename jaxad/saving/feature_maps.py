"""Features of images: the inner maps of the network of a saved detector."""

from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Num

from jaxad.detector import Detector
from jaxad.errors import ConfigError, DataError
from jaxad.models import Reconstruction, ScoreMap
from jaxad.models.base import as_input
from jaxad.nets.base import Net
from jaxad.nets.inner_maps import compute_inner_maps, join_maps
from jaxad.saving.folder import load
from jaxad.types import State, Variables
from jaxad.utils.modes import pinned_modes

__all__ = ["compute_feature_maps"]

_BLOCK = 64  # images at once


@pinned_modes()
def compute_feature_maps(
    folder: str | Path, x: Num[np.ndarray, "n *shape"], name: str = "x"
) -> Float[np.ndarray, "n u v d"]:
    """Compute the inner maps of a saved detector for images.

    They are the activations after each convolution of FCDD's network or of the encoder of an
    autoencoder, joined on one grid (`jaxad.nets.inner_maps`), under the first seed.

    Args:
        folder: The folder of the detector.
        x: `(n, height, width, channels)` raw images as those of its training.
        name: The source of the images, for errors.

    Raises:
        ConfigError: The detector has no inner maps.
        DataError: The folder has no saved detector, or images are not those of its training.
    """
    fitted, scaling = load(folder)
    detector = fitted.detector
    shape = tuple(detector.input_shape or ())
    if x.shape[1:] != shape:
        raise DataError(
            f"{name}: rows have shape {x.shape[1:]}; the detector in {folder} was trained on "
            f"{shape}"
        )
    net, state = _choose_net(detector, folder), fitted.only(0).state
    variables = _select_variables(detector, jax.tree.map(lambda leaf: leaf[0], state))
    block = min(_BLOCK, 1 << (len(x) - 1).bit_length())
    parts = []
    for start in range(0, len(x), block):
        rows = x[start : start + block]
        if scaling is not None:
            rows = scaling.apply(rows)
            rows = rows[0] if scaling.shift.ndim == 2 else rows
        blank = np.zeros((block - len(rows), *shape), rows.dtype)
        maps = _compute(net, variables, np.concatenate([rows, blank]))
        parts.append(np.asarray(maps)[: len(rows)])
    return np.concatenate(parts)


@partial(jax.jit, static_argnums=0)
def _compute(net: Net, variables: Variables, x: Array) -> Float[Array, "b u v d"]:
    return join_maps(compute_inner_maps(net, variables, as_input(x, net.input_shape)))


def _choose_net(detector: Any, folder: str | Path) -> Net:
    """Return the network whose inner maps are the features.

    Raises:
        ConfigError: The detector has none.
    """
    parts = detector.parts if isinstance(detector, Detector) else None
    model = None if parts is None else parts.model
    net = None
    if isinstance(model, ScoreMap | Reconstruction):
        net = model.net if isinstance(model, ScoreMap) else model.encoder
    if net is None or not net.convolutional:
        raise ConfigError(
            f"{folder}: {detector.name} has no inner maps; give a detector of images with a "
            "convolutional network, fcdd or autoencoder"
        )
    return net


def _select_variables(detector: Any, state: State) -> Variables:
    model = detector.parts.model
    if isinstance(model, Reconstruction):
        return model.select_encoder(state.variables)
    return state.variables
