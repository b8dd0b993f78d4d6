"""Notebooks are valid files with saved outputs that name no machine, and every cell runs."""

import importlib.util
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from matplotlib import pyplot

FOLDER = Path(__file__).parents[1] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
SPEC = importlib.util.spec_from_file_location("refresh", FOLDER / "refresh.py")
assert SPEC is not None and SPEC.loader is not None
refresh = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(refresh)

# A path from the root of a file system, or an address in memory; not one within a web address.
MACHINE = re.compile(r"(?<![\w./:~<)])/[\w.-]+/[\w.-]|~/|\b[A-Z]:\\\\|PosixPath|0x[0-9a-f]{6}")
OUTPUTS = {
    "stream": {"name", "text"},
    "execute_result": {"execution_count", "data", "metadata"},
    "display_data": {"data", "metadata"},
}

each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def code_cells(path):
    return [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]


def text(lines):
    return lines if isinstance(lines, str) else "".join(lines)


def shown(cell):
    """The text that a cell's outputs show, without pictures."""
    for output in cell["outputs"]:
        data = output.get("data", {})
        yield from (text(value) for kind, value in data.items() if kind.startswith("text/"))
        yield text(output.get("text", ""))


@pytest.fixture
def restored(names_are_taken_back):
    """Figures are drawn without a screen; what a notebook registers and sets is taken back."""
    pyplot.switch_backend("Agg")
    with pd.option_context("display.width", 80, "display.max_columns", 20):
        yield
    pyplot.close("all")


@each
def test_a_notebook_is_valid(path):
    notebook = json.loads(path.read_text())
    assert notebook["nbformat"] == 4 and notebook["nbformat_minor"] >= 5
    assert notebook["metadata"]["kernelspec"]["language"] == "python"
    cells = notebook["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in cells:
        assert re.fullmatch(r"[\w-]{1,64}", cell["id"])
        assert cell["metadata"] == {} and text(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            assert set(cell) == {"cell_type", "id", "metadata", "source"}
            continue
        assert cell["cell_type"] == "code"
        for output in cell["outputs"]:
            assert set(output) == {"output_type", *OUTPUTS[output["output_type"]]}


@each
def test_outputs_are_saved_of_one_run_from_the_top(path):
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == [*range(1, len(cells) + 1)]
    for cell in cells:
        kinds = {kind for output in cell["outputs"] for kind in output.get("data", {})}
        draws = re.search(r"^(\w+, \w+ = plt\.|draw\()", text(cell["source"]), re.MULTILINE)
        assert ("image/png" in kinds) == bool(draws)
        assert bool(any(shown(cell))) >= ("print(" in text(cell["source"]))
    assert path.stat().st_size < 250_000


@each
def test_nothing_in_it_names_a_machine(path):
    for cell in json.loads(path.read_text())["cells"]:
        for said in (text(cell["source"]), *shown(cell if "outputs" in cell else {"outputs": []})):
            assert not MACHINE.search(said), MACHINE.search(said)


@pytest.mark.parametrize(
    "said", ["/home/me/data", "in '/tmp/x/y'", "~/data", r"C:\\data", "<f at 0x7effc57a7f60>"]
)
def test_the_check_knows_a_machine_when_it_sees_one(said):
    assert MACHINE.search(said)


@pytest.mark.slow
@each
def test_every_cell_runs(path, restored):
    notebook = refresh.run(json.loads(path.read_text()))
    for new, saved in zip(notebook["cells"], json.loads(path.read_text())["cells"], strict=True):
        kinds = [[sorted(o.get("data", {})) for o in c.get("outputs", [])] for c in (new, saved)]
        assert kinds[0] == kinds[1], "saved outputs are stale: python notebooks/refresh.py"


def test_a_cell_shows_what_it_prints_its_last_value_and_its_figures(restored):
    names = {}
    drawn = "import matplotlib.pyplot as plt\nprint('said')\nplt.figure()\nx = 3\nx + 1"
    printed, value, figure = refresh.execute(drawn, names)
    assert printed["text"] == ["said\n"] and value["data"] == {"text/plain": ["4"]}
    assert set(figure["data"]) == {"image/png"} and not pyplot.get_fignums()
    assert names["x"] == 3
    assert refresh.execute("x;", names) == [] == refresh.execute("y = x", names)


def test_a_cell_that_fails_says_which(restored):
    with pytest.raises(ZeroDivisionError) as error:
        refresh.execute("x = 1\nx / 0", {}, 7)
    assert str(error.traceback[-1].path) == "<cell 7>" and error.traceback[-1].lineno == 1
