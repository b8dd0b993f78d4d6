"""The energy of a row's code and reconstruction errors under a Gaussian mixture (DAGMM).

References:
    Zong et al. 2018, Deep autoencoding Gaussian mixture model for unsupervised anomaly detection.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.reconstruction import Reconstruction
from jaxad.models.residual import direction_and_norm
from jaxad.nets.base import Net
from jaxad.padding import map_rows, valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Mixture", "MixtureEnergy", "MixtureOut", "energy", "fit_mixture"]

DROPOUT = 0.5
# What is added to the diagonal of a covariance, and that much of the mean diagonal: more than
# rounding takes off the smallest eigenvalue in float32.
_ADDED, _SHARE = 1e-6, 1e-5
_FEWEST = 1e-3  # rows that an empty component is taken to have
_SHORTEST = 1e-3  # rows with a smaller norm are taken to have this one in the relative error


class Mixture(NamedTuple):
    """A Gaussian mixture.

    Attributes:
        log_weight: `(k,)` logarithms of the components' weights.
        mean: `(k, m)` their means.
        factor: `(k, m, m)` lower Cholesky factors of their covariances.
    """

    log_weight: Float[Array, "k"]
    mean: Float[Array, "k m"]
    factor: Float[Array, "k m m"]


class MixtureOut(NamedTuple):
    """What the objective of DAGMM reads.

    Attributes:
        error: `||x - g(f(x))||^2`.
        energy: Minus the log density under the mixture, the score.
        penalty: The sum of `1 / variance` over components and coordinates, for every row the same.
    """

    error: Float[Array, "b"]
    energy: Float[Array, "b"]
    penalty: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class MixtureEnergy(Reconstruction):
    """An autoencoder, and a network that says which component of a mixture a row belongs to.

    A row is described by its code, the relative error `||x - y|| / ||x||` and the cosine of x and
    its reconstruction y. In train mode the mixture is that of the batch under the network's
    memberships, with dropout in the hidden layer where `apply` has a key. In inference mode it is
    the one in the extras, of all training rows that are not labelled anomalies.

    Attributes:
        hidden: From descriptions, `(b, code + 2)`, to a hidden layer, before its tanh.
        head: From the hidden layer to a logit for each component.
    """

    hidden: Net
    head: Net

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Random networks, and the mixture that goes with them."""
        nets = {
            "encoder": (self.encoder, data.features),
            "decoder": (self.decoder, data.features),
            "hidden": (self.hidden, self.hidden.input_shape[-1]),
            "head": (self.head, self.head.input_shape[-1]),
        }
        made = {
            name: net.init(jax.random.fold_in(key, i), features)
            for i, (name, (net, features)) in enumerate(nets.items())
        }
        variables = Variables(
            {name: v.params for name, v in made.items()},
            {name: v.batch_stats for name, v in made.items()},
        )
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Which columns are data, and the mixture of all rows that are not labelled anomalies."""
        extras = super().extras(variables, data)

        def described(x):
            _, z, _, _ = self._describe(variables, extras, x, train=False)
            return z, self._memberships(variables, z, None)

        z, membership = map_rows(described, data.x, data.count)
        return extras | {
            "mixture": fit_mixture(z, membership, valid_rows(data) & (data.label >= 0))
        }

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Errors and energies of `(b, ...)` rows, and new running statistics."""
        error, z, stats, added = self._describe(variables, extras, x, train)
        if train:
            membership = self._memberships(variables, z, key)
            mixture = fit_mixture(z, membership, jnp.ones(len(z), bool))
        else:
            mixture = extras["mixture"]
        variance = jnp.sum(mixture.factor**2, axis=-1)
        penalty = jnp.broadcast_to(jnp.sum(1 / variance), error.shape)
        out = MixtureOut(error, energy(mixture, z), penalty)
        return Applied(out, {**variables.batch_stats, **stats}, added)

    def score(self, out: MixtureOut) -> Float[Array, "b"]:
        """The energy."""
        return out.energy

    def _describe(self, variables: Variables, extras: PyTree, x: Array, train: bool):
        """Squared errors, descriptions, new running statistics and the networks' penalty."""
        x = as_input(x, self.encoder.input_shape)
        code, (y, stats, added) = self.code_and_reconstruction(variables, x, train)
        x, y = ((a * extras.get("columns", 1.0)).reshape(len(a), -1) for a in (x, y))
        (ahead, length), (along, _) = direction_and_norm(x), direction_and_norm(y)
        _, distance = direction_and_norm(x - y)
        relative = distance / jnp.maximum(length, _SHORTEST)
        cosine = jnp.sum(ahead * along, axis=1)
        z = jnp.concatenate([code, relative[:, None], cosine[:, None]], axis=1)
        return jnp.sum((x - y) ** 2, axis=1), z, stats, added

    def _memberships(
        self, variables: Variables, z: Float[Array, "b m"], key: Key | None
    ) -> Float[Array, "b k"]:
        """How much of each row belongs to each component."""
        hidden = self.hidden.apply(variables.params["hidden"], {}, z, train=False).out
        hidden = jnp.tanh(hidden)
        if key is not None:
            kept = jax.random.bernoulli(key, 1 - DROPOUT, hidden.shape)
            hidden = jnp.where(kept, hidden / (1 - DROPOUT), 0)
        logits = self.head.apply(variables.params["head"], {}, hidden, train=False).out
        return jax.nn.softmax(logits)


def fit_mixture(
    z: Float[Array, "n m"], membership: Float[Array, "n k"], where: Bool[Array, "n"]
) -> Mixture:
    """The weights, means and covariances of rows under given memberships (eq. 5).

    Components without rows, and rows that lie in a plane, keep covariances positive definite: 1e-6
    is added to the diagonal, and 1e-5 of its mean.

    Args:
        z: Descriptions of rows.
        membership: How much of each row belongs to each component; each row sums to 1.
        where: Which rows take part.
    """
    membership = jnp.where(where[:, None], membership, 0)
    z = jnp.where(where[:, None], z, 0)
    count = jnp.maximum(jnp.sum(membership, axis=0), _FEWEST)
    share = membership / count
    mean = share.T @ z
    off = z[:, None] - mean
    covariance = jnp.einsum("nk,nki,nkj->kij", share, off, off)
    size = jnp.trace(covariance, axis1=1, axis2=2) / z.shape[1]
    added = (_ADDED + _SHARE * size)[:, None, None] * jnp.eye(z.shape[1], dtype=z.dtype)
    log_weight = jnp.log(count / jnp.maximum(jnp.sum(where), 1))
    return Mixture(log_weight, mean, jnp.linalg.cholesky(covariance + added))


def energy(mixture: Mixture, z: Float[Array, "n m"]) -> Float[Array, "n"]:
    """Minus the log density of rows under a mixture (eq. 6)."""
    off = jnp.swapaxes(z[:, None] - mixture.mean, 0, 1)
    white = jax.scipy.linalg.solve_triangular(mixture.factor, off.swapaxes(1, 2), lower=True)
    log_root = jnp.sum(jnp.log(jnp.diagonal(mixture.factor, axis1=1, axis2=2)), axis=1)
    constant = log_root + 0.5 * z.shape[1] * jnp.log(2 * jnp.pi)
    log_density = -0.5 * jnp.sum(white**2, axis=1) - constant[:, None]
    return -jax.nn.logsumexp(mixture.log_weight[:, None] + log_density, axis=0)
