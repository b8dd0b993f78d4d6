"""Unsquared scores with a margin, for a hinge loss on anomalies."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxad.models.base import Applied, Model
from jaxad.padding import take_rows, valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Distance", "MarginRule", "Margined"]

MarginRule = Literal["mean_unlabelled", "max_labelled"]

_SAMPLE = 512
_TINY = 1e-12


class Distance(NamedTuple):
    """Distances Omega, and the margin C repeated for each example."""

    omega: Float[Array, "b"]
    margin: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Margined:
    """`Omega = sqrt(s)` of a model whose score s is a square, with a margin C.

    C is computed from the initial scores, in train mode: with the initial running statistics of
    BatchNorm, scores in inference mode have another scale than those that training sees. BatchNorm
    also requires one batch: 512 rows, spread evenly over all rows of their kind, with repetition if
    there are fewer.

    Attributes:
        base: A model with scores >= 0, such as `Hypersphere` or `Reconstruction`.
        rule: "mean_unlabelled": C is the mean over unlabelled rows (Zhang et al. 2021, section
            4.1); "max_labelled": the maximum over labelled rows (their released code).
    """

    base: Model
    rule: MarginRule = "mean_unlabelled"

    @property
    def convolutional(self) -> bool:
        """Whether the base has convolutions."""
        return self.base.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the base randomly, and compute its extras and the margin."""
        variables, extras = self.base.init(key, data)
        return variables, self._add_margin(variables, extras, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the base's extras and the margin for given variables."""
        return self._add_margin(variables, self.base.extras(variables, data), data)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute distances of `(b, ...)` rows, with the margin, and new running statistics."""
        applied = self._compute_omega(variables, extras["base"], x, train, key)
        margin = jnp.broadcast_to(extras["margin"], applied.out.shape)
        return applied._replace(out=Distance(applied.out, margin))

    def score(self, out: Distance) -> Float[Array, "b"]:
        """Return the distance."""
        return out.omega

    def _compute_omega(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        applied = self.base.apply(variables, extras, x, train, key)
        # The root has no derivative at 0.
        return applied._replace(out=jnp.sqrt(self.base.score(applied.out) + _TINY))

    def _add_margin(self, variables: Variables, extras: PyTree, data: TrainData) -> PyTree:
        mean = self.rule == "mean_unlabelled"
        kind = (data.label == 0) if mean else (data.label != 0)
        rows = _spread(valid_rows(data) & kind, _SAMPLE)
        omega = self._compute_omega(variables, extras, take_rows(data.x, rows), train=True).out
        return {"base": extras, "margin": jnp.mean(omega) if mean else jnp.max(omega)}


def _spread(where: Bool[Array, "n"], size: int) -> Int[Array, "size"]:
    """Return `size` rows spread evenly over a mask, repeated evenly if it has fewer.

    If the mask holds nowhere, all are row 0.
    """
    first = jnp.argsort(~where, stable=True)
    count = jnp.sum(where)
    # With quotient and remainder apart, as `j * count` could overflow.
    step, rest = count // size, count % size
    j = jnp.arange(size)
    return first[jnp.minimum(j * step + j * rest // size, jnp.maximum(count - 1, 0))]
