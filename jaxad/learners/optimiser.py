"""Optimisers with a static kind and traced numbers."""

from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from jaxad.types import PyTree

__all__ = ["Optimiser", "OptimiserKind", "kernel_norm_sq"]

# "adam_half" is Adam with b1 = 0.5, common for adversarial networks.
# "nesterov" is gradient descent with a Nesterov momentum of 0.9.
OptimiserKind = Literal["adam", "adam_half", "sgd", "nesterov", "rmsprop", "adadelta"]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["learning_rate", "milestone", "drop", "weight_decay", "period"],
    meta_fields=["kind"],
)
@dataclass(frozen=True)
class Optimiser:
    """A gradient transformation with a step learning-rate schedule and a penalty on kernels.

    Attributes:
        kind: The transformation of optax that scales the gradient.
        learning_rate: Learning rate before the milestone, > 0.
        milestone: Epoch from which the learning rate is `drop * learning_rate`.
        drop: Factor on the learning rate at each drop.
        weight_decay: Factor of `||w||^2 / 2` in the loss, over kernels only, >= 0.
        period: Epochs between further drops after the milestone, > 0; infinite for none.
    """

    kind: OptimiserKind
    learning_rate: float
    milestone: float
    drop: float
    weight_decay: float
    period: float = inf

    @property
    def _transformation(self) -> optax.GradientTransformation:
        return {
            "adam": optax.scale_by_adam,
            "adam_half": partial(optax.scale_by_adam, b1=0.5),
            "sgd": optax.identity,
            "nesterov": partial(optax.trace, decay=0.9, nesterov=True),
            "rmsprop": optax.scale_by_rms,
            "adadelta": partial(optax.scale_by_adadelta, rho=0.95),
        }[self.kind]()

    def init(self, params: PyTree) -> optax.OptState:
        """Initialise the state of the transformation."""
        return self._transformation.init(params)

    def update(
        self, grads: PyTree, opt_state: optax.OptState, params: PyTree, epoch: Float[Array, ""]
    ) -> tuple[PyTree, optax.OptState]:
        """Return parameters and state after one step."""
        updates, opt_state = self._transformation.update(grads, opt_state, params)
        rate = self.rate(epoch)
        return jax.tree.map(lambda p, u: p - rate.astype(p.dtype) * u, params, updates), opt_state

    @property
    def has_momentum(self) -> bool:
        """Whether an update averages the gradients of several steps."""
        return self.kind in ("adam", "adam_half", "nesterov")

    def precondition(
        self, gradient: PyTree, before: optax.OptState, after: optax.OptState
    ) -> PyTree:
        """Multiply a gradient by the factors that it has in the updates of the parameters.

        An update is linear in the gradients of its step and, with momentum, of earlier steps, if
        the second moments are given. The factor of a gradient is the sum of its factors in all
        updates, with the second moments of its own step.

        Args:
            gradient: The gradient, in the form of the parameters.
            before: The state of the optimiser before the step.
            after: The state after it.
        """
        old: Any = before
        now: Any = after
        if self.kind in ("adam", "adam_half"):
            count = now.count.astype(jnp.float32)
            factors = jax.tree.map(
                lambda v: 1 / (jnp.sqrt(v / (1 - 0.999 ** count.astype(v.dtype))) + 1e-8), now.nu
            )
        elif self.kind == "rmsprop":
            factors = jax.tree.map(lambda v: jax.lax.rsqrt(v + 1e-8), now.nu)
        elif self.kind == "adadelta":
            factors = jax.tree.map(
                lambda moved, v: jnp.sqrt((moved + 1e-6) / (v + 1e-6)), old.e_x, now.e_g
            )
        else:
            total = 10.0 if self.kind == "nesterov" else 1.0  # 1 + 0.9 + 0.9^2 + ...
            return jax.tree.map(lambda g: total * g, gradient)
        return jax.tree.map(jnp.multiply, factors, gradient)

    def rate(self, epoch: Float[Array, ""]) -> Float[Array, ""]:
        """Compute the learning rate at an epoch."""
        again = jnp.floor(jnp.maximum(epoch - self.milestone, 0) / self.period)
        first = jnp.where(epoch < self.milestone, 1.0, self.drop)
        return self.learning_rate * first * self.drop**again

    def penalty(self, params: PyTree) -> Float[Array, ""]:
        """Compute `weight_decay / 2 * ||w||^2` over all kernels."""
        return 0.5 * self.weight_decay * kernel_norm_sq(params)


def kernel_norm_sq(params: PyTree) -> Float[Array, ""]:
    """Compute the sum of squares of all leaves named "kernel", without biases and scales."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return sum(
        (jnp.sum(leaf**2) for path, leaf in leaves if path[-1].key == "kernel"), jnp.zeros(())
    )
