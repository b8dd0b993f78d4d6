"""Array annotations are checked in the tests, except where the list says otherwise."""

import importlib

import jax.numpy as jnp
import pytest
from array_annotations import MAPPED, VALIDATING
from jaxtyping import TypeCheckError

from jaxad.padding import masked_mean


def test_arrays_of_another_shape_or_type_are_refused():
    x, where = jnp.ones(3), jnp.ones(3, bool)
    assert masked_mean(x, where) == 1
    for wrong in (where[:2], x):
        with pytest.raises(TypeCheckError, match="where"):
            masked_mean(x, wrong)


@pytest.mark.parametrize("name", sorted(VALIDATING | MAPPED))
def test_exceptions_name_functions_that_exist(name):
    parts = name.split(".")
    size = len(parts) - (2 if parts[-2][0].isupper() else 1)
    found = importlib.import_module(".".join(parts[:size]))
    for part in parts[size:]:
        found = getattr(found, part)
    assert callable(found)
