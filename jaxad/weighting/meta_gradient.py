"""ELITE: a few labelled rows determine the two weights of each unlabelled row.

References:
    Zhang et al. 2021, ELITE: robust deep anomaly detection with meta gradient.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int

from jaxad.errors import ConfigError
from jaxad.models.base import Model, as_input, forward_mode
from jaxad.padding import take_rows, valid_rows
from jaxad.types import Batch, Info, PyTree, TrainData, Variables
from jaxad.weighting.base import Context, Weighting, Weights
from jaxad.weighting.registry import Record, register

__all__ = ["EliteState", "MetaGradient", "Scale", "Variant", "elite"]

MetaGradient = Literal["forward", "unrolled"]
Scale = Literal["none", "initial", "batch"]
Variant = Literal["paper", "released"]

_MOST = 256


class EliteState(NamedTuple):
    """The validation rows, and a record of the meta-gradients of the training rows.

    Attributes:
        x: `(m, ...)` labelled rows: anomalies first, then normal ones.
        weight: `(m,)` their weights in the validation loss.
        scale: The mean of `|g|` at the first step; -1 before it.
        meta_weight: `(n,)` sum over steps of the g of each training row: low for rows that look
            like labelled anomalies, so that `-meta_weight` audits the training data.
        seen: `(n,)` the number of terms of each sum.
        validation_loss: The validation loss before the last step.
        pseudo_anomalies: The fraction of the last batch that was treated as anomalous.
    """

    x: Float[Array, "m *shape"]
    weight: Float[Array, "m"]
    scale: Float[Array, ""]
    meta_weight: Float[Array, "n"]
    seen: Int[Array, "n"]
    validation_loss: Float[Array, ""]
    pseudo_anomalies: Float[Array, ""]


@register("elite", record=Record("meta_weight", "meta_weight", sign=-1.0))
def elite(
    eta_meta: float = 1.0,
    *,
    labelled: tuple[int, int],
    scale: Scale = "initial",
    variant: Variant = "paper",
    meta_gradient: MetaGradient = "forward",
    every: int = 1,
) -> Weighting:
    r"""Weight unlabelled rows by the meta-gradient of a validation loss on the labelled rows.

    Labelled rows are never trained on. With Omega the objective's loss of normal rows, the
    validation loss is

    $$L_{val} = \tfrac12 \operatorname{mean}_{normal} \Omega +
    \tfrac12 \operatorname{mean}_{anomalies} l^A.$$

    The effect on it of training on row i as normal follows from a virtual step
    `theta_hat(eps) = theta - eta grad sum_i eps_i Omega_i`: `M_i = dL_val(theta_hat) / d eps_i` at
    0, which is `-eta g_i` with `g_i = <grad Omega_i, grad L_val>`. A row that lowers the validation
    loss (`g > 0`) is treated as normal, one that raises it as anomalous:

    $$w^N = \eta_{meta} \max(g, 0), \qquad w^A = \eta_{meta} \max(-g, 0),$$

    each times the previous weight of the row. All evaluations are in train mode, so that g includes
    the part that flows through the statistics of BatchNorm; running statistics do not change.

    The factors of one half give the paper's mean, which takes equally many labelled rows of each
    kind. With labelled anomalies only, the unlabelled rows of the batch, contaminated but mostly
    normal, replace the labelled normal rows; with labelled normal rows only, there is no loss of
    anomalies. All seeds need labelled rows of the same kinds.

    Args:
        eta_meta: Size of the weights, > 0.
        labelled: The largest numbers of labelled anomalies and of labelled normal rows in any seed.
            At most 256 of each are used.
        scale: The divisor of g: 1 ("none", the paper), the mean of `|g|` over the first batch
            ("initial", which makes g independent of the units of the score) or over the current one
            ("batch").
        variant: "paper", or "released": weight g on Omega whatever its sign, so that rows treated
            as anomalous get plain gradient ascent.
        meta_gradient: "forward", all g from one forward-mode derivative of the batch's Omega along
            `grad L_val`, or "unrolled", the definition: the gradient through the virtual step.
        every: Steps from one meta-gradient to the next, >= 1, after a first epoch that computes it
            in every step. In between, g of a row is the mean of those computed for it so far, and 0
            for rows without any. This amortises the cost of g, and is not part of the paper.

    Raises:
        ConfigError: There are no labelled rows, or a value is out of range.
    """
    for name, value, kinds in (
        ("scale", scale, Scale),
        ("variant", variant, Variant),
        ("meta_gradient", meta_gradient, MetaGradient),
    ):
        if value not in get_args(kinds):
            allowed = ", ".join(map(repr, get_args(kinds)))
            raise ConfigError(f"{name} must be one of {allowed}; given {value!r}")
    if not 0 < eta_meta < float("inf"):
        raise ConfigError(f"eta_meta must be positive; given {eta_meta}")
    if every < 1:
        raise ConfigError(f"every must be a whole number of at least 1; given {every}")
    if min(labelled) < 0 or max(labelled) == 0:
        raise ConfigError(
            "elite learns from labelled rows, and the training data has none: label at least one "
            f"anomaly or normal row; given {labelled[0]} and {labelled[1]}"
        )
    sizes = (min(labelled[0], _MOST), min(labelled[1], _MOST))
    how = _How(sizes, scale, variant, meta_gradient, every)
    return Weighting(
        Partial(_init, how),
        Partial(_update, how, float(eta_meta)),
        Partial(_info),
        anomaly_loss=True,
        labelled_anomalies=False,
        labelled_normals=False,
    )


@jax.tree_util.register_static
@dataclass(frozen=True)
class _How:
    """The static part: the numbers of labelled rows of each kind, and the options."""

    sizes: tuple[int, int]
    scale: Scale
    variant: Variant
    meta_gradient: MetaGradient
    every: int

    @property
    def kinds(self) -> int:
        """The number of kinds of rows in the validation loss; unlabelled rows can be one."""
        return 1 + (self.sizes[0] > 0)


def _init(how: _How, data: TrainData) -> EliteState:
    """Gather the validation rows; a seed with fewer of them than others repeats some."""
    rows, weights = [], []
    for label, size in zip((-1, 1), how.sizes, strict=True):
        where = valid_rows(data) & (data.label == label)
        count, j = jnp.sum(where), jnp.arange(size)
        rows.append(jnp.argsort(~where, stable=True)[j % jnp.maximum(count, 1)])
        # A repeated row has no weight, so that each row of a kind counts the same.
        weights.append((j < count) / (jnp.clip(count, 1, max(size, 1)) * how.kinds))
    x = take_rows(data.x, jnp.concatenate(rows))
    n, zero = data.label.shape[0], jnp.zeros(())
    return EliteState(
        x=as_input(x, x.shape[1:]),
        weight=jnp.concatenate(weights),
        scale=zero - 1,
        meta_weight=jnp.zeros(n),
        seen=jnp.zeros(n, jnp.int32),
        validation_loss=zero,
        pseudo_anomalies=zero,
    )


def _update(how: _How, eta_meta, weights: Weights, state: EliteState, context: Context):
    batch = context.batch
    unlabelled = (batch.label == 0).astype(weights.normal.dtype)

    def compute(state: EliteState) -> tuple[EliteState, Array, Array]:
        meta_gradient = _forward if how.meta_gradient == "forward" else _unrolled
        validation_loss, g = meta_gradient(*_functions(how, state, context))
        g = g * unlabelled
        mean = jnp.sum(jnp.abs(g)) / jnp.maximum(jnp.sum(unlabelled), 1)
        state = state._replace(
            scale=jnp.where(state.scale < 0, mean, state.scale),
            meta_weight=state.meta_weight.at[batch.index].add(g),
            seen=state.seen.at[batch.index].add(unlabelled.astype(jnp.int32)),
            validation_loss=validation_loss,
        )
        return state, g, mean

    def recall(state: EliteState) -> tuple[EliteState, Array, Array]:
        total, terms = state.meta_weight[batch.index], state.seen[batch.index]
        g = unlabelled * total / jnp.maximum(terms, 1)
        return state, g, jnp.sum(jnp.abs(g)) / jnp.maximum(jnp.sum(unlabelled), 1)

    if how.every == 1 or batch.step is None:
        state, g, mean = compute(state)
    else:
        # The step is the same for all seeds: under `vmap` over them one branch alone is executed.
        due = (batch.epoch < 1) | (batch.step % how.every == 0)
        state, g, mean = jax.lax.cond(due, compute, recall, state)
    scale = state.scale
    state = state._replace(pseudo_anomalies=jnp.sum(g < 0) / jnp.maximum(jnp.sum(unlabelled), 1))
    unit = {"none": jnp.ones(()), "initial": scale, "batch": mean}[how.scale]
    # A batch without any gradient gets no weight; avoid a division by 0.
    size = eta_meta * (weights.normal + weights.anomaly) / jnp.where(unit > 0, unit, 1)
    if how.variant == "released":
        return weights._replace(normal=size * g, anomaly=jnp.zeros_like(g)), state
    return weights._replace(
        normal=size * jnp.maximum(g, 0), anomaly=size * jnp.maximum(-g, 0)
    ), state


def _info(state: EliteState) -> Info:
    return {
        "validation_loss": state.validation_loss,
        "pseudo_anomalies": state.pseudo_anomalies,
    }


def _functions(how: _How, state: EliteState, context: Context):
    """Return `params -> (b,)` Omega of the batch, `params -> L_val`, and the parameters."""
    objective, batch = context.objective, context.batch
    params, batch_stats = context.variables

    def out(params: PyTree, x: Array, model: Model) -> PyTree:
        variables = Variables(params, batch_stats)
        return model.apply(variables, context.extras, x, True, context.model_key).out

    def omega(params: PyTree) -> Float[Array, "b"]:
        model = context.model
        forward = how.meta_gradient == "forward"
        outs = out(params, context.examples.x, forward_mode(model) if forward else model)
        return objective.normal(outs, context.examples)

    def validation_loss(params: PyTree) -> Float[Array, ""]:
        anomalies, normals = how.sizes
        x, weight = state.x, state.weight
        if normals == 0:
            x = jnp.concatenate([x, as_input(batch.x, x.shape[1:])])
            unlabelled = batch.label == 0
            share = unlabelled / (jnp.maximum(jnp.sum(unlabelled), 1) * how.kinds)
            weight = jnp.concatenate([weight, share])
        outs, examples = out(params, x, context.model), _examples(how, x, batch)
        loss = jnp.sum((weight * objective.normal(outs, examples))[anomalies:])
        if not anomalies:
            return loss
        assert objective.anomaly is not None  # detectors are checked for it when they are made
        return loss + jnp.sum((weight * objective.anomaly(outs, examples))[:anomalies])

    return omega, validation_loss, params


def _examples(how: _How, x: Array, batch: Batch) -> Batch:
    """Return the validation rows as a batch: labelled anomalies, labelled normal rows, others."""
    anomalies, normals = how.sizes
    kinds = (anomalies, normals, len(x) - anomalies - normals)
    label = jnp.repeat(jnp.array([-1, 1, 0], jnp.int8), np.array(kinds), total_repeat_length=len(x))
    return Batch(x, label, jnp.zeros(len(x), jnp.int32), batch.epoch)


def _forward(omega, validation_loss, params: PyTree):
    """Compute the validation loss, and all g as a derivative of Omega along its gradient."""
    loss, slope = jax.value_and_grad(validation_loss)(params)
    return loss, jax.jvp(omega, (params,), (slope,))[1]


def _unrolled(omega, validation_loss, params: PyTree):
    """Compute both by the definition, with eta = 1, as g does not depend on it."""

    def after_virtual_step(eps: Float[Array, "b"]) -> Float[Array, ""]:
        step = jax.grad(lambda params: jnp.vdot(eps, omega(params)))(params)
        return validation_loss(jax.tree.map(jnp.subtract, params, step))

    rows = jax.eval_shape(omega, params)
    loss, m = jax.value_and_grad(after_virtual_step)(jnp.zeros(rows.shape, rows.dtype))
    return loss, -m
