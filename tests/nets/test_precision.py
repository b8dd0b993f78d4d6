"""Networks that compute in bfloat16."""

from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from jax.tree_util import Partial

from jaxad.detectors.config import GradientConfig
from jaxad.detectors.registry import REGISTRY, Spec, make_for
from jaxad.errors import ConfigError
from jaxad.models import Hypersphere
from jaxad.nets.base import Net, map_nets
from jaxad.nets.build import autoencoder_nets

SHAPES = {"table": (6,), "image": (16, 16, 1), "sequence": (10, 2)}
TRAINABLE = [
    name
    for name, entry in REGISTRY.items()
    if not entry.host and entry.examples != "text" and issubclass(entry.config, GradientConfig)
]
FUNCTIONS = ("init", "update", "score", "begin", "each_epoch", "generate", "before", "parts")


def apply(net, x):
    variables = net.init(jax.random.key(0), x.shape[-1])

    def loss(params):
        applied = net.apply(params, variables.batch_stats, x, train=True)
        return jnp.mean(applied.out**2), applied

    slope, applied = jax.jit(jax.grad(loss, has_aux=True))(variables.params)
    return applied.out, applied.batch_stats, slope


@pytest.mark.parametrize(
    ("shape", "norm"),
    [((32,), "explicit"), ((32,), "batch"), ((32,), "layer"), ((8, 8, 1), "batch_no_affine")],
)
def test_output_statistics_and_slopes_are_float32_and_close(norm, shape):
    net, _ = autoencoder_nets(shape, None if len(shape) == 1 else (4,), (16, 4), norm, True, 0.1)
    x = jax.random.uniform(jax.random.key(1), (64, *shape))
    whole, half = (apply(net.with_precision(kind), x) for kind in ("float32", "bfloat16"))
    assert {leaf.dtype for leaf in jax.tree.leaves(half)} == {jnp.dtype("float32")}
    for right, near in zip(whole, half, strict=True):
        right, near = (ravel_pytree(part)[0] for part in (right, near))
        # 8 binary digits through a few layers.
        assert np.linalg.norm(near - right) <= 0.05 * np.linalg.norm(right)
    assert not np.array_equal(whole[0], half[0])


@pytest.mark.parametrize("name", TRAINABLE)
def test_every_network_of_a_detector_computes_in_the_type_of_the_setting(name):
    spec = Spec(SHAPES[REGISTRY.find(name).examples], 50, 5, 5)
    for precision in ("float32", "bfloat16"):
        detector = make_for(name, spec, {"precision": precision})
        found = Counter()

        def count(net, found=found):
            found[net.precision] += 1
            return net

        map_nets(tuple(getattr(detector, part) for part in FUNCTIONS), count)
        assert set(found) == {precision}


def test_networks_in_partial_functions_models_and_tuples_are_replaced():
    net, other = autoencoder_nets((6,), None, (4,), "none", False, 0.1)
    given = (Partial(apply, Hypersphere(net), 3.0), {"kept": 1}, (other, None))
    made = map_nets(given, lambda net: net.with_precision("bfloat16"))
    assert made[0].args[0].encoder.precision == "bfloat16"
    assert made[0].func is apply and made[0].args[1:] == (3.0,)
    assert made[1] == {"kept": 1} and made[2][0].precision == "bfloat16" and made[2][1] is None
    assert net.precision == "float32" and isinstance(made[2][0], Net)


def test_another_type_is_an_error():
    with pytest.raises(ConfigError, match="precision must be one of 'float32', 'bfloat16'"):
        make_for("deep_sad", Spec((6,), 50), {"precision": "float16"})
