r"""Layer-wise relevance propagation: a score handed back, layer by layer, to what it came from.

A detector is read as features, distances and a pooling of distances. A unit hands its relevance to
its inputs in proportion to their contributions `a_i w_ij` of the sign that its own value has:

$$R_i = \sum_j \frac{(a_i w_{ij})^{\pm_j}}{\sum_{i'} (a_{i'} w_{i'j})^{\pm_j}} R_j.$$

Pixels, which lie in [0, 1], get it by the rule of that box (z^B), by which a dark pixel, too, can
be what makes an image anomalous. Shares are at least 0 and add up to 1, so that the relevances of a
distance are at least 0 and add up to it, whatever biases, centres and running means there are:
these count for the sign of a unit and get no share. A unit without any contribution keeps its
relevance, as for a row of zeros.

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

__all__ = ["Layer", "check_net", "has_relevance", "layers_of", "relevance"]

_TINY = 1e-30  # a sum of contributions below it is none
_EPSILON = 1e-4  # that of BatchNorm, see jaxad.nets.norm


class Layer(NamedTuple):
    """A linear map, a factor and a shift for each unit, leaky ReLU, max-pool.

    Attributes:
        linear: `(x, kernel) -> z`, linear in both.
        kernel: The weights.
        scale: Factor of each unit: that of a normalisation.
        shift: What is added to each unit: biases, and means that a normalisation takes off.
        slope: Slope of the leaky ReLU for negative inputs; 1 for none.
        pool: Whether the maximum of 2x2 squares follows.
    """

    linear: Callable[[Array, Array], Array]
    kernel: Array
    scale: Array
    shift: Array
    slope: float = 1.0
    pool: bool = False

    def value(self, x: Array) -> Array:
        """The units before activation."""
        return self.linear(x, self.kernel) * self.scale + self.shift

    def activated(self, z: Array) -> Array:
        """The units behind the leaky ReLU."""
        return jnp.where(z < 0, self.slope * z, z)

    def apply(self, x: Array) -> Array:
        """What the next layer gets."""
        a = self.activated(self.value(x))
        return max_pool(a) if self.pool else a


def has_relevance(model: Any) -> bool:
    """Whether a model's score is the distance of codes to a centre."""
    return isinstance(getattr(model, "base", model), Hypersphere | Radial)


def relevance(model: Any, state: State, x: Array) -> Float[Array, "b *shape"]:
    """The relevances of the entries of `(b, ...)` rows, at least 0.

    They add up to the score; for a soft boundary to the distance, which is the score and `R^2`.

    Args:
        model: A model with `has_relevance`.
        state: The state of one seed.
        x: `(b, ...)` rows.

    Raises:
        ConfigError: Its network is another than an MLP or a LeNet, or has layer normalisation.
    """
    base = getattr(model, "base", model)
    extras = state.extras["base"] if isinstance(model, Margined) else state.extras
    layers = layers_of(base.encoder, state.variables)
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
    """The part of each entry of the code in a distance, `(b, k)`, and the distance, `(b,)`."""
    if isinstance(base, Radial):
        parts, total = (jnp.abs(away) if base.radius == "l1" else away**2), RADII[base.radius](away)
    else:
        parts = away**2
        total = jnp.sum(parts, axis=1)
    total = jnp.sqrt(total) if isinstance(model, Margined) else total
    return parts / jnp.maximum(jnp.sum(parts, axis=1, keepdims=True), _TINY), total


def check_net(net: Net) -> None:
    """Raise if relevance cannot go through a network.

    Raises:
        ConfigError: It is no encoder of dense or 5x5 layers, or has layer normalisation.
    """
    module = net.module
    if not isinstance(module, MLPEncoder | LeNetEncoder):
        raise ConfigError(
            "relevance goes through MLP and LeNet encoders; the detector's network is "
            f"{type(module).__name__}"
        )
    if module.norm == "layer":
        raise ConfigError(
            "relevance does not go through norm 'layer'; train with norm none, batch, "
            "batch_no_affine or explicit"
        )


def layers_of(net: Net, variables: Variables) -> list[Layer]:
    """The layers of an encoder.

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
    """A layer with the normalisation behind it, in inference mode, as one scale and shift."""
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
    """The relevances of a layer's inputs, given those of its outputs."""
    z = layer.value(x)
    if layer.pool:
        _, to_largest = jax.vjp(max_pool, layer.activated(z))
        (found,) = to_largest(found)
    upwards = z * layer.scale >= 0
    positive, negative = jnp.maximum(layer.kernel, 0), jnp.minimum(layer.kernel, 0)

    def signs(x):
        """Sums of the contributions above 0 and below 0."""
        above, below = jnp.maximum(x, 0), jnp.minimum(x, 0)
        return (
            layer.linear(above, positive) + layer.linear(below, negative),
            layer.linear(above, negative) + layer.linear(below, positive),
        )

    def in_box(x, low, high):
        """How far a sum is above its lowest value in the box, and how far below its highest."""
        value = layer.linear(x, layer.kernel)
        return (
            value - layer.linear(low, positive) - layer.linear(high, negative),
            value - layer.linear(high, positive) - layer.linear(low, negative),
        )

    if box:
        # Images that are scaled otherwise have a larger box of their own.
        pixels = tuple(range(1, x.ndim))
        low = jnp.minimum(jnp.min(x, axis=pixels, keepdims=True), 0)
        high = jnp.maximum(jnp.max(x, axis=pixels, keepdims=True), 1)
        corners = (jnp.broadcast_to(corner, x.shape) for corner in (low, high))
        return _shared_out(in_box, (x, *corners), found, upwards)
    return _shared_out(signs, (x,), found, upwards)


def _shared_out(sums: Callable, args: tuple[Array, ...], found: Array, upwards: Array) -> Array:
    """Relevances shared out among the terms of the sums above 0 or below 0."""
    (above, below), back = jax.vjp(sums, *args)
    is_above, is_below = above > _TINY, below < -_TINY
    # A unit whose sign comes from its shift alone has contributions of the other sign.
    up = jnp.where(upwards, is_above, is_above & ~is_below)
    down = is_below & ~up
    factors = (
        jnp.where(up, found / jnp.where(up, above, 1), 0),
        jnp.where(down, found / jnp.where(down, below, 1), 0),
    )
    return sum((a * g for a, g in zip(args, back(factors), strict=True)), jnp.zeros_like(args[0]))
