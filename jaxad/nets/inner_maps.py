"""The maps inside a convolutional network, after each of its modules."""

import re
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.errors import ConfigError
from jaxad.nets.base import Net
from jaxad.types import Variables

__all__ = ["compute_inner_maps", "join_maps"]

_MODULE = re.compile(r"conv_(\d+)|(?:conv_)?norm_(\d+)")


def compute_inner_maps(
    net: Net, variables: Variables, x: Float[Array, "b height width channels"]
) -> list[Float[Array, "b u v d"]]:
    """Compute the activations after each convolution of a network, in inference mode.

    Args:
        net: A network of convolutions (`fcn`) or with dense layers behind them (`lenet_encoder`).
            The convolution of `fcn` to the score is left out.
        variables: Its variables.
        x: Images, converted as for the network.

    Raises:
        ConfigError: The network has no convolutions.
    """
    given = {"params": variables.params, "batch_stats": variables.batch_stats}
    applied: Any = net.module.apply(
        given,
        x,
        train=False,
        capture_intermediates=lambda module, _: _number(module.name) is not None,
        mutable=["intermediates"],
    )
    maps: dict[int | None, Array] = {}
    found = applied[1].get("intermediates", {})
    for name, outputs in sorted(found.items()):  # "conv_" before "norm_"
        output = outputs["__call__"][0]
        number = _number(name)
        if output.ndim == 4 and (number not in maps or "norm" in name):
            maps[number] = nn.leaky_relu(output, getattr(net.module, "slope", 0.0))
    if not maps:
        raise ConfigError("net must have convolutions to have inner maps; given one without")
    return [maps[number] for number in sorted(maps, key=lambda n: n or 0)]


def join_maps(maps: list[Float[Array, "b _ _ _"]]) -> Float[Array, "b u v all"]:
    """Concatenate the channels of maps on one grid, that of the map in the middle of the list.

    Larger maps are averaged and smaller ones interpolated linearly.
    """
    grid = maps[(len(maps) - 1) // 2].shape[1:3]
    sizes = [(one.shape[0], *grid, one.shape[3]) for one in maps]
    parts = [jax.image.resize(one, size, "linear") for one, size in zip(maps, sizes, strict=True)]
    return jnp.concatenate(parts, axis=-1)


def _number(name: str | None) -> int | None:
    """Return the number of the layer that a module belongs to; None for other modules."""
    found = _MODULE.fullmatch(name or "")
    return None if found is None else int(found[1] or found[2])
