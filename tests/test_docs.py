"""The pages say what the code is: detectors, settings, commands, modules, numbers."""

import importlib
import importlib.util
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import yaml
from test_architecture import IDEAS

import jaxad
from jaxad.cli.app import COMMANDS, _parse
from jaxad.cli.settings import parse_configurations
from jaxad.data import load_dataset
from jaxad.data.sources.bundled import BUNDLED
from jaxad.detectors import REGISTRY
from jaxad.detectors.registry import Spec, make_for
from jaxad.detectors.settings import list_settings
from jaxad.errors import ConfigError, DataError
from jaxad.recommendation import read_measurements

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(p for p in (DOCS / "detectors").glob("*.md") if p.name != "index.md")
NEED_DATA = {"audit"}
HOW_TO = [DOCS / "index.md", *(DOCS / "howto").glob("*.md")]
HOW_TO = [path for path in sorted(HOW_TO) if path.stem not in NEED_DATA]
SECTIONS = [
    "Equations",
    "Training",
    "Settings",
    "Example",
    "Evidence",
    "When not to use it",
    "Source",
]
SHAPES = {"tables": (6,), "images": (16, 16, 1), "sequences": (10, 1)}


def load_script(name: str) -> ModuleType:
    """Import a script of the folder of pages, which is not a package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks, pages, tables = map(load_script, ("hooks", "pages", "tables"))

page_of = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
META = {path: hooks.read_front_matter(path) for path in PAGES}


def blocks(path: Path, language: str = "") -> list[str]:
    """The fenced blocks of a page in a language, and those that are indented if in none."""
    found = re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
    if not language:
        found += re.findall(r"(?:^    .*\n)+", path.read_text(), re.MULTILINE)
    return found


def commands(path: Path) -> list[list[str]]:
    """The arguments of every `jaxad` command in the blocks of a page."""
    text = "\n".join(blocks(path)).replace("\\\n", " ")
    lines = (line.strip() for line in text.splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("jaxad ")]


def test_every_detector_has_one_page():
    said = [name for meta in META.values() for name in meta["detectors"]]
    missing = sorted(set(REGISTRY) - set(said))
    assert not missing, (
        f"{missing} have no page: write docs/detectors/NAME.md with the front matter "
        f"{sorted(hooks.FIELDS)} and the sections {SECTIONS}, or name them in a page's detectors"
    )
    assert sorted(said) == sorted(REGISTRY), "a page names no registered detector, or two name one"


@page_of
def test_a_page_has_its_front_matter_and_sections(path):
    meta, text = META[path], path.read_text()
    assert set(meta) == hooks.FIELDS
    assert meta["family"] in hooks.FAMILIES
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == SECTIONS
    assert f"\n# {meta['title']}\n" in text
    assert all(f"<!-- {what} -->" in text for what in ("summary", "settings", "measured"))
    use = any(REGISTRY[name].uses_labels for name in meta["detectors"])
    assert (meta["labels"] != "none") == use


@page_of
def test_a_page_says_what_its_detectors_take(path):
    taken = set()
    for name in META[path]["detectors"]:
        if REGISTRY[name].examples == "text":
            taken.add("texts")
        for kind, shape in SHAPES.items():
            try:
                make_for(name, Spec(shape, 50, 5, 5), {})
            except (ConfigError, DataError):
                continue
            taken.add(kind)
    assert set(META[path]["takes"]) == taken


@page_of
def test_the_list_settings_a_page_are_those_of_the_code(path):
    names = META[path]["detectors"]
    made = hooks.tabulate_settings(names)
    for name in names:
        for setting in list_settings(REGISTRY[name].config):
            assert setting.text, f"no docstring says what {setting.name} of {name} is"
            assert f"| `{setting.name}` |" in made and setting.text in made


def test_the_table_of_detectors_names_all():
    table = hooks.tabulate_detectors(DOCS / "detectors")
    assert all(f"`{name}`" in table for name in REGISTRY)


@pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_commands_can_be_run(path):
    """Options are known, and so are settings; bundled data suits the detectors."""
    for argv in commands(path):
        assert argv[0] in COMMANDS, f"there is no command {argv[0]}"
        options = _parse(argv)
        if argv[0] not in ("run", "fit"):
            continue
        names = options.detectors if argv[0] == "run" else (options.detector or "auto",)
        made = parse_configurations(names, options.settings, options.epochs, options.batch_size)
        for name, config in made.items():
            REGISTRY[name].config(**config)
            if argv[0] == "run" and options.dataset.removeprefix("sequence:") in BUNDLED:
                shape = load_dataset(options.dataset).x.shape[1:]
                few = [int(n) for n in (options.labelled_anomalies, options.labelled_normals)]
                make_for(name, Spec(shape, 100, *few), config)


def documented() -> list[str]:
    """List the modules and names whose docstrings the pages show."""
    found = []
    for path in DOCS.rglob("*.md"):
        text = path.read_text()
        found += re.findall(r"^::: ([\w.]+)", text, re.MULTILINE)
        for what, names in hooks.MARKER.findall(text):
            if what == "modules":
                found += [name for top in names.split() for name in hooks.list_public_names(top)]
    return found


def public_modules(package=jaxad) -> Iterator[ModuleType]:
    """Yield the modules that no package with `__all__` stands in front of."""
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if found.name in ("jaxad.cli", "jaxad.__main__"):
            continue  # `--help` documents the command line
        module = importlib.import_module(found.name)
        if hasattr(module, "__all__"):
            yield module
        elif found.ispkg:
            yield from public_modules(module)


def test_the_reference_has_every_public_name():
    """A public name stands in `__all__` of a package, or of a module that is in no such package."""
    shown = documented()
    assert len(shown) == len(set(shown)), "a name is in two places of the reference"
    for module in public_modules():
        name = module.__name__
        missing = [one for one in module.__all__ if f"{name}.{one}" not in shown]
        assert name in shown or not missing, (
            f"{missing} of {name} are not in the reference: put {name} into a comment "
            "<!-- modules ... --> of a page in docs/api/"
        )


def test_formulas_become_mathml():
    pytest.importorskip("latex2mathml")
    html = r"""<div class="arithmatex">\[a &lt; \frac12\]</div>
    <span class="arithmatex">\(b\)</span>"""
    made = hooks.on_page_content(html, None, None, None)
    assert "arithmatex" not in made and "<mfrac>" in made
    assert 'display="block"' in made and 'display="inline"' in made
    with pytest.raises(ValueError, match="unheardof"):
        hooks.convert_formula(r"\unheardof{a}", False)


def test_the_site_needs_nothing_from_elsewhere():
    """Pages may link to other sites, but load no scripts, styles, fonts or pictures from them."""
    config = (ROOT / "mkdocs.yml").read_text()
    assert "font: false" in config
    assert "http" not in config
    for path in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        assert not re.findall(r"!\[[^]]*\]\(https?:|<script|<link|<img", path.read_text()), path


def test_the_page_on_architecture_has_the_order_of_imports():
    text = (DOCS / "explanation" / "architecture.md").read_text()
    rows = re.findall(r"^\| \d+ \| (.*?) \|", text, re.MULTILINE)
    floors = [set(re.findall(r"`(\w+)`", row)) for row in rows]
    assert floors == [set(names) for names in IDEAS]


def write_files(folder: Path) -> None:
    """Write small files with the names that the how-to pages use."""
    from PIL import Image

    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "c"])
    table.assign(label=np.repeat([0, 1], [48, 12])).to_csv(folder / "mine.csv", index=False)
    for name in ("tiles/ok", "tiles/crack"):
        (folder / name).mkdir(parents=True)
        for i in range(8):
            pixels = rng.integers(0, 255, (24, 24), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    tiles = rng.integers(0, 255, (40, 24, 24), np.uint8)
    np.savez(folder / "tiles.npz", x=tiles, y=np.repeat([0, 1], [30, 10]))


@pytest.mark.parametrize("path", HOW_TO, ids=lambda path: path.stem)
@pytest.mark.usefixtures("names_are_taken_back")
def test_the_python_of_the_guides_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    names: dict = {}
    for block in blocks(path, "python"):
        exec(compile(block, str(path), "exec"), names)


def test_the_readme_names_every_detector():
    text = (ROOT / "README.md").read_text()
    for name in REGISTRY:
        shown = "`hybrid:" if name.startswith("hybrid:") else f"`{name}`"
        assert shown in text, f"{name} is not in the table of detectors of README.md"


def test_the_numbers_of_the_readme_are_in_the_pages():
    text = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    there = " ".join(path.read_text() for path in DOCS.rglob("*.md"))
    for number in re.findall(r"\d+\.\d(?!\d*\.)", text.partition("## Results")[2]):
        assert number in there, f"{number} is in no page of docs/"


def test_the_citation_names_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == jaxad.__version__


def test_links_between_files_lead_somewhere():
    """Those of pages are checked by mkdocs, too; those of the README by nobody else."""
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text()):
            assert (path.parent / link).exists(), f"{path.relative_to(ROOT)} links {link}"


def test_every_page_is_in_the_menu():
    def files(entry):
        if isinstance(entry, str):
            return [entry]
        return [name for value in entry.values() for part in listed(value) for name in files(part)]

    def listed(value):
        return value if isinstance(value, list) else [value]

    text = (ROOT / "mkdocs.yml").read_text()
    menu = yaml.safe_load(text[text.index("\nnav:") :])["nav"]
    named = [name for entry in menu for name in files(entry)]
    generated = [name for name, _ in pages.generate_pages() if name.endswith(".md")]
    written = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    assert sorted(named) == sorted(written + generated)


def test_a_notebook_becomes_a_page_with_its_outputs():
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {
            "cell_type": "code",
            "source": ["1 + 1"],
            "outputs": [
                {"output_type": "stream", "text": ["said\n"]},
                {"output_type": "execute_result", "data": {"text/plain": ["2"]}},
                {"output_type": "display_data", "data": {"image/png": "AAEC\n"}},
            ],
        },
    ]
    text, pictures = pages.convert_notebook({"cells": cells}, "lesson")
    assert text.startswith("# Title\n\n```python\n1 + 1\n```\n")
    assert "```text\nsaid\n```" in text and "```text\n2\n```" in text
    assert "(lesson_1.png)" in text and pictures == {"lesson_1.png": b"\0\1\2"}


@pytest.mark.parametrize(
    ("link", "mended"),
    [
        ("../docs/howto/audit.md#methods", "../howto/audit.md#methods"),
        ("heat_maps.ipynb", "heat_maps.md"),
        ("../CONTRIBUTING.md", "../contributing.md"),
        ("https://example.org/docs/a.md", "https://example.org/docs/a.md"),
        ("#here", "#here"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(link, mended):
    made = pages.relink(f"[it]({link})", "notebooks/ten_minutes.ipynb", "tutorials/ten_minutes.md")
    assert made == f"[it]({mended})"


def test_bars_in_tables_lose_their_backslash():
    html = "<td><code>\\|x\\|</code></td><p><code>a\\|b</code></p>"
    made = hooks.on_page_content(html, None, None, None)
    assert made == "<td><code>|x|</code></td><p><code>a\\|b</code></p>"


def test_cells_of_numbers_are_marked():
    html = "<tr><td>-1.2 (3.4)</td><td><strong>88.1</strong> ± 0.2</td><td>two</td></tr>"
    made = hooks.on_page_content(html, None, None, None)
    assert made.count("data-number") == 2 and "<td>two</td>" in made


def test_results_side_by_side_are_means_over_data_sets():
    clean = [
        one.auroc
        for one in read_measurements()
        if (one.choice, one.kind, one.hidden, one.labelled) == (("iforest", ""), "table", 0, 0)
    ]
    row = f"| `iforest` | tables, 0 % hidden | {len(clean)} | {100 * np.mean(clean):.1f} |"
    assert row in hooks.tabulate_results(["iforest"])


def test_estimates_are_those_of_the_stored_results():
    table = hooks.tabulate_estimates(ROOT / hooks.ESTIMATES)
    lines = table.splitlines()
    rows = pd.read_csv(ROOT / hooks.ESTIMATES)
    assert len(lines) == 4 + len(rows)
    assert all(line.count("|") == lines[2].count("|") for line in lines[3:])
    assert set(rows.status) == {"compiled"}
    assert (rows.collectives == 0).all()


def test_every_promise_names_tests_that_exist():
    promises = hooks.read_front_matter(DOCS / "explanation" / "testing.md")["promises"]
    files = {file for held in promises.values() for names in held.values() for file in names}
    counts = {file: hooks.count_tests(ROOT / "tests" / file) for file in files}
    assert all(functions for functions, _ in counts.values())
    assert counts["training/test_modes.py"][1] > 0  # slow ones
    made = hooks.tabulate_promises(promises, ROOT)
    assert all(f"`{file}`" in made for file in files)


def test_every_fault_that_was_found_names_tests_that_exist():
    page = (DOCS / "explanation" / "testing.md").read_text()
    section = page.partition("## Faults that were found")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w/.]+)::(\w+)`", section)
    assert len(re.findall(r"^\| .*::", section, re.MULTILINE)) == 13
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(), f"{file}::{test}"
