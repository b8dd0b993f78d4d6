"""Mining: the rows of a batch that look contaminated are trained as anomalies.

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
from jaxad.models.calibrated import unit
from jaxad.types import TrainData
from jaxad.weighting.base import Context, Weighting, Weights, place_in_batch
from jaxad.weighting.registry import register

__all__ = ["MiningState", "Strategy", "mining"]

Strategy = Literal["dictionary", "reconstruction_error", "latent_distance", "latent_density"]


class MiningState(NamedTuple):
    """How contaminated each training row looked whenever it was in a batch, for an audit.

    Attributes:
        mining_rank: `(n,)` the running sum of a row's place in its batch: 1 where it looked the
            most contaminated of the rows that could be mined, 0 the least.
        suspicion: `(n,)` the running sum of what the places are by, in the strategy's own scale.
        seen: `(n,)` in how many batches it was as a row that could be mined.
    """

    mining_rank: Float[Array, "n"]
    suspicion: Float[Array, "n"]
    seen: Int[Array, "n"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class _By:
    """The static side: by what rows are suspected."""

    strategy: Strategy


@register("mining")
def mining(
    strategy: Strategy = "dictionary",
    tau: float = 0.1,
    calibrate: float = 1.0,
    *,
    warm_up: float = 0.0,
    labelled_normals: bool = False,
) -> Weighting:
    """The `ceil(tau m)` most suspicious of a batch's m unlabelled rows get `(0, calibrate)`.

    That is times the weight that they had; other rows stay as they are. A row is suspicious by

    * "dictionary": minus its code's mean cosine similarity to the codes of generated normal rows.
      The paper's text sorts in descending order of what it calls a contamination score, which
      would mine the rows most like normal ones; its figure 4 and the released program take the
      least similar, and so does this.
    * "reconstruction_error": the loss that it has as a normal row; for every model.
    * "latent_distance": its code's distance to the moving mean of all codes.
    * "latent_density": minus the log density of its code under a Gaussian kernel estimate from the
      other rows of the batch, with Scott's bandwidth. The paper does not say which estimate.

    Args:
        strategy: By what; all but "reconstruction_error" need a model with codes.
        tau: The share of rows that are mined, in [0, 1].
        calibrate: Weight of the loss of anomalies for mined rows, >= 0; 0 leaves them out.
        warm_up: Epochs before the first rows are mined, >= 0.
        labelled_normals: Whether labelled normal rows are mined like unlabelled ones, for
            detectors that use no labels.

    Raises:
        ConfigError: No such strategy, or a value out of its range.
    """
    if strategy not in get_args(Strategy):
        raise unknown_name("mining strategy", str(strategy), get_args(Strategy))
    if not 0 <= tau <= 1:
        raise ConfigError(f"tau must be in [0, 1]; given {tau}")
    if not 0 <= calibrate < float("inf"):
        raise ConfigError(f"calibrate must be a finite number of at least 0; given {calibrate}")
    if not warm_up >= 0:
        raise ConfigError(f"warm_up must be at least 0; given {warm_up}")
    numbers = (float(tau), float(calibrate), float(warm_up), float(labelled_normals))
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
    weights: Weights,
    state: MiningState,
    context: Context,
):
    batch = context.batch
    among = (batch.label == 0) | ((batch.label > 0) & (labelled_normals > 0))
    suspicion = _suspicion(by, context, among)
    place, count = place_in_batch(suspicion, among), jnp.sum(among)
    # Less a little, so that a tenth of 30 rows is 3 of them in float32 as well.
    mined = among & (place < jnp.ceil(tau * count - 1e-4)) & (batch.epoch >= warm_up)
    total = weights.normal + weights.anomaly
    rank = jnp.where(among, 1 - place / jnp.maximum(count - 1, 1), 0)
    return weights._replace(
        normal=jnp.where(mined, 0, weights.normal),
        anomaly=jnp.where(mined, calibrate * total, weights.anomaly),
    ), MiningState(
        state.mining_rank.at[batch.index].add(rank),
        state.suspicion.at[batch.index].add(jnp.where(among, suspicion, 0)),
        state.seen.at[batch.index].add(among),
    )


def _suspicion(by: _By, context: Context, among: Bool[Array, "b"]) -> Float[Array, "b"]:
    """How contaminated the rows of a batch look."""
    out, extras = context.out, context.extras
    if by.strategy == "reconstruction_error":
        return context.objective.normal(out)
    if by.strategy == "dictionary":
        return -unit(out.code) @ extras["direction"]
    if by.strategy == "latent_distance":
        return jnp.sqrt(jnp.sum((out.code - extras["mean"]) ** 2, axis=-1))
    return -_log_density(out.code, among)


def _log_density(z: Float[Array, "b k"], among: Bool[Array, "b"]) -> Float[Array, "b"]:
    """The log density of each code by the others that take part, up to a constant."""
    count, k = jnp.maximum(jnp.sum(among), 2), z.shape[-1]
    mean = jnp.sum(jnp.where(among[:, None], z, 0), axis=0) / count
    variance = jnp.sum(jnp.where(among[:, None], (z - mean) ** 2, 0)) / (count * k)
    width = variance * count ** (-2 / (k + 4))
    # Codes that are all the same have one density, and no division by 0.
    width = jnp.where(width > 0, width, 1)
    square = jnp.sum((z[:, None] - z[None]) ** 2, axis=-1)
    others = among[None, :] & ~jnp.eye(len(z), dtype=bool)
    # A number and not infinity where there are no others.
    exponent = jnp.where(others, -0.5 * square / width, -1e30)
    return jax.nn.logsumexp(exponent, axis=1)
