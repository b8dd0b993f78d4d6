"""Which geometric transformation was applied to an image (GT and GT+).

References:
    Golan and El-Yaniv 2018, Deep anomaly detection using geometric transformations; Hendrycks et
    al. 2019, Using self-supervised learning can improve model robustness and uncertainty.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxad.models.base import Applied, as_input
from jaxad.nets.base import Net
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["PARTS", "TransformedImages", "TransformedImagesOut", "transform_images"]

PARTS = (2, 3, 3, 4)  # flips, vertical and horizontal translations, rotations


class TransformedImagesOut(NamedTuple):
    """The values that the objective of GT reads.

    Attributes:
        log_probability: The log probability of the right transformation, summed over the heads.
        uniform: The cross-entropy from the uniform distribution to that of the network, summed over
            the heads.
    """

    log_probability: Float[Array, "b"]
    uniform: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class TransformedImages:
    """The score `-mean_m log P(m | T_m x)` over geometric transformations T.

    In train mode with a key, each image is transformed by one of them, drawn at random; else the
    mean is over all of them. A transformation is a flip, then a vertical and a horizontal
    translation, then a rotation.

    Attributes:
        net: Network from images to the logits of all heads, one head behind the other.
        heads: For each head the numbers of the parts of a transformation that it tells apart, in
            the order of `PARTS`: `((0, 1, 2, 3),)` has one head for each of 72 transformations;
            `((3,), (1,), (2,))` has three heads, and images are not flipped.
    """

    net: Net
    heads: tuple[tuple[int, ...], ...]

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions."""
        return self.net.convolutional

    @property
    def used(self) -> tuple[int, ...]:
        """The number of values of each part of a transformation; 1 if no head tells them apart."""
        named = {part for head in self.heads for part in head}
        return tuple(size if part in named else 1 for part, size in enumerate(PARTS))

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the network randomly."""
        variables = self.net.init(key, data.features)
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Return no extras."""
        del variables, data
        return {}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute the losses of `(b, height, width, channels)` images and new statistics."""
        del extras
        x = as_input(x, self.net.input_shape)
        total = math.prod(self.used)
        if train and key is not None:
            which = jax.random.randint(key, (len(x),), 0, total)
            return self._recognise(variables, x, which, train)

        def add(sums, number):
            out = self._recognise(variables, x, jnp.full(len(x), number), train).out
            return jax.tree.map(jnp.add, sums, out), None

        start = TransformedImagesOut(*jnp.zeros((2, len(x)), x.dtype))
        sums, _ = jax.lax.scan(add, start, jnp.arange(total))
        return Applied(jax.tree.map(lambda s: s / total, sums), variables.batch_stats)

    def score(self, out: TransformedImagesOut) -> Float[Array, "b"]:
        """Return minus the log probability."""
        return -out.log_probability

    def _recognise(
        self, variables: Variables, x: Array, which: Int[Array, "b"], train: bool
    ) -> Applied:
        """Compute the losses of images of which each is transformed by its own number."""
        parts = jnp.unravel_index(which, self.used)
        applied = self.net.apply(*variables, transform_images(x, parts), train)
        right, uniform, start = [], [], 0
        for head in self.heads:
            sizes = [PARTS[part] for part in head]
            label = jnp.zeros_like(which)
            for part, size in zip(head, sizes, strict=True):
                label = label * size + parts[part]
            logits = applied.out[:, start : start + math.prod(sizes)]
            log_p = jax.nn.log_softmax(logits)
            right.append(jnp.take_along_axis(log_p, label[:, None], axis=1)[:, 0])
            uniform.append(-jnp.mean(log_p, axis=1))
            start += math.prod(sizes)
        return applied._replace(
            out=TransformedImagesOut(
                *(jnp.sum(jnp.stack(part), axis=0) for part in (right, uniform))
            )
        )


def transform_images(
    x: Float[Array, "b n n c"], parts: Sequence[Int[Array, "b"]]
) -> Float[Array, "b n n c"]:
    """Flip, translate and rotate square images.

    Args:
        x: Images of at least 4 pixels.
        parts: For each image, whether it is flipped left to right (0 or 1); whether it moves down
            by -1, 0 or 1 quarters of its height, and right by so many of its width (0, 1 or 2),
            where reflected pixels fill the border; and by how many quarter turns it is rotated
            counter-clockwise (0 to 3).
    """
    flip, down, right, turns = parts
    x = _choose([x, jnp.flip(x, axis=2)], flip)
    x = _choose(_shifts(x, 1), down)
    x = _choose(_shifts(x, 2), right)
    return _choose([jnp.rot90(x, k, axes=(1, 2)) for k in range(4)], turns)


def _shifts(x: Float[Array, "b n n c"], axis: int) -> list[Array]:
    """Return images moved along an axis by -1, 0 and 1 quarters of their size."""
    size = x.shape[axis]
    quarter = size // 4
    widths = [(0, 0)] * x.ndim
    widths[axis] = (quarter, quarter)
    wide = jnp.pad(x, widths, mode="reflect")
    return [jax.lax.slice_in_dim(wide, s, s + size, axis=axis) for s in (2 * quarter, quarter, 0)]


def _choose(options: Sequence[Array], which: Int[Array, "b"]) -> Array:
    """Take each image from one of several arrays; comparisons are faster than gathers on a TPU."""
    chosen, which = options[0], which[:, None, None, None]
    for number, option in enumerate(options[1:], start=1):
        chosen = jnp.where(which == number, option, chosen)
    return chosen
