"""Imports go down the list of ideas, and `import jaxad` stays light."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import jaxad

# The rooms, from the ground up: a room imports from its own line and from those above it in this
# list, never from those below. Rooms of one line may know each other unless STRANGERS forbids it.
IDEAS = [
    ["errors", "utils"],
    ["types"],
    ["padding"],
    ["data", "sampling"],
    ["nets"],
    ["models"],
    ["objectives"],
    ["weighting"],
    ["learners"],
    ["detector"],
    ["detectors", "training"],
    ["estimates", "evaluation", "thresholds"],
    ["saving"],
    ["results", "explain"],
    ["recommendation", "sklearn", "sweep"],
    ["cleaning"],
    ["report"],
    ["cli"],
]
LEVEL = {name: level for level, names in enumerate(IDEAS) for name in names}
METHODS = {"nets", "models", "objectives", "weighting", "learners", "detectors"}
# Rooms that know nothing of each other although their order would allow it.
STRANGERS = {
    "data": {"sampling", "padding"},
    "nets": {"data", "sampling"},
    "training": METHODS,
    "detectors": {"training"},
    "thresholds": {"evaluation", "training", "detectors"},
    "results": {"explain"},
    "explain": {"results", "saving"},
}
MOST_LOOSE = 10
ROOT = Path(jaxad.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
TOPICS = {path.stem for path in ROOT.iterdir() if path.suffix != ".typed"}


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
        assert LEVEL[theirs] <= LEVEL[idea(own)], f"{own} imports {module}"
        assert theirs not in STRANGERS.get(idea(own), ()), f"{own} imports {module}"


def test_every_room_is_on_the_list_and_few_modules_are_loose():
    assert set(LEVEL) == {
        name for name in TOPICS if not name.startswith("__") and name != "py.typed"
    }
    assert len(list(ROOT.glob("*.py"))) <= MOST_LOOSE


@files
def test_no_function_has_the_name_of_its_module(path):
    """Nor does a package give a function the name of one of its modules, which would hide it."""
    tree, name = (
        ast.parse(path.read_text()),
        path.parent.name if path.stem == "__init__" else path.stem,
    )
    assert name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if path.stem == "__init__":
        own, modules = name_of(path), {module.stem for module in path.parent.iterdir()}
        given = {
            alias.asname or alias.name
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module != own
            for alias in node.names
        }
        assert not given & modules


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


def test_estimators_import_of_scikit_learn_what_they_need():
    needless = "metrics model_selection linear_model ensemble neighbors svm cluster decomposition"
    names = {f"sklearn.{name}" for name in needless.split()}
    code = f"import sys, jaxad.sklearn; print(*sorted({names} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == []


@pytest.mark.parametrize(
    "name",
    [m.name for m in pkgutil.walk_packages([str(ROOT)], "jaxad.") if "__main__" not in m.name],
)
def test_public_names_are_said_and_exist(name):
    module = importlib.import_module(name)
    public = getattr(module, "__all__", ())
    assert public or hasattr(module, "__path__"), "nothing is public by accident"
    assert len(set(public)) == len(public)
    assert all(hasattr(module, n) for n in public)


def test_what_the_readme_uses_is_public():
    for name in ("load_dataset", "contaminate", "make", "fit", "evaluate", "score", "save", "load"):
        assert name in jaxad.__all__
