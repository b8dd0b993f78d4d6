"""Imports go down the list of ideas, and `import jaxad` stays light."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import jaxad

# From what knows nothing to what knows all; modules of one line may know each other. What is not
# named here stands above all of it, but below the command line.
IDEAS = [
    ["errors", "timing", "cache", "files", "checksums", "calls"],
    ["types"],
    ["rows", "devices", "seeds", "metrics", "thresholds"],
    ["samplers", "balanced", "triplets", "data"],
    ["nets"],
    ["models"],
    ["objectives"],
    ["weighting"],
    ["learners"],
    ["detector", "host"],
    ["detectors"],
    ["fitted", "check", "functions", "program", "outputs", "study"],
    ["train", "checkpoint", "description"],
    ["evaluate"],
    ["results"],
    ["explain"],
]
TOP = len(IDEAS)
LEVEL = {name: level for level, names in enumerate(IDEAS) for name in names} | {"cli": TOP + 1}
# Ideas that stand beside each other and know nothing of each other.
STRANGERS = {
    "data": {"nets", "rows", "samplers", "balanced"},
    "nets": {"data", "samplers", "balanced", "metrics"},
    "metrics": {"rows"},
}
ROOT = Path(jaxad.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
TOPICS = {path.stem for path in ROOT.iterdir()}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports, also within functions."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def idea(module: str) -> str:
    """The part of the library that a module belongs to: `jaxad.nets.mlp` to `nets`."""
    return module.split(".")[1]


files = pytest.mark.parametrize("path", MODULES, ids=name_of)


@files
def test_imports_go_down_the_list_of_ideas(path):
    own = name_of(path)
    if own in ("jaxad", "jaxad.__main__"):
        pytest.skip("the front door")
    for module in imports(path):
        if not module.startswith("jaxad."):
            continue
        theirs = idea(module)
        if theirs == idea(own) or theirs not in TOPICS:
            continue
        assert LEVEL.get(theirs, TOP) <= LEVEL.get(idea(own), TOP), f"{own} imports {module}"
        assert theirs not in STRANGERS.get(idea(own), ()), f"{own} imports {module}"


@files
def test_only_nets_know_flax_and_only_the_command_line_itself(path):
    own = name_of(path)
    for module in imports(path):
        assert not module.startswith("flax") or own.startswith("jaxad.nets")
        assert not module.startswith("jaxad.cli") or own.startswith(("jaxad.cli", "jaxad.__main__"))


def test_importing_the_library_imports_nothing_heavy():
    heavy = "tensorflow tensorflow_datasets ray matplotlib pandas pyarrow sklearn orbax tyro torch"
    code = f"import sys, jaxad; print(*sorted(set({heavy.split()}) & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == []


@pytest.mark.parametrize(
    "name",
    [m.name for m in pkgutil.walk_packages([str(ROOT)], "jaxad.") if "__main__" not in m.name],
)
def test_public_names_are_said_and_exist(name):
    module = importlib.import_module(name)
    public = getattr(module, "__all__", ())
    assert public or name == "jaxad.nets", "nothing is public by accident"
    assert len(set(public)) == len(public)
    assert all(hasattr(module, n) for n in public)


def test_what_the_readme_uses_is_public():
    for name in ("load_dataset", "contaminate", "make", "fit", "evaluate", "score", "save", "load"):
        assert name in jaxad.__all__
