r"""Layer-wise relevance propagation (LRP) of a score back to the entries of a row.

A detector is treated as a network of features, distances and a pooling of distances. A unit passes
its relevance to its inputs in proportion to those contributions `a_i w_ij` that have the sign of
the unit's own value:

$$R_i = \sum_j \frac{(a_i w_{ij})^{\pm_j}}{\sum_{i'} (a_{i'} w_{i'j})^{\pm_j}} R_j.$$

Pixels, which lie in [0, 1], get their relevance by the rule for bounded inputs (z^B), by which a
dark pixel can be relevant too. Shares are at least 0 and add up to 1. So the relevances of a
distance are at least 0 and add up to it, whatever biases, centres and running means there are:
these affect the sign of a unit and get no share. A unit without contributions, as for a row of
zeros, keeps its relevance.

References:
    Bach et al. 2015, On pixel-wise explanations for non-linear classifier decisions by layer-wise
    relevance propagation (alpha 1, beta 0); Montavon et al. 2017, Explaining nonlinear
    classification decisions with deep Taylor decomposition (z^B); Kauffmann et al. 2020, Towards
    explaining anomalies: a deep Taylor decomposition of one-class models; Ruff thesis, section
    4.4.2.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.errors import ConfigError
from jaxad.models import Hypersphere, Margined, Radial
from jaxad.models.base import as_input
from jaxad.models.radial import RADII
from jaxad.nets.base import INPUT, Net
from jaxad.nets.conv import max_pool, plain_conv
from jaxad.nets.lenet import LeNetEncoder
from jaxad.nets.mlp import MLPEncoder
from jaxad.padding import is_table
from jaxad.types import State, Variables

__all__ = ["Layer", "check_net", "has_relevance", "list_layers", "relevance"]

_TINY = 1e-30  # a sum of contributions below it is none
_EPSILON = 1e-4  # that of BatchNorm, see jaxad.nets.norm


class Layer(NamedTuple):
    """A linear map, a scale and a shift for each unit, a leaky ReLU and a max-pool.

    Attributes:
        linear: `(x, kernel) -> z`, linear in both.
        kernel: The weights.
        scale: The factor of each unit, from a normalisation.
        shift: The constant added to each unit: biases, less the means of a normalisation.
        slope: The slope of the leaky ReLU for negative inputs; 1 for no activation.
        pool: Whether a max-pool of 2x2 follows.
    """

    linear: Callable[[Array, Array], Array]
    kernel: Array
    scale: Array
    shift: Array
    slope: float = 1.0
    pool: bool = False

    def value(self, x: Array) -> Array:
        """Return the units before the activation."""
        return self.linear(x, self.kernel) * self.scale + self.shift

    def activate(self, z: Array) -> Array:
        """Return the units after the activation."""
        return jnp.where(z < 0, self.slope * z, z)

    def apply(self, x: Array) -> Array:
        """Return the input of the next layer."""
        a = self.activate(self.value(x))
        return max_pool(a) if self.pool else a


def has_relevance(model: Any) -> bool:
    """Return whether a model's score is the distance of codes to a centre."""
    return isinstance(getattr(model, "base", model), Hypersphere | Radial)


def relevance(model: Any, state: State, x: Array) -> Float[Array, "b *shape"]:
    """Compute the relevance of each entry of rows, at least 0.

    Relevances add up to the score; for a soft boundary to the distance, the score plus `R^2`.

    Args:
        model: A model for which `has_relevance` is true.
        state: The state of one seed.
        x: `(b, ...)` rows.

    Raises:
        ConfigError: The network is not an MLP or a LeNet, or has layer normalisation.
    """
    base = getattr(model, "base", model)
    extras = state.extras["base"] if isinstance(model, Margined) else state.extras
    layers = list_layers(base.encoder, state.variables)
    if isinstance(base, Hypersphere):
        layers[-1] = layers[-1]._replace(shift=layers[-1].shift - extras["centre"])
    inputs = [as_input(x, base.encoder.input_shape)]
    for layer in layers[:-1]:
        inputs.append(layer.apply(inputs[-1]))
    shares, total = _top(model, base, layers[-1].value(inputs[-1]))
    found = shares * total[:, None]
    box = not is_table(base.encoder.input_shape)
    for i in reversed(range(len(layers))):
        found = _back(layers[i], inputs[i], found, box and i == 0)
    return found[..., : x.shape[-1]]


def _top(model: Any, base: Any, away: Float[Array, "b k"]):
    """Return the shares of the code's entries in a distance, `(b, k)`, and the distance, `(b,)`."""
    if isinstance(base, Radial):
        parts, total = (jnp.abs(away) if base.radius == "l1" else away**2), RADII[base.radius](away)
    else:
        parts = away**2
        total = jnp.sum(parts, axis=1)
    total = jnp.sqrt(total) if isinstance(model, Margined) else total
    return parts / jnp.maximum(jnp.sum(parts, axis=1, keepdims=True), _TINY), total


