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
from jaxad.models.residual import split_norm
from jaxad.nets.base import Net
from jaxad.padding import map_rows, valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Mixture", "MixtureEnergy", "MixtureOut", "compute_energy", "fit_mixture"]

DROPOUT = 0.5
# Added to the diagonal of a covariance, the second as a share of its mean: more than rounding
# errors take off the smallest eigenvalue in float32.
_ADDED, _SHARE = 1e-6, 1e-5
# The default of a TPU rounds factors to bfloat16, which can make a covariance indefinite.
_PRECISION = jax.lax.Precision.HIGHEST
_FEWEST = 1e-3  # lower bound on the rows of a component
_SHORTEST = 1e-3  # lower bound on the norm of a row in the relative error


class Mixture(NamedTuple):
    """A Gaussian mixture.

    Attributes:
        log_weight: `(k,)` logarithms of the components' weights.
        mean: `(k, m)` means of the components.
        factor: `(k, m, m)` lower Cholesky factors of the covariances.
    """

    log_weight: Float[Array, "k"]
    mean: Float[Array, "k m"]
    factor: Float[Array, "k m m"]


class MixtureOut(NamedTuple):
    """The values that the objective of DAGMM reads.

    Attributes:
        error: `||x - g(f(x))||^2`.
        energy: Negative log density under the mixture, the score.
        penalty: The sum of `1 / variance` over components and coordinates, equal for all rows.
    """

    error: Float[Array, "b"]
    energy: Float[Array, "b"]
    penalty: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class MixtureEnergy(Reconstruction):
    """An autoencoder, and a network that assigns rows to the components of a mixture.

    A row's description is its code, the relative error `||x - y|| / ||x||` and the cosine of x and
    its reconstruction y. In train mode, the mixture is fitted to the batch under the network's
    memberships, with dropout in the hidden layer if `apply` has a key. In inference mode, it is the
    one in the extras, fitted to all training rows that are not labelled anomalies.

    Attributes:
        hidden: Network from descriptions, `(b, code + 2)`, to a hidden layer, before its tanh.
        head: Network from the hidden layer to a logit for each component.
    """

    hidden: Net
    head: Net

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the networks randomly, and fit their mixture."""
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
        """Fit the mixture to all rows that are not labelled anomalies, and mask data columns."""
        extras = super().extras(variables, data)

        def describe(x):
            _, z, _, _ = self._describe(variables, extras, x, train=False)
            return z, self._assign(variables, z, None)

        z, membership = map_rows(describe, data.x, data.count)
        return extras | {
            "mixture": fit_mixture(z, membership, valid_rows(data) & (data.label >= 0))
        }

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute errors and energies of `(b, ...)` rows and new running statistics."""
        error, z, stats, added = self._describe(variables, extras, x, train)
        if train:
            membership = self._assign(variables, z, key)
            mixture = fit_mixture(z, membership, jnp.ones(len(z), bool))
        else:
            mixture = extras["mixture"]
        variance = jnp.sum(mixture.factor**2, axis=-1)
        penalty = jnp.broadcast_to(jnp.sum(1 / variance), error.shape)
        out = MixtureOut(error, compute_energy(mixture, z), penalty)
        return Applied(out, {**variables.batch_stats, **stats}, added)

    def score(self, out: MixtureOut) -> Float[Array, "b"]:
        """Return the energy."""
        return out.energy

    def _describe(self, variables: Variables, extras: PyTree, x: Array, train: bool):
        """Compute squared errors, descriptions, new running statistics and the penalty."""
        x = as_input(x, self.encoder.input_shape)
        code, (y, stats, added) = self.encode_and_decode(variables, x, train)
        x, y = ((a * extras.get("columns", 1.0)).reshape(len(a), -1) for a in (x, y))
        (ahead, length), (along, _) = split_norm(x), split_norm(y)
        _, distance = split_norm(x - y)
        relative = distance / jnp.maximum(length, _SHORTEST)
        cosine = jnp.sum(ahead * along, axis=1)
        z = jnp.concatenate([code, relative[:, None], cosine[:, None]], axis=1)
        return jnp.sum((x - y) ** 2, axis=1), z, stats, added

    def _assign(
        self, variables: Variables, z: Float[Array, "b m"], key: Key | None
    ) -> Float[Array, "b k"]:
        """Compute the membership of each row in each component, summing to 1."""
        hidden = self.hidden.apply(variables.params["hidden"], {}, z, train=False).out
        hidden = jnp.tanh(hidden)
        if key is not None:
            kept = jax.random.bernoulli(key, 1 - DROPOUT, hidden.shape)
            hidden = jnp.where(kept, hidden / (1 - DROPOUT), 0)
        # The compiler for TPUs crashes where it fuses these two layers into one.
        hidden = jax.lax.optimization_barrier(hidden)
        logits = self.head.apply(variables.params["head"], {}, hidden, train=False).out
        return jax.nn.softmax(logits)


def fit_mixture(
    z: Float[Array, "n m"], membership: Float[Array, "n k"], where: Bool[Array, "n"]
) -> Mixture:
    """Compute weights, means and covariances of rows under given memberships (eq. 5).

    The diagonal gets 1e-6 and 1e-5 of its mean added, so that covariances are positive definite
    even for empty components and rows in a plane.

    Args:
        z: Descriptions of rows.
        membership: Membership of each row in each component; each row sums to 1.
        where: Mask of the rows that count.
    """
    membership = jnp.where(where[:, None], membership, 0)
    z = jnp.where(where[:, None], z, 0)
    count = jnp.maximum(jnp.sum(membership, axis=0), _FEWEST)
    share = membership / count
    mean = jnp.matmul(share.T, z, precision=_PRECISION)
    off = z[:, None] - mean
    covariance = jnp.einsum("nk,nki,nkj->kij", share, off, off, precision=_PRECISION)
    size = jnp.trace(covariance, axis1=1, axis2=2) / z.shape[1]
    added = (_ADDED + _SHARE * size)[:, None, None] * jnp.eye(z.shape[1], dtype=z.dtype)
    log_weight = jnp.log(count / jnp.maximum(jnp.sum(where), 1))
    return Mixture(log_weight, mean, jnp.linalg.cholesky(covariance + added))


def compute_energy(mixture: Mixture, z: Float[Array, "n m"]) -> Float[Array, "n"]:
    """Compute the negative log density of rows under a mixture (eq. 6)."""
    off = jnp.swapaxes(z[:, None] - mixture.mean, 0, 1)
    white = jax.scipy.linalg.solve_triangular(mixture.factor, off.swapaxes(1, 2), lower=True)
    log_root = jnp.sum(jnp.log(jnp.diagonal(mixture.factor, axis1=1, axis2=2)), axis=1)
    constant = log_root + 0.5 * z.shape[1] * jnp.log(2 * jnp.pi)
    log_density = -0.5 * jnp.sum(white**2, axis=1) - constant[:, None]
    return -jax.nn.logsumexp(mixture.log_weight[:, None] + log_density, axis=0)
