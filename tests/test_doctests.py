"""The examples in docstrings give what they print."""

import doctest
import importlib
from pathlib import Path

import pytest

import jaxad

ROOT = Path(jaxad.__file__).parent
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    for path in sorted(ROOT.rglob("*.py"))
    if ">>> " in path.read_text()
]


def test_there_are_examples():
    assert {
        "jaxad.objectives.distances",
        "jaxad.weighting.base",
        "jaxad.data.protocol.drawing",
    } <= set(WITH_EXAMPLES)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0
