"""Mining: the most suspicious rows of a batch are trained as anomalies.

References:
    Yu et al. 2023, NCAE, algorithm 1 and the strategies of its section 5.2.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float, Int

from jaxad.errors import ConfigError, unknown_name
from jaxad.models.calibrated import scale_to_unit_norm
from jaxad.types import TrainData
from jaxad.weighting.base import Context, Weighting, Weights, place_in_batch
from jaxad.weighting.registry import Record, register

__all__ = ["MiningState", "Strategy", "mining"]

Strategy = Literal["dictionary", "reconstruction_error", "latent_distance", "latent_density"]


class MiningState(NamedTuple):
    """How suspicious each training row looked in the batches that contained it, for an audit.

    Attributes:
        mining_rank: `(n,)` sum over batches of a row's place among the rows that could be mined: 1
            for the most suspicious one, 0 for the least.
        suspicion: `(n,)` sum over batches of the suspicion itself, in the scale of the strategy.
        seen: `(n,)` the number of batches that contained it as a row that could be mined.
    """

    mining_rank: Float[Array, "n"]
    suspicion: Float[Array, "n"]
    seen: Int[Array, "n"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class _By:
    """The static part: how rows are suspected."""

    strategy: Strategy


@register("mining", record=Record("mining", "mining_rank"))
def mining(
    strategy: Strategy = "dictionary",
    tau: float = 0.1,
    calibrate: float = 1.0,
    *,
    warm_up: float = 0.0,
    labelled_normals: bool = False,
    own_means: bool = False,
) -> Weighting:
    """Treat the `ceil(tau m)` most suspicious of the m unlabelled rows of a batch as anomalies.

    Their weight is multiplied by `(0, calibrate)`; the weights of other rows do not change. The
    suspicion of a row is, by strategy,

    * "dictionary": minus the mean cosine similarity of its code to the codes of generated normal
      rows. The paper's text sorts its contamination score in descending order, which would mine
      the rows most similar to normal ones; its figure 4 and the released program mine the least
      similar ones, as is done here.
    * "reconstruction_error": its loss as a normal row; for every model.
    * "latent_distance": the distance of its code to the moving mean of all codes.
    * "latent_density": minus the log density of its code under a Gaussian kernel estimate from the
      other rows of the batch, with Scott's bandwidth. The paper does not specify the estimate.

    Args:
        strategy: The suspicion; all but "reconstruction_error" need a model with codes.
        tau: The fraction of rows that are mined, in [0, 1].
        calibrate: Weight of the loss of anomalies for mined rows, >= 0; 0 leaves them out.
        warm_up: Epochs before the first rows are mined, >= 0.
        labelled_normals: Whether labelled normal rows are mined like unlabelled ones, for
            detectors that use no labels.
        own_means: Whether the loss is a mean over the rows taken as normal plus a mean over the
            mined rows, as in eq. 8; otherwise it is one mean over the batch, where a mined row
            counts as much as any other.

    Raises:
        ConfigError: The strategy is unknown, or a value is out of range.
    """
    if strategy not in get_args(Strategy):
        raise unknown_name("mining strategy", str(strategy), get_args(Strategy))
    if not 0 <= tau <= 1:
        raise ConfigError(f"tau must be in [0, 1]; given {tau}")
    if not 0 <= calibrate < float("inf"):
        raise ConfigError(f"calibrate must be a finite number of at least 0; given {calibrate}")
    if not warm_up >= 0:
        raise ConfigError(f"warm_up must be at least 0; given {warm_up}")
    flags = (float(labelled_normals), float(own_means))
    numbers = (float(tau), float(calibrate), float(warm_up), *flags)
    return Weighting(
        Partial(_init),
        Partial(_mine, _By(strategy), *numbers),
        anomaly_loss=True,
        codes=strategy != "reconstruction_error",
    )


def _init(data: TrainData) -> MiningState:
    n = data.label.shape[-1]
    return MiningState(jnp.zeros(n), jnp.zeros(n), jnp.zeros(n, jnp.int32))


def _mine(
    by: _By,
    tau,
    calibrate,
    warm_up,
    labelled_normals,
    own_means,
    weights: Weights,
    state: MiningState,
    context: Context,
):
    batch = context.batch
    among = (batch.label == 0) | ((batch.label > 0) & (labelled_normals > 0))
    suspicion = _suspicion(by, context, among)
    place, count = place_in_batch(suspicion, among), jnp.sum(among)
    # A little less, so that a tenth of 30 rows is 3 rows in float32, too.
    mined = among & (place < jnp.ceil(tau * count - 1e-4)) & (batch.epoch >= warm_up)
    total = weights.normal + weights.anomaly
    kept = ~mined & (weights.normal > 0)
    of_normal, of_mined = (jnp.where(own_means > 0, _mean_factor(w), 1) for w in (kept, mined))
    rank = jnp.where(among, 1 - place / jnp.maximum(count - 1, 1), 0)
    return weights._replace(
        normal=jnp.where(mined, 0, of_normal * weights.normal),
        anomaly=jnp.where(mined, of_mined * calibrate * total, weights.anomaly),
    ), MiningState(
        state.mining_rank.at[batch.index].add(rank),
        state.suspicion.at[batch.index].add(jnp.where(among, suspicion, 0)),
        state.seen.at[batch.index].add(among),
    )


def _mean_factor(rows: Bool[Array, "b"]) -> Float[Array, ""]:
    """Return the factor that turns a mean over the batch into one over some of its rows."""
    return len(rows) / jnp.maximum(jnp.sum(rows), 1)


def _suspicion(by: _By, context: Context, among: Bool[Array, "b"]) -> Float[Array, "b"]:
    """Compute how suspicious the rows of a batch look."""
    out, extras = context.out, context.extras
    if by.strategy == "reconstruction_error":
        return context.normal_loss()
    if by.strategy == "dictionary":
        return -scale_to_unit_norm(out.code) @ extras["direction"]
    if by.strategy == "latent_distance":
        return jnp.sqrt(jnp.sum((out.code - extras["mean"]) ** 2, axis=-1))
    return -_log_density(out.code, among)


def _log_density(z: Float[Array, "b k"], among: Bool[Array, "b"]) -> Float[Array, "b"]:
    """Estimate the log density of each code from the others that count, up to a constant."""
    count, k = jnp.maximum(jnp.sum(among), 2), z.shape[-1]
    mean = jnp.sum(jnp.where(among[:, None], z, 0), axis=0) / count
    variance = jnp.sum(jnp.where(among[:, None], (z - mean) ** 2, 0)) / (count * k)
    width = variance * count ** (-2 / (k + 4))
    # If all codes are equal, avoid a division by 0.
    width = jnp.where(width > 0, width, 1)
    square = jnp.sum((z[:, None] - z[None]) ** 2, axis=-1)
    others = among[None, :] & ~jnp.eye(len(z), dtype=bool)
    # Finite where there are no others.
    exponent = jnp.where(others, -0.5 * square / width, -1e30)
    return jax.nn.logsumexp(exponent, axis=1)
