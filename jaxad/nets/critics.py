"""Critics of adversarial networks, from rows or codes to logits."""

from collections.abc import Callable, Sequence

import flax.linen as nn

from jaxad.nets.base import INPUT, ZEROS, Net
from jaxad.nets.spectral import conv_by_cost
from jaxad.padding import is_table

__all__ = ["critic"]

_KERNEL = (5, 5)


class Critic(nn.Module):
    """Strided convolutions and dense layers with leaky ReLU, and a linear logit."""

    channels: tuple[int, ...]
    widths: tuple[int, ...]
    table: bool
    slope: float
    convolution: Callable
    features: bool = False

    @nn.compact
    def __call__(self, x, train):
        del train
        for i, channels in enumerate(self.channels):
            x = nn.Conv(
                channels,
                _KERNEL,
                strides=(2, 2),
                kernel_init=ZEROS,
                conv_general_dilated=self.convolution,
                name=f"conv_{i}",
            )(x)
            x = nn.leaky_relu(x, self.slope)
        x = x.reshape(x.shape[0], -1)
        for i, width in enumerate(self.widths):
            name = INPUT if i == 0 and self.table else f"dense_{i}"
            x = nn.leaky_relu(nn.Dense(width, kernel_init=ZEROS, name=name)(x), self.slope)
        logit = nn.Dense(1, kernel_init=ZEROS, name="head")(x)[:, 0]
        return (logit, x) if self.features else logit


def critic(
    shape: tuple[int, ...],
    widths: Sequence[int],
    channels: Sequence[int] = (),
    slope: float = 0.2,
    convolution: Callable = conv_by_cost,
    features: bool = False,
) -> Net:
    """Build a network without normalisation from rows, images or codes to logits `(b,)`.

    Real and generated rows come in separate batches, whose statistics would reveal which is which.
    Strides replace pooling (Radford et al. 2016, section 3).

    Args:
        shape: `(padded features,)`, `(code,)` or `(height, width, channels)`.
        widths: Widths of the hidden dense layers.
        channels: For images, the filters of each 5x5 convolution of stride 2.
        slope: Slope of the leaky ReLU for negative inputs.
        convolution: Convolution; `plain_conv` supports `jax.jvp`.
        features: Whether it returns `(logit, features)`; features are the input of the last layer.
    """
    module = Critic(tuple(channels), tuple(widths), is_table(shape), slope, convolution, features)
    return Net(module, tuple(shape), convolutional=bool(channels))
