"""Augmentation of images on the device, by transforms given as a string.

Each transform takes images `(b, height, width, channels)`, uint8 in [0, 255] or float in [0, 1],
and returns float in [0, 1]. Images of a batch are changed independently; masks move with them.
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
_MOST_PADDING = 1024


def crop(padding: int = 4, p: float = 1.0) -> Partial:
    """Shift images by up to `padding` pixels along each axis, filling with 0.

    Args:
        padding: Largest shift in pixels, a whole number in [0, 1024].
        p: Probability that an image is shifted, in [0, 1].

    Raises:
        ConfigError: An argument is out of its range.
    """
    whole = isinstance(padding, int) and not isinstance(padding, bool)
    allowed = f"a whole number in [0, {_MOST_PADDING}]"
    _check(whole and 0 <= padding <= _MOST_PADDING, "crop", "padding", padding, allowed)
    # The padding must be static, so the length of an array encodes it.
    return Partial(_crop, jnp.zeros(padding, jnp.bool_), _check_probability("crop", p))


def flip(p: float = 0.5) -> Partial:
    """Mirror images left to right.

    Args:
        p: Probability that an image is mirrored, in [0, 1].

    Raises:
        ConfigError: `p` is out of its range.
    """
    return Partial(_flip, _check_probability("flip", p))


def jitter(brightness: float = 0.2, contrast: float = 0.2, saturation: float = 0.2) -> Partial:
    """Change brightness, then contrast, then saturation, by factors drawn from `[1 - s, 1 + s]`.

    The brightness factor multiplies pixels; contrast, their difference from the mean grey of the
    image; saturation, their difference from their own grey, only in images with colour. Each is
    followed by clipping to [0, 1]. The hue is unchanged.

    Args:
        brightness: `s` of the brightness, in [0, 1].
        contrast: `s` of the contrast, in [0, 1].
        saturation: `s` of the saturation, in [0, 1].

    Raises:
        ConfigError: An argument is out of its range.
    """
    strengths = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
    for name, value in strengths.items():
        _check(_is_number(value) and 0 <= value <= 1, "jitter", name, value, "in [0, 1]")
    return Partial(_jitter, *map(float, strengths.values()))


def noise(scale: float = 0.01) -> Partial:
    """Add Gaussian noise to every pixel and channel, and clip to [0, 1].

    Args:
        scale: Standard deviation of the noise, >= 0.

    Raises:
        ConfigError: `scale` is out of its range.
    """
    _check(_is_number(scale) and scale >= 0, "noise", "scale", scale, ">= 0")
    return Partial(_noise, float(scale))


AUGMENTATIONS: dict[str, Callable[..., Partial]] = {
    "crop": crop, "flip": flip, "jitter": jitter, "noise": noise,
}  # fmt: skip


def parse_augment(text: str) -> tuple[Partial, ...]:
    """Parse a string of transforms, which are applied in its order.

    Args:
        text: Names or calls separated by commas, such as "crop(4), flip, noise(0.01)".

    Raises:
        ConfigError: The text is not such a list, a name is unknown or an argument is invalid.

    Example:
        >>> len(parse_augment("crop(4), flip"))
        2
    """
    calls = parse_calls(text, "augment", "crop(4), flip, noise(0.01)")
    return tuple(evaluate_call(call, AUGMENTATIONS, "augmentation") for call in calls)


def _crop(pad: Array, p: float, key: Key, batch: Batch) -> Batch:
    padding = len(pad)
    if padding == 0:
        return batch._replace(x=_get_pixels(batch))
    shift_key, choice_key = jax.random.split(key)
    shift = jax.random.randint(shift_key, (2, len(batch.x)), 0, 2 * padding + 1)
    chosen = jax.random.uniform(choice_key, (len(batch.x),)) < p
    shift = jnp.where(chosen, shift, padding)
    mask = None
    if batch.mask is not None:
        mask = _shift(batch.mask[..., None], shift, padding)[..., 0]
    return batch._replace(x=_shift(_get_pixels(batch), shift, padding), mask=mask)


def _shift(x: Array, shift: Array, padding: int) -> Array:
    """Move every image of `(b, height, width, channels)` by its own number of pixels."""
    height, width = x.shape[1:3]
    wide = jnp.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])

    def one(image, top, left):
        return jax.lax.dynamic_slice(image, (top, left, 0), (height, width, image.shape[-1]))

    return jax.vmap(one)(wide, *shift)


def _flip(p: float, key: Key, batch: Batch) -> Batch:
    chosen = jax.random.uniform(key, (len(batch.x),)) < p
    mask = None if batch.mask is None else _mirror(batch.mask, chosen)
    return batch._replace(x=_mirror(_get_pixels(batch), chosen), mask=mask)


def _mirror(x: Array, chosen: Bool[Array, "b"]) -> Array:
    return jnp.where(chosen.reshape(-1, *[1] * (x.ndim - 1)), jnp.flip(x, axis=2), x)


def _jitter(brightness: float, contrast: float, saturation: float, key: Key, batch: Batch) -> Batch:
    x = _get_pixels(batch)
    factor = 1 + jax.random.uniform(key, (3, len(x), 1, 1, 1), x.dtype, -1.0, 1.0) * jnp.stack(
        [jnp.asarray(s, x.dtype) for s in (brightness, contrast, saturation)]
    ).reshape(3, 1, 1, 1, 1)
    x = jnp.clip(x * factor[0], 0, 1)
    middle = jnp.mean(_compute_grey(x), axis=(1, 2, 3), keepdims=True)
    x = jnp.clip(middle + factor[1] * (x - middle), 0, 1)
    if x.shape[-1] == 3:
        grey = _compute_grey(x)
        x = jnp.clip(grey + factor[2] * (x - grey), 0, 1)
    return batch._replace(x=x)


def _noise(scale: float, key: Key, batch: Batch) -> Batch:
    x = _get_pixels(batch)
    # In one row, as the CPU takes four times as long with channels as the last axis.
    noisy = x.reshape(-1) + scale * _draw_normal(key, x.size).astype(x.dtype)
    return batch._replace(x=jnp.clip(noisy, 0, 1).reshape(x.shape))


def _draw_normal(key: Key, size: int) -> Float[Array, "size"]:
    """Draw standard normal numbers of 65,536 equally likely values, two from 32 random bits."""
    bits = jax.random.bits(key, (-(-size // 2),), jnp.uint32)
    halves = jnp.concatenate([bits & 0xFFFF, bits >> 16])[:size]
    centred = (halves.astype(jnp.float32) + 0.5) / 2**15 - 1
    return jnp.sqrt(2.0) * jax.lax.erf_inv(centred)


def _get_pixels(batch: Batch) -> Float[Array, "b h w c"]:
    """Return the images of a batch as float in [0, 1]."""
    return as_input(batch.x, batch.x.shape[1:])


def _compute_grey(x: Float[Array, "b h w c"]) -> Float[Array, "b h w 1"]:
    """Compute the luma of pixels; the mean over channels if there are not three."""
    if x.shape[-1] == 3:
        return jnp.sum(x * jnp.asarray(GREY, x.dtype), axis=-1, keepdims=True)
    return jnp.mean(x, axis=-1, keepdims=True)


def _check_probability(what: str, p: float) -> float:
    _check(_is_number(p) and 0 <= p <= 1, what, "p", p, "in [0, 1]")
    return float(p)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check(ok: bool, what: str, name: str, value: object, allowed: str) -> None:
    if not ok:
        raise ConfigError(f"{name} of augmentation {what} must be {allowed}; given {value!r}")
