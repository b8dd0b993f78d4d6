"""Mixtures of two Gaussians of one number, fitted by expectation maximisation.

The fit of scikit-learn cannot be a part of a compiled training step.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

__all__ = [
    "Mixture",
    "begin_mixture",
    "fit_mixture",
    "has_two_modes",
    "improve_mixture",
    "is_upper",
]

_POINTS = 32  # between the two means, where a dip is looked for
_LEAST = 0.2  # of the deviation of all values
_DIP = 0.95  # a dip is at most this high, relative to the lower of the two peaks


class Mixture(NamedTuple):
    """Two Gaussians, the one with the lower mean first.

    Attributes:
        share: `(2,)` their shares.
        mean: `(2,)` their means.
        deviation: `(2,)` their standard deviations.
    """

    share: Float[Array, "2"]
    mean: Float[Array, "2"]
    deviation: Float[Array, "2"]


def begin_mixture(values: Float[Array, "n"], among: Bool[Array, "n"]) -> Mixture:
    """Return the mixture that a fit begins with: most values low, and a few far above the mean."""
    mean, deviation = _moments(values, among.astype(values.dtype))
    return Mixture(
        jnp.array([0.9, 0.1]),
        mean + jnp.array([-0.2, 2.0]) * deviation,
        deviation * jnp.ones(2),
    )


def improve_mixture(
    mixture: Mixture, values: Float[Array, "n"], among: Bool[Array, "n"]
) -> Mixture:
    """Take one step of expectation maximisation.

    Args:
        mixture: The mixture before it.
        values: `(n,)` numbers.
        among: `(n,)` which of them count.

    Returns:
        The mixture after it. Deviations are at least a fifth of that of all values, so that no
        component shrinks to a few values that happen to be close.
    """
    log = _log_densities(mixture, values)
    part = jax.nn.softmax(log, axis=0) * among
    mean, deviation = jax.vmap(_moments, in_axes=(None, 0))(values, part)
    least = _LEAST * _moments(values, among.astype(values.dtype))[1]
    share = jnp.sum(part, axis=1) / jnp.maximum(jnp.sum(among), 1)
    new = Mixture(jnp.clip(share, 1e-4, 1.0), mean, jnp.maximum(deviation, least))
    # A component that lost all of its rows stays where it was.
    new = Mixture(*(jnp.where(share > 1e-6, a, b) for a, b in zip(new, mixture, strict=True)))
    order = jnp.argsort(new.mean)
    return Mixture(*(part[order] for part in new))


def fit_mixture(values: Float[Array, "n"], among: Bool[Array, "n"], rounds: int) -> Mixture:
    """Fit a mixture by some steps of expectation maximisation."""

    def improve(_, mixture: Mixture) -> Mixture:
        return improve_mixture(mixture, values, among)

    return jax.lax.fori_loop(0, rounds, improve, begin_mixture(values, among))


def is_upper(mixture: Mixture, values: Float[Array, "n"]) -> Bool[Array, "n"]:
    """Return which values are beyond the intersection of the densities between the two means.

    The narrower density is the lower one again far out; values above both means are on the upper
    side whatever the densities are.
    """
    lower, upper = _log_densities(mixture, values)
    return ((upper > lower) & (values > mixture.mean[0])) | (values > mixture.mean[1])


def has_two_modes(mixture: Mixture) -> Bool[Array, ""]:
    """Return whether the density of the mixture has a dip between the two means.

    Means at most two of the smaller deviations apart have one mode, whatever rounding shows.
    """
    gap = mixture.mean[1] - mixture.mean[0]
    between = jnp.linspace(mixture.mean[0], mixture.mean[1], _POINTS)
    log = jax.nn.logsumexp(_log_densities(mixture, between), axis=0)
    dip = jnp.min(log) < jnp.minimum(log[0], log[-1]) + jnp.log(_DIP)
    return dip & (gap > 2 * jnp.min(mixture.deviation))


def _log_densities(mixture: Mixture, values: Float[Array, "n"]) -> Float[Array, "2 n"]:
    """Compute the logarithms of `share N(value; mean, deviation)`, up to a constant."""
    share, mean, deviation = (part[:, None] for part in mixture)
    # Where all values are equal, the deviations are 0.
    deviation = jnp.where(deviation > 0, deviation, 1)
    return jnp.log(share) - jnp.log(deviation) - 0.5 * ((values - mean) / deviation) ** 2


def _moments(
    values: Float[Array, "n"], weight: Float[Array, "n"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Compute the weighted mean and standard deviation; 0 without any weight."""
    total = jnp.maximum(jnp.sum(weight), jnp.finfo(values.dtype).tiny)
    values = jnp.where(weight > 0, values, 0)
    mean = jnp.sum(weight * values) / total
    return mean, jnp.sqrt(jnp.sum(weight * (values - mean) ** 2) / total)
