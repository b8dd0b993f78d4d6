"""Unsquared scores beside a margin, as a hinge loss of anomalies needs them."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxad.models.base import Applied, Model
from jaxad.padding import valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Distance", "MarginRule", "Margined"]

MarginRule = Literal["mean_unlabelled", "max_labelled"]

_SAMPLE = 512
_TINY = 1e-12


class Distance(NamedTuple):
    """Distances Omega with the margin C, repeated for each example."""

    omega: Float[Array, "b"]
    margin: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Margined:
    """`Omega = sqrt(s)` of a model whose score s is a square, and a margin C beside it.

    C is fixed from the initial scores. They are taken in train mode: while the running statistics
    of BatchNorm still are those of the start, scores in inference mode have another scale than
    those that training sees. For BatchNorm's sake C comes of one batch of 512 rows, spread evenly
    over all rows of its kind; fewer rows are repeated.

    Attributes:
        base: A model with scores of at least 0, such as `Hypersphere` or `Reconstruction`.
        rule: C is the mean over unlabelled rows (Zhang et al. 2021, section 4.1) or the maximum
            over labelled ones (their released program).
    """

    base: Model
    rule: MarginRule = "mean_unlabelled"

    @property
    def convolutional(self) -> bool:
        """Whether the base has convolutions."""
        return self.base.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Random variables, the base's quantities in closed form and the margin."""
        variables, extras = self.base.init(key, data)
        return variables, self._with_margin(variables, extras, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """The base's quantities in closed form, and the margin for given variables."""
        return self._with_margin(variables, self.base.extras(variables, data), data)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Distances of `(b, ...)` rows beside the margin, and new running statistics."""
        applied = self._omega(variables, extras["base"], x, train, key)
        margin = jnp.broadcast_to(extras["margin"], applied.out.shape)
        return applied._replace(out=Distance(applied.out, margin))

    def score(self, out: Distance) -> Float[Array, "b"]:
        """The distance."""
        return out.omega

    def _omega(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        applied = self.base.apply(variables, extras, x, train, key)
        # Away from 0, where the root has no derivative.
        return applied._replace(out=jnp.sqrt(self.base.score(applied.out) + _TINY))

    def _with_margin(self, variables: Variables, extras: PyTree, data: TrainData) -> PyTree:
        mean = self.rule == "mean_unlabelled"
        kind = (data.label == 0) if mean else (data.label != 0)
        rows = _spread(valid_rows(data) & kind, _SAMPLE)
        omega = self._omega(variables, extras, jnp.asarray(data.x)[rows], train=True).out
        return {"base": extras, "margin": jnp.mean(omega) if mean else jnp.max(omega)}


def _spread(where: Bool[Array, "n"], size: int) -> Int[Array, "size"]:
    """So many rows where a mask holds, spread evenly; all about equally often if there are fewer.

    Should it hold nowhere, they are row 0.
    """
    first = jnp.argsort(~where, stable=True)
    count = jnp.sum(where)
    # Quotient and remainder apart: their product could overflow.
    step, rest = count // size, count % size
    j = jnp.arange(size)
    return first[jnp.minimum(j * step + j * rest // size, jnp.maximum(count - 1, 0))]
