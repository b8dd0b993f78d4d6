"""A score of pairs of rows (Pang et al. 2023, PReNet)."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxad.models.base import Applied, as_input
from jaxad.nets.base import Net
from jaxad.padding import take_rows, valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables, Windows

__all__ = ["PairScore"]

REFERENCES = 30


@jax.tree_util.register_static
@dataclass(frozen=True)
class PairScore:
    """`phi(x, y)`: a linear head on the features of two rows from one shared network.

    The score of a row is the average of the means of `phi(anomaly, x)` and `phi(x, unlabelled)`
    over 30 references each. References are drawn once, with repetition.

    Attributes:
        branch: Network from rows to features.
        head: Network from the features of two rows to one number, `(b,)`.
    """

    branch: Net
    head: Net

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions."""
        return self.branch.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the networks randomly, and draw the reference rows."""
        branch = self.branch.init(jax.random.fold_in(key, 0), data.features)
        head = self.head.init(jax.random.fold_in(key, 1), self.head.input_shape[-1])
        variables = Variables(
            {"branch": branch.params, "head": head.params}, {"branch": branch.batch_stats}
        )
        return variables, _draw_references(jax.random.fold_in(key, 2), data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Draw the reference rows with a fixed key."""
        del variables
        return _draw_references(jax.random.key(0), data)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute scores and new running statistics.

        In train mode, `x` are pairs `(b, 2, d)`, whose rows pass the branch in one batch with one
        set of batch statistics. In inference mode, they are rows `(b, d)`.
        """
        del key
        if not train:
            return Applied(self._score(variables, extras, x), variables.batch_stats)
        features, stats, penalty = self._embed(variables, x.reshape(-1, *x.shape[2:]), train)
        score = self._compare(variables, features.reshape(len(x), -1))
        return Applied(score, {"branch": stats}, penalty)

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """Return the output, which is the score."""
        return out

    def _embed(self, variables: Variables, x: Array, train: bool) -> Applied:
        x = as_input(x, self.branch.input_shape)
        params, batch_stats = variables.params["branch"], variables.batch_stats["branch"]
        return self.branch.apply(params, batch_stats, x, train)

    def _compare(self, variables: Variables, features: Float[Array, "b k"]) -> Float[Array, "b"]:
        return self.head.apply(variables.params["head"], {}, features, train=False).out

    def _score(self, variables: Variables, extras: PyTree, x: Array):
        """Score rows at the mean features of references, as the head is linear."""
        own, anomaly, unlabelled = (
            self._embed(variables, rows, train=False).out
            for rows in (x, extras["anomalies"], extras["unlabelled"])
        )
        anomaly, unlabelled = (
            jnp.broadcast_to(jnp.mean(f, axis=0), own.shape) for f in (anomaly, unlabelled)
        )
        first = self._compare(variables, jnp.concatenate([anomaly, own], axis=1))
        second = self._compare(variables, jnp.concatenate([own, unlabelled], axis=1))
        return (first + second) / 2


def _draw_references(key: Key, data: TrainData) -> PyTree:
    """Draw labelled anomalies and other rows as references."""
    valid, keys = valid_rows(data), jax.random.split(key)
    return {
        "anomalies": _draw_rows(keys[0], data.x, valid & (data.label < 0)),
        "unlabelled": _draw_rows(keys[1], data.x, valid & (data.label >= 0)),
    }


def _draw_rows(key: Key, x: Array | Windows, where: Bool[Array, "n"]) -> Array:
    """Draw rows where a mask holds, with repetition; padding does not change the draw."""
    up_to = jnp.cumsum(where)
    number = jnp.floor(jax.random.uniform(key, (REFERENCES,)) * up_to[-1]).astype(up_to.dtype)
    return take_rows(x, jnp.searchsorted(up_to, number + 1))
