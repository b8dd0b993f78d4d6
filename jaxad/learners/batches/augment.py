"""Augmentation of images on the device, inside the scan: transforms that a text names.

Each takes images `(b, height, width, channels)`, uint8 of 0 to 255 or float in [0, 1], and gives
float in [0, 1]. Every image of a batch draws for itself. A batch's masks are moved with its images.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float

from jaxad.errors import ConfigError
from jaxad.models.base import as_input
from jaxad.types import Batch, Key
from jaxad.utils.calls import evaluate_call, parse_calls

__all__ = ["AUGMENTATIONS", "crop", "flip", "jitter", "noise", "parse_augment"]

GREY = (0.299, 0.587, 0.114)


def crop(padding: int = 4, p: float = 1.0) -> Partial:
    """Shift images by up to `padding` pixels each way and fill with 0, as crops of padded images.

    Args:
        padding: Pixels, a whole number, >= 0.
        p: The probability that an image is shifted at all.

    Raises:
        ConfigError: An argument is out of its range.
    """
    whole = isinstance(padding, int) and not isinstance(padding, bool)
    _need(whole and padding >= 0, "crop", "padding", padding, "a whole number of at least 0")
    # The padding is a shape and so structure: the length of an array that holds nothing else.
    return Partial(_crop, jnp.zeros(padding, jnp.bool_), _probability("crop", p))


def flip(p: float = 0.5) -> Partial:
    """Mirror images left to right.

    Args:
        p: The probability of an image to be mirrored.

    Raises:
        ConfigError: `p` is no probability.
    """
    return Partial(_flip, _probability("flip", p))


def jitter(brightness: float = 0.2, contrast: float = 0.2, saturation: float = 0.2) -> Partial:
    """Change brightness, then contrast, then saturation, by factors drawn from `[1 - s, 1 + s]`.

    Brightness multiplies pixels; contrast their difference from the mean grey of the image;
    saturation their difference from their own grey, and does nothing to images without colour. Each
    is followed by a cut to [0, 1]. The hue stays.

    Args:
        brightness: `s` of the brightness, in [0, 1].
        contrast: `s` of the contrast, in [0, 1].
        saturation: `s` of the saturation, in [0, 1].

    Raises:
        ConfigError: An argument is out of its range.
    """
    strengths = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
    for name, value in strengths.items():
        _need(_number(value) and 0 <= value <= 1, "jitter", name, value, "in [0, 1]")
    return Partial(_jitter, *map(float, strengths.values()))


def noise(scale: float = 0.01) -> Partial:
    """Add Gaussian noise to every pixel and channel, and cut to [0, 1].

    Args:
        scale: Its standard deviation, >= 0.

    Raises:
        ConfigError: `scale` is negative.
    """
    _need(_number(scale) and scale >= 0, "noise", "scale", scale, ">= 0")
    return Partial(_noise, float(scale))


AUGMENTATIONS: dict[str, Callable[..., Partial]] = {
    "crop": crop, "flip": flip, "jitter": jitter, "noise": noise,
}  # fmt: skip


def parse_augment(text: str) -> tuple[Partial, ...]:
    """The transforms that a text names, to be done in its order.

    Args:
        text: Names or calls with commas between them, such as "crop(4), flip, noise(0.01)".

    Raises:
        ConfigError: The text is no such list, a name is not known or an argument is wrong.

    Example:
        >>> len(parse_augment("crop(4), flip"))
        2
    """
    calls = parse_calls(text, "augment", "crop(4), flip, noise(0.01)")
    return tuple(evaluate_call(call, AUGMENTATIONS, "augmentation") for call in calls)


def _crop(pad: Array, p: float, key: Key, batch: Batch) -> Batch:
    padding = len(pad)
    if padding == 0:
        return batch._replace(x=_pixels(batch))
    of_shift, of_choice = jax.random.split(key)
    shift = jax.random.randint(of_shift, (2, len(batch.x)), 0, 2 * padding + 1)
    chosen = jax.random.uniform(of_choice, (len(batch.x),)) < p
    shift = jnp.where(chosen, shift, padding)
    mask = None
    if batch.mask is not None:
        mask = _shifted(batch.mask[..., None], shift, padding)[..., 0]
    return batch._replace(x=_shifted(_pixels(batch), shift, padding), mask=mask)


def _shifted(x: Array, shift: Array, padding: int) -> Array:
    """Every image of `(b, height, width, channels)` moved by its own number of pixels."""
    height, width = x.shape[1:3]
    wide = jnp.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])

    def one(image, top, left):
        return jax.lax.dynamic_slice(image, (top, left, 0), (height, width, image.shape[-1]))

    return jax.vmap(one)(wide, *shift)


def _flip(p: float, key: Key, batch: Batch) -> Batch:
    chosen = jax.random.uniform(key, (len(batch.x),)) < p
    mask = None if batch.mask is None else _mirrored(batch.mask, chosen)
    return batch._replace(x=_mirrored(_pixels(batch), chosen), mask=mask)


def _mirrored(x: Array, chosen: Bool[Array, "b"]) -> Array:
    return jnp.where(chosen.reshape(-1, *[1] * (x.ndim - 1)), jnp.flip(x, axis=2), x)


def _jitter(brightness: float, contrast: float, saturation: float, key: Key, batch: Batch) -> Batch:
    x = _pixels(batch)
    of = 1 + jax.random.uniform(key, (3, len(x), 1, 1, 1), x.dtype, -1.0, 1.0) * jnp.stack(
        [jnp.asarray(s, x.dtype) for s in (brightness, contrast, saturation)]
    ).reshape(3, 1, 1, 1, 1)
    x = jnp.clip(x * of[0], 0, 1)
    middle = jnp.mean(_grey(x), axis=(1, 2, 3), keepdims=True)
    x = jnp.clip(middle + of[1] * (x - middle), 0, 1)
    if x.shape[-1] == 3:
        grey = _grey(x)
        x = jnp.clip(grey + of[2] * (x - grey), 0, 1)
    return batch._replace(x=x)


def _noise(scale: float, key: Key, batch: Batch) -> Batch:
    x = _pixels(batch)
    # In one row: with channels as the last axis the CPU takes four times as long.
    noisy = x.reshape(-1) + scale * _normal(key, x.size).astype(x.dtype)
    return batch._replace(x=jnp.clip(noisy, 0, 1).reshape(x.shape))


def _normal(key: Key, size: int) -> Float[Array, "size"]:
    """Standard normal numbers of 65,536 equally likely values, two from each 32 random bits."""
    bits = jax.random.bits(key, (-(-size // 2),), jnp.uint32)
    halves = jnp.concatenate([bits & 0xFFFF, bits >> 16])[:size]
    centred = (halves.astype(jnp.float32) + 0.5) / 2**15 - 1
    return jnp.sqrt(2.0) * jax.lax.erf_inv(centred)


def _pixels(batch: Batch) -> Float[Array, "b h w c"]:
    """The images of a batch, as networks take them."""
    return as_input(batch.x, batch.x.shape[1:])


def _grey(x: Float[Array, "b h w c"]) -> Float[Array, "b h w 1"]:
    """How bright pixels look; the mean over channels where these are no colours."""
    if x.shape[-1] == 3:
        return jnp.sum(x * jnp.asarray(GREY, x.dtype), axis=-1, keepdims=True)
    return jnp.mean(x, axis=-1, keepdims=True)


def _probability(what: str, p: float) -> float:
    _need(_number(p) and 0 <= p <= 1, what, "p", p, "in [0, 1]")
    return float(p)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _need(ok: bool, what: str, name: str, value: object, allowed: str) -> None:
    if not ok:
        raise ConfigError(f"augmentation {what}: {name} must be {allowed}; given {value!r}")
