"""A score of pairs of rows (Pang et al. 2023, PReNet)."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxad.models.base import Applied, as_input
from jaxad.nets.base import Net
from jaxad.padding import valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["PairScore"]

REFERENCES = 30


@jax.tree_util.register_static
@dataclass(frozen=True)
class PairScore:
    """`phi(x, y)`: a linear head on the features of both rows, of one network that they share.

    A row's own score is the mean over 30 references of `phi(anomaly, x)` and `phi(x, unlabelled)`,
    the two halves averaged. References are drawn once, with repetition.

    Attributes:
        branch: From rows to features.
        head: From the features of two rows to one number, `(b,)`.
    """

    branch: Net
    head: Net

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions."""
        return self.branch.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Random networks, and the rows that others are compared with."""
        branch = self.branch.init(jax.random.fold_in(key, 0), data.features)
        head = self.head.init(jax.random.fold_in(key, 1), self.head.input_shape[-1])
        variables = Variables(
            {"branch": branch.params, "head": head.params}, {"branch": branch.batch_stats}
        )
        return variables, _references(jax.random.fold_in(key, 2), data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """The rows that others are compared with: always the same of the same data."""
        del variables
        return _references(jax.random.key(0), data)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Scores and new running statistics.

        In train mode of pairs `(b, 2, d)`, whose rows go through the branch in one batch: there is
        one set of batch statistics. In inference mode of rows `(b, d)`.
        """
        del key
        if not train:
            return Applied(self._against_references(variables, extras, x), variables.batch_stats)
        features, stats, penalty = self._features(variables, x.reshape(-1, *x.shape[2:]), train)
        score = self._phi(variables, features.reshape(len(x), -1))
        return Applied(score, {"branch": stats}, penalty)

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """The score itself."""
        return out

    def _features(self, variables: Variables, x: Array, train: bool) -> Applied:
        x = as_input(x, self.branch.input_shape)
        params, batch_stats = variables.params["branch"], variables.batch_stats["branch"]
        return self.branch.apply(params, batch_stats, x, train)

    def _phi(self, variables: Variables, features: Float[Array, "b k"]) -> Float[Array, "b"]:
        return self.head.apply(variables.params["head"], {}, features, train=False).out

    def _against_references(self, variables: Variables, extras: PyTree, x: Array):
        """The head is linear: its mean over references is its value at their mean features."""
        own, anomaly, unlabelled = (
            self._features(variables, rows, train=False).out
            for rows in (x, extras["anomalies"], extras["unlabelled"])
        )
        anomaly, unlabelled = (
            jnp.broadcast_to(jnp.mean(f, axis=0), own.shape) for f in (anomaly, unlabelled)
        )
        first = self._phi(variables, jnp.concatenate([anomaly, own], axis=1))
        second = self._phi(variables, jnp.concatenate([own, unlabelled], axis=1))
        return (first + second) / 2


def _references(key: Key, data: TrainData) -> PyTree:
    """Labelled anomalies, and other rows, to compare with."""
    valid, keys = valid_rows(data), jax.random.split(key)
    return {
        "anomalies": _some(keys[0], data.x, valid & (data.label < 0)),
        "unlabelled": _some(keys[1], data.x, valid & (data.label >= 0)),
    }


def _some(key: Key, x: Array, where: Bool[Array, "n"]) -> Array:
    """Rows where a mask holds, drawn with repetition: the same whatever padding is behind."""
    up_to = jnp.cumsum(where)
    number = jnp.floor(jax.random.uniform(key, (REFERENCES,)) * up_to[-1]).astype(up_to.dtype)
    return jnp.asarray(x)[jnp.searchsorted(up_to, number + 1)]
