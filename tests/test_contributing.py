"""The examples of CONTRIBUTING.md are programs that work."""

import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.errors import ConfigError

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"


@pytest.fixture
def examples(names_are_taken_back):
    """Return what the blocks of the page define."""
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    return names


def test_the_detector_is_registered_and_learns(examples, toy):
    detector = jaxad.make("example", toy.train, epochs=30)
    assert jaxad.evaluate(jaxad.fit(detector, toy.train), toy.test).auroc.mean > 0.9
    with pytest.raises(ConfigError, match="eps must be > 0"):
        examples["ExampleConfig"](eps=0.0)


def test_the_weighting_leaves_the_largest_losses_out_and_chains(examples, toy):
    detector = jaxad.make("deep_sad", toy.train, weighting="by_label, trimmed(0.2)", epochs=1)
    assert np.isfinite(jaxad.score(jaxad.fit(detector, toy.train), toy.test.x)).all()

    class Context:
        @staticmethod
        def normal_loss():
            return jnp.arange(10.0)

    weights = jaxad.weighting.Weights(jnp.ones(10), jnp.zeros(10))
    trimmed, _ = examples["trimmed"](0.2).update(weights, (), Context)
    np.testing.assert_array_equal(trimmed.normal, [1.0] * 8 + [0.0] * 2)