def check_net(net: Net) -> None:
    """Raise if relevance cannot be propagated through a network.

    Raises:
        ConfigError: It is not an encoder of dense or 5x5 layers, or has layer normalisation.
    """
    module = net.module
    if not isinstance(module, MLPEncoder | LeNetEncoder):
        raise ConfigError(
            "method 'lrp' needs an MLP or LeNet encoder; the detector's network is "
            f"{type(module).__name__}"
        )
    if module.norm == "layer":
        raise ConfigError(
            "method 'lrp' does not support norm='layer'; train with norm none, batch, "
            "batch_no_affine or explicit"
        )


def list_layers(net: Net, variables: Variables) -> list[Layer]:
    """Return the layers of an encoder.

    Args:
        net: An encoder that `check_net` allows.
        variables: Its variables.

    Raises:
        ConfigError: Another network.
    """
    check_net(net)
    module: Any = net.module
    params, stats = variables
    if isinstance(module, MLPEncoder):
        last = len(module.widths) - 1
        return [
            _layer(_dense, params[INPUT if i == 0 else f"dense_{i}"], norm, module.slope, i < last)
            for i in range(last + 1)
            for norm in [(params.get(f"norm_{i}", {}), stats.get(f"norm_{i}", {}))]
        ]
    found = []
    for i in range(len(module.channels)):
        norm = params.get(f"conv_norm_{i}", {}), stats.get(f"conv_norm_{i}", {})
        found.append(_layer(_conv, params[f"conv_{i}"], norm, module.slope, True, pool=True))
    last = len(module.widths) - 1
    for i in range(last + 1):
        norm = params.get(f"dense_norm_{i}", {}), stats.get(f"dense_norm_{i}", {})
        found.append(_layer(_dense, params[f"dense_{i}"], norm, module.slope, i < last))
    return found


def _layer(linear, own, norm, slope: float, hidden: bool, pool: bool = False) -> Layer:
    """Return a layer whose normalisation, in inference mode, is part of its scale and shift."""
    params, stats = norm
    one = jnp.ones(own["kernel"].shape[-1])
    scale = params.get("scale", one)
    shift = own.get("bias", 0 * one)
    if "var" in stats:
        scale = scale / jnp.sqrt(stats["var"] + _EPSILON)
        shift = shift - stats["mean"]
    shift = shift * scale + params.get("bias", 0 * one)
    return Layer(linear, own["kernel"], scale, shift, slope if hidden else 1.0, pool)


def _dense(x: Array, kernel: Array) -> Array:
    return x.reshape(len(x), -1) @ kernel


def _conv(x: Array, kernel: Array) -> Array:
    return plain_conv(x, kernel, (1, 1), "SAME")


def _back(layer: Layer, x: Array, found: Array, box: bool) -> Array:
    """Return the relevances of a layer's inputs, given those of its outputs."""
    z = layer.value(x)
    if layer.pool:
        _, to_largest = jax.vjp(max_pool, layer.activate(z))
        (found,) = to_largest(found)
    upwards = z * layer.scale >= 0
    positive, negative = jnp.maximum(layer.kernel, 0), jnp.minimum(layer.kernel, 0)

    def signs(x):
        """Return the sums of the positive and of the negative contributions."""
        above, below = jnp.maximum(x, 0), jnp.minimum(x, 0)
        return (
            layer.linear(above, positive) + layer.linear(below, negative),
            layer.linear(above, negative) + layer.linear(below, positive),
        )

    def in_box(x, low, high):
        """Return how far sums are above their lowest value in the box, and below their highest."""
        value = layer.linear(x, layer.kernel)
        return (
            value - layer.linear(low, positive) - layer.linear(high, negative),
            value - layer.linear(high, positive) - layer.linear(low, negative),
        )

    if box:
        # Images that are scaled differently have a larger box of their own.
        pixels = tuple(range(1, x.ndim))
        low = jnp.minimum(jnp.min(x, axis=pixels, keepdims=True), 0)
        high = jnp.maximum(jnp.max(x, axis=pixels, keepdims=True), 1)
        corners = (jnp.broadcast_to(corner, x.shape) for corner in (low, high))
        return _divide_relevance(in_box, (x, *corners), found, upwards)
    return _divide_relevance(signs, (x,), found, upwards)


def _divide_relevance(
    sums: Callable, args: tuple[Array, ...], found: Array, upwards: Array
) -> Array:
    """Divide relevances among the terms of the positive or of the negative sums."""
    (above, below), back = jax.vjp(sums, *args)
    is_above, is_below = above > _TINY, below < -_TINY
    # A unit whose sign comes from its shift alone has only contributions of the other sign.
    up = jnp.where(upwards, is_above, is_above & ~is_below)
    down = is_below & ~up
    factors = (
        jnp.where(up, found / jnp.where(up, above, 1), 0),
        jnp.where(down, found / jnp.where(down, below, 1), 0),
    )
    return sum((a * g for a, g in zip(args, back(factors), strict=True)), jnp.zeros_like(args[0]))
