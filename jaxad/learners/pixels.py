"""A step on images of which some pixels are known to be anomalous."""

from jaxtyping import Array

from jaxad.errors import DataError
from jaxad.learners.gradient import gradient_step
from jaxad.learners.optimiser import Optimiser
from jaxad.models.score_map import PixelMap
from jaxad.objectives import Objective
from jaxad.objectives.pixels import pixelwise
from jaxad.types import Batch, Info, Key, State
from jaxad.weighting.base import Weighting

__all__ = ["pixel_step"]


def pixel_step(
    model: PixelMap,
    objective: Objective,
    sigma: Array | float,
    weighting: Weighting,
    optimiser: Optimiser,
    state: State,
    batch: Batch,
    key: Key,
) -> tuple[State, Info]:
    """`gradient_step` on the losses of the pixels that a batch's masks mark.

    Args:
        model: A model whose output is a map.
        objective: The losses of a score, which `pixelwise` makes losses of a map.
        sigma: Deviation of the Gaussian between a map and an image, in pixels.
        weighting: Who decides the two weights of an image.
        optimiser: How parameters move.
        state: The training state.
        batch: Images with masks.
        key: A random key of this step.

    Raises:
        DataError: The batch has no masks.
    """
    if batch.mask is None:
        raise DataError(
            "pixelwise training needs masks of labelled anomalies (train.mask), or confetti, which "
            "makes its own; given neither. Give masks, or pixelwise=False"
        )
    of_pixels = pixelwise(objective, batch.mask, model.field, sigma)
    return gradient_step(model, of_pixels, weighting, optimiser, state, batch, key)
