"""A normalising flow: the exact log density of a row under an invertible network."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.nets.base import Net
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Flow"]

_LOG_SCALE = 2.0  # the most that a coupling scales a column by, as a logarithm


@jax.tree_util.register_static
@dataclass(frozen=True)
class Flow:
    """Affine couplings from rows x to z; the score is `-log N(z; 0, I) - log |det dz / dx|`.

    A coupling keeps every other column and maps the rest by `x exp(s) + t`, where s and t are
    networks of the kept columns. The next coupling keeps the others.

    Attributes:
        shift: The network t, from columns to columns.
        scale: The network s, of the same shape, bounded by a tanh.
        couplings: The number of couplings.

    References:
        Dinh et al. 2017, Density estimation using Real NVP, eq. 4 to 7.
    """

    shift: Net
    scale: Net
    couplings: int

    @property
    def convolutional(self) -> bool:
        """False: the networks have no convolutions."""
        return False

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the networks of all couplings randomly, stacked along a leading axis."""

        def draw(net: Net, key: Key) -> PyTree:
            keys = jax.random.split(key, self.couplings)
            return jax.vmap(lambda k: net.init(k, data.features).params)(keys)

        keys = jax.random.split(key)
        params = {"shift": draw(self.shift, keys[0]), "scale": draw(self.scale, keys[1])}
        return Variables(params, {}), self.extras(Variables(params, {}), data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the mask of the data columns, which alone are mapped and count."""
        del variables
        columns = jnp.arange(self.shift.input_shape[-1]) < data.features
        return {"columns": columns.astype(jnp.float32)}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute minus the log densities of `(b, d)` rows."""
        del key, train
        z, log_det = self.transform(variables, extras, x)
        dimension = jnp.sum(extras["columns"])
        energy = 0.5 * (jnp.sum(z**2, axis=1) + dimension * jnp.log(2 * jnp.pi))
        return Applied(energy - log_det, variables.batch_stats)

    def transform(
        self, variables: Variables, extras: PyTree, x: Array
    ) -> tuple[Float[Array, "b d"], Float[Array, "b"]]:
        """Map rows to z, and compute the logarithm of the determinant `|det dz / dx|`."""
        x = as_input(x, self.shift.input_shape) * extras["columns"]
        odd = jnp.arange(x.shape[-1]) % 2

        def couple(carry, coupling):
            z, log_det = carry
            params, number = coupling
            kept = odd == number % 2
            given = jnp.where(kept, z, 0)
            shift = self.shift.apply(params["shift"], {}, given, train=False).out
            raw = self.scale.apply(params["scale"], {}, given, train=False).out
            mapped = jnp.where(kept, 0, extras["columns"])
            log_scale = mapped * _LOG_SCALE * jnp.tanh(raw / _LOG_SCALE)
            z = z * jnp.exp(log_scale) + mapped * shift
            return (z, log_det + jnp.sum(log_scale, axis=1)), None

        start = (x, jnp.zeros(len(x), x.dtype))
        numbers = jnp.arange(self.couplings)
        return jax.lax.scan(couple, start, (variables.params, numbers))[0]

    def score(self, out: PyTree) -> Float[Array, "b"]:
        """Return minus the log density."""
        return out
