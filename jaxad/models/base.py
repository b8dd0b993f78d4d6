"""What a score model is."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, Protocol

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.nets.base import Applied, Net
from jaxad.padding import is_table, pad_axis
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Applied", "Model", "as_input", "forward_mode"]


class Model(Protocol):
    """A score model: static, hashable, pure.

    Its output is a pytree of per-example arrays, mostly the score itself; an objective reads it.
    """

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Random variables, and the quantities in closed form that go with them."""
        ...

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """The quantities in closed form (centre, radius, ...) for given variables."""
        ...

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute the outputs of `(b, ...)` rows, new running statistics and a penalty.

        Args:
            variables: Parameters and running statistics.
            extras: The quantities in closed form.
            x: `(b, ...)` rows.
            train: Whether BatchNorm uses the statistics of the batch.
            key: The randomness of a model that draws in train mode. Without one, and in inference
                mode, it draws nothing.
        """
        ...

    def score(self, out: PyTree) -> Float[Array, "b"]:
        """The anomaly scores in an output; higher is more anomalous."""
        ...

    @property
    def convolutional(self) -> bool:
        """Whether mapping over seeds by `vmap` is slow on the CPU."""
        ...


def as_input(x: Array, input_shape: tuple[int, ...]) -> Float[Array, "b *shape"]:
    """Rows as a network takes them: uint8 images in [0, 1], tables padded to their bucket."""
    x = jnp.asarray(x)
    table = is_table(input_shape)
    if x.dtype == jnp.uint8 and not table:
        x = x.astype(jnp.float32) / 255
    elif not jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(jnp.float32)
    return pad_axis(x, input_shape[-1], x.ndim - 1) if table else x


def forward_mode(model: Any) -> Any:
    """The same model with networks that `jax.jvp` can pass; the models in it likewise.

    Args:
        model: A model: a frozen dataclass whose fields hold its networks.
    """
    if isinstance(model, Net):
        return model.forward_mode()
    if not is_dataclass(model) or isinstance(model, type):
        return model
    return replace(model, **{f.name: forward_mode(getattr(model, f.name)) for f in fields(model)})
