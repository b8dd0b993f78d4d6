"""Texts of static parts: equal for equal parts, different for different ones, or none at all."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from jaxad.nets.mlp import mlp_encoder
from jaxad.padding import pad_axis, valid_rows
from jaxad.training.program import How
from jaxad.types import TrainData
from jaxad.utils.static_text import UnknownError, describe_static, describe_tree

DIFFERENT = [
    None, True, 1, 1.0, "1", b"1", 0, False, 0.0, -0.0, (1,), [1], {"a": 1}, {"b": 1}, (), (1, 2),
    ((1,), 2), np.float32(1), np.float64(1), np.array([1, 2]), np.array([2, 1]), np.dtype("int8"),
    How("map", 0), How("map", None), How("vmap", 0), pad_axis, valid_rows, jnp.tanh, jax.nn.relu,
    partial(pad_axis, axis=0), partial(pad_axis, axis=1), Partial(pad_axis, 1), TrainData,
    mlp_encoder(32, (8, 4), "batch", False), mlp_encoder(32, (8, 5), "batch", False),
    mlp_encoder(32, (8, 4), "batch", True), mlp_encoder(32, (8, 4), "batch", False, 0.2),
    mlp_encoder(32, (8, 4), "batch", False).init,
]  # fmt: skip


def test_different_parts_have_different_texts():
    texts = [describe_static(value) for value in DIFFERENT]
    assert len(set(texts)) == len(texts)


def test_equal_parts_have_equal_texts():
    one, other = mlp_encoder(32, (8, 4), "none", True), mlp_encoder(32, (8, 4), "none", True)
    assert one is not other and describe_static(one) == describe_static(other)


@dataclass(frozen=True)
class Own:
    number: int = 1


def own(x):
    return x


@pytest.mark.parametrize(
    "value",
    [own, lambda x: x, Own(), Own, partial(own, 1), (1, own), {1, 2}, object(), np.array([own])],
)  # fmt: skip
def test_what_no_package_identifies_has_no_text(value):
    with pytest.raises(UnknownError):
        describe_static(value)


def test_a_function_that_was_replaced_has_no_text(monkeypatch):
    original = pad_axis
    monkeypatch.setattr("jaxad.padding.pad_axis", own)
    with pytest.raises(UnknownError):
        describe_static(original)


def test_trees_differ_by_nodes_and_static_parts():
    trees = [
        (1, 2), [1, 2], (1, None), (1, (2,)), {"a": 1, "b": 2}, {"a": 1, "c": 2},
        TrainData(1, 2, 3, 4), Partial(pad_axis, 1, 2), Partial(valid_rows, 1, 2),
        Partial(pad_axis, 1, size=2), 1, None,
    ]  # fmt: skip
    texts = [describe_tree(jax.tree.structure(tree)) for tree in trees]
    assert len(set(texts)) == len(texts)
    with pytest.raises(UnknownError):
        describe_tree(jax.tree.structure(Partial(own, 1)))
