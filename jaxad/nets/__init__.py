"""Networks, written with flax.linen, which no other package imports."""

from jaxad.nets.base import Net

__all__ = ["Net"]
