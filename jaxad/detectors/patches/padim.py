"""PaDiM: a Gaussian for each place of a map.

References:
    Defard et al. 2021, PaDiM: a patch distribution modeling framework for anomaly detection and
    localization.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.patches.maps import as_maps, check_maps
from jaxad.detectors.registry import Spec, register

__all__ = ["PaDiM", "PlaceDistance", "build_padim"]

_ENTRIES = 2**24  # entries of the maps that are scored at once: 64 MB


@dataclass(frozen=True, kw_only=True)
class PaDiM(CheckedConfig):
    """Settings of PaDiM.

    Attributes:
        channels: Number of channels, drawn at random, that the Gaussians are fitted to, >= 1; all
            if there are fewer, or with None.
        epsilon: Number that is added to the variances, > 0. It is in the units of the squared
            channels.
    """

    channels: int | None = 100
    epsilon: float = 0.01

    def __post_init__(self):
        ok = self.channels is None or is_count(self.channels, 1)
        self._need(ok, "channels", "a whole number of at least 1, or None")
        self._need(is_number(self.epsilon) and self.epsilon > 0, "epsilon", "> 0")


@dataclass(frozen=True)
class PlaceDistance:
    """The largest Mahalanobis distance of the patches of a map as a score.

    Attributes:
        mean: The mean at each place, `(height, width, d)`.
        factor: `(height, width, d, d)` lower triangular matrices F with `F^T F` the inverse of the
            covariance.
        channels: `(d,)` the channels of the maps that are used.
    """

    mean: Float[np.ndarray, "height width d"]
    factor: Float[np.ndarray, "height width d d"]
    channels: Int[np.ndarray, "d"]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(n, height * width * all channels)` rows."""
        return self.compute_maps(rows).max(axis=(1, 2)).astype(np.float64)

    def compute_maps(self, rows: np.ndarray) -> Float[np.ndarray, "n height width"]:
        """Return the distances of all patches."""
        maps = as_maps(rows, np.array(self.mean.shape[:2]))[..., self.channels]
        block = max(1, min(len(maps), _ENTRIES // self.mean.size))
        out = np.empty(maps.shape[:3], np.float32)
        for start in range(0, len(maps), block):
            some = maps[start : start + block]
            blank = np.zeros((block - len(some), *some.shape[1:]), some.dtype)
            found = _measure(np.concatenate([some, blank]), self.mean, self.factor)
            out[start : start + block] = np.asarray(found)[: len(some)]
        return out


@register("padim", PaDiM, uses_labels=False, examples="image", host=True)
def build_padim(config: PaDiM, spec: Spec) -> HostDetector:
    """PaDiM; the score is the largest Mahalanobis distance of the patches of a map.

    At each place of a map, a Gaussian is fitted to the training patches at that place. Its
    covariance is regularised by `epsilon` times the identity.

    Raises:
        ConfigError: The examples are not maps.
    """
    height, width, channels = check_maps(spec, "padim")

    def train(x: np.ndarray, label: np.ndarray, seed: int) -> PlaceDistance:
        drawn = np.random.default_rng(seed).permutation(channels)[: config.channels]
        drawn = np.sort(drawn)
        maps = as_maps(x[label >= 0], np.array([height, width]))[..., drawn]
        return PlaceDistance(*_fit(maps, config.epsilon), drawn)

    return HostDetector(train, score_type=PlaceDistance)


def _fit(
    maps: Float[np.ndarray, "n height width d"], epsilon: float
) -> tuple[Float[np.ndarray, "height width d"], Float[np.ndarray, "height width d d"]]:
    """Return the means, and the inverses of the Cholesky factors of the covariances."""
    n, height, width, d = maps.shape
    places = maps.reshape(n, -1, d).transpose(1, 0, 2)
    mean = places.mean(axis=1, dtype=np.float64)
    factor = np.empty((len(places), d, d), np.float32)
    for place, (rows, centre) in enumerate(zip(places, mean, strict=True)):
        centred = rows - centre
        covariance = centred.T @ centred / (n - 1) + epsilon * np.eye(d)
        factor[place] = np.linalg.inv(np.linalg.cholesky(covariance))
    mean = mean.astype(np.float32).reshape(height, width, d)
    return mean, factor.reshape(height, width, d, d)


@jax.jit
def _measure(maps: Array, mean: Array, factor: Array) -> Float[Array, "n height width"]:
    product = partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
    white = product("hwij,nhwj->nhwi", factor, maps - mean)
    return jnp.linalg.norm(white, axis=-1)
