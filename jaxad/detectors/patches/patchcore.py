"""PatchCore: distances of patches to a memory of training patches.

References:
    Roth et al. 2022, Towards total recall in industrial anomaly detection; Jiang et al. 2022,
    SoftPatch: unsupervised anomaly detection with noisy data (`memory_weighting`).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.patches.coreset import select_coreset
from jaxad.detectors.patches.local_density import measure_outlierness, parse_memory_weighting
from jaxad.detectors.patches.maps import as_maps, average_neighbourhoods, check_maps
from jaxad.detectors.patches.memory import find_nearest, weight_by_neighbours
from jaxad.detectors.registry import Spec, register

__all__ = ["PatchCore", "PatchDistance", "build_patchcore"]


@dataclass(frozen=True, kw_only=True)
class PatchCore(CheckedConfig):
    """Settings of PatchCore.

    Attributes:
        coreset: Share of the training patches that are kept in the memory, in (0, 1].
        neighbourhood: Side of the square of patches that each patch is averaged with, odd; 1 for no
            averaging.
        projection: Number of dimensions in which the memory is chosen, >= 1; None for all channels.
        neighbours: Number of patches of the memory that the score of an image is weighted by, >= 2;
            None for the largest distance without a weight.
        memory_weighting: Weighting of the training patches, "local_density(share, neighbours=6)":
            the share of the patches with the largest local outlier factors is left out, and the
            distance to a patch of the memory is multiplied by its factor. None for no weighting.
    """

    coreset: float = 0.1
    neighbourhood: int = 3
    projection: int | None = 128
    neighbours: int | None = 9
    memory_weighting: str | None = None

    def __post_init__(self):
        self._need(is_number(self.coreset) and 0 < self.coreset <= 1, "coreset", "in (0, 1]")
        odd = is_count(self.neighbourhood, 1) and self.neighbourhood % 2 == 1
        self._need(odd, "neighbourhood", "an odd number of at least 1")
        ok = self.projection is None or is_count(self.projection, 1)
        self._need(ok, "projection", "a whole number of at least 1, or None")
        ok = self.neighbours is None or is_count(self.neighbours, 2)
        self._need(ok, "neighbours", "a whole number of at least 2, or None")
        if self.memory_weighting is not None:
            parse_memory_weighting(self.memory_weighting)


@dataclass(frozen=True)
class PatchDistance:
    """The largest weighted distance of the patches of a map to a memory as a score.

    Attributes:
        memory: The patches of the memory, `(m, channels)`.
        weight: The factor of the distance to each of them, `(m,)`.
        grid: Height and width of the maps.
        neighbourhood: Side of the square of patches that each patch is averaged with.
        neighbours: Number of patches of the memory that a score is weighted by; None for none.
    """

    memory: Float[np.ndarray, "m channels"]
    weight: Float[np.ndarray, "m"]
    grid: Int[np.ndarray, "2"]
    neighbourhood: int
    neighbours: int | None

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(n, height * width * channels)` rows."""
        patches, distance, nearest = self._search(rows)
        maps = (distance * self.weight[nearest]).astype(np.float64)
        place = maps.argmax(axis=1)
        image = np.arange(len(rows))
        score = maps[image, place]
        if self.neighbours is None or len(self.memory) < 2:
            return score
        farthest, closest = patches[image, place], nearest[image, place]
        return score * weight_by_neighbours(farthest, closest, self.memory, self.neighbours)

    def compute_maps(self, rows: np.ndarray) -> Float[np.ndarray, "n height width"]:
        """Return the weighted distances of all patches."""
        _, distance, nearest = self._search(rows)
        return (distance * self.weight[nearest]).reshape(len(rows), *self.grid)

    def _search(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return `(n, places, ...)` patches, distances to the nearest of the memory and which."""
        maps = average_neighbourhoods(as_maps(rows, self.grid), self.neighbourhood)
        patches = maps.reshape(len(maps), -1, maps.shape[-1])
        distance, nearest = find_nearest(patches.reshape(-1, maps.shape[-1]), self.memory)
        shape = patches.shape[:2]
        return patches, distance.reshape(shape), nearest.reshape(shape)


@register("patchcore", PatchCore, uses_labels=False, examples="image", host=True)
def build_patchcore(config: PatchCore, spec: Spec) -> HostDetector:
    """PatchCore; the score is the largest distance of a patch to a memory of training patches.

    Each patch is averaged with those around it, and the memory is a coreset of the training
    patches. The distance of the patch that is farthest from the memory is weighted by how the patch
    of the memory next to it lies among its neighbours.

    Raises:
        ConfigError: The examples are not maps.
    """
    height, width, _ = check_maps(spec, "patchcore")

    def train(x: np.ndarray, label: np.ndarray, seed: int) -> PatchDistance:
        grid = np.array([height, width])
        maps = average_neighbourhoods(as_maps(x[label >= 0], grid), config.neighbourhood)
        patches = maps.reshape(len(maps), height * width, -1)
        weight, kept = _weight_patches(patches, config.memory_weighting)
        points, weight = patches.reshape(-1, patches.shape[-1])[kept], weight[kept]
        count = max(1, round(config.coreset * len(points)))
        chosen = select_coreset(points, count, projection=config.projection, seed=seed)
        return PatchDistance(
            points[chosen], weight[chosen], grid, config.neighbourhood, config.neighbours
        )

    return HostDetector(train, score_type=PatchDistance)


def _weight_patches(
    patches: Float[np.ndarray, "n places d"], weighting: str | None
) -> tuple[Float[np.ndarray, "all"], Int[np.ndarray, "kept"]]:
    """Return the weight of each of the flattened patches, and the indices of those to keep."""
    count = patches.shape[0] * patches.shape[1]
    if weighting is None:
        return np.ones(count, np.float32), np.arange(count)
    how = parse_memory_weighting(weighting)
    factor = measure_outlierness(patches, how.neighbours).reshape(-1)
    kept = np.argsort(factor, kind="stable")[: max(1, count - int(how.share * count))]
    return factor, np.sort(kept)
