"""Options of the command line: their choices are those of the library."""

import ast
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import jaxad.cli
from jaxad.cli.options import Audit, Explain, Fit, Recommend, Report, Sweep
from jaxad.cli.options.common import show_choices
from jaxad.data.scaling import ScalingKind
from jaxad.data.tables.options import HeaderKind
from jaxad.explain.images import ExplanationKind
from jaxad.recommendation.situation import Kind, Want
from jaxad.report.tables import Format
from jaxad.sweep.experiment import Size

OPTIONS = Path(jaxad.cli.__file__).parent / "options"


def list_choices(hint):
    """The values of a `Literal` type, or of one that may be None."""
    return {value for part in get_args(hint) for value in (get_args(part) or (part,))} - {
        type(None)
    }


@pytest.mark.parametrize(
    ("options", "name", "choices"),
    [
        (Fit, "scaling", ScalingKind),
        (Audit, "scaling", ScalingKind),
        (Explain, "kind", ExplanationKind),
        (Recommend, "type", Kind),
        (Recommend, "want", Want),
        (Fit, "header", HeaderKind),
        (Sweep, "size", Size),
        (Report, "size", Size),
        (Report, "format", Format),
    ],
)
def test_choices_are_those_of_the_library(options, name, choices):
    assert list_choices(get_type_hints(options)[name]) == set(get_args(choices))


@pytest.mark.parametrize("name", ["common", "detectors", "choosing", "studies", "protocol"])
def test_no_choices_are_copied(name):
    """A `Literal` of strings would have to be kept equal to the library's own by hand."""
    tree = ast.parse((OPTIONS / f"{name}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
            assert not [leaf for leaf in ast.walk(node.slice) if isinstance(leaf, ast.Constant)]


def test_choices_as_help_shows_them():
    assert show_choices(HeaderKind) == "{auto,yes,no}"
