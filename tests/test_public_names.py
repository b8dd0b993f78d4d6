"""What the pages name is there after `import jaxad` alone, and that import is fast."""

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import jaxad

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
PAGES = [ROOT / name for name in PAGES] + sorted(ROOT.glob("docs/**/*.md"))
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
IMPORT = re.compile(
    r"^\s*(?:>>> )?(?:from (jaxad[\w.]*) import ([\w, ]+)|import (jaxad\.[\w.]+))", re.M
)
# The groups of entry points look like names, and are none.
NAME = re.compile(r"(?<![\w/.])(?<!entry-points\.\")jaxad(?:\.[A-Za-z_]\w*)+")
RESOLVE = """
import sys, jaxad
for name in sys.argv[1:]:
    found = jaxad
    for part in name.split(".")[1:]:
        found = getattr(found, part, None)
        if found is None:
            print(name)
            break
"""


def read_texts():
    """The pages, and the cells of notebooks."""
    for path in PAGES:
        yield path.read_text()
    for path in NOTEBOOKS:
        for cell in json.loads(path.read_text())["cells"]:
            yield "".join(cell["source"])


def test_dotted_names_are_there_after_import_jaxad_alone():
    names = {name for text in read_texts() for name in NAME.findall(IMPORT.sub("", text))}
    assert {"jaxad.fit", "jaxad.explain.attributions", "jaxad.sklearn.JaxADDetector"} <= names
    argv = [sys.executable, "-c", RESOLVE, *sorted(names)]
    missing = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert missing == []


def test_imports_of_the_pages_work():
    found = {match for text in read_texts() for match in IMPORT.findall(text)}
    assert found
    for module, names, alone in found:
        imported = importlib.import_module(module or alone)
        for name in names.split(","):
            assert not name.strip() or hasattr(imported, name.strip()), f"{module}: {name}"


def test_every_public_name_is_there_and_type_checkers_see_the_same():
    tree = ast.parse(Path(jaxad.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == jaxad._HOMES
    assert {*seen, "__version__"} == set(jaxad.__all__)
    assert all(getattr(jaxad, name) is not None for name in jaxad.__all__)
    assert set(jaxad.__all__) <= set(dir(jaxad))
    assert {"explain", "sklearn", "saving", "thresholds"} <= set(dir(jaxad))


def test_names_that_are_not_there_are_an_attribute_error():
    for name in ("nothing", "_nothing"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(jaxad, name)


def test_import_jaxad_imports_neither_networks_nor_optimisers():
    code = "import sys, jaxad; print(*sorted({'flax', 'optax', 'pandas'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == []
