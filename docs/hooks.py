"""Parts of the pages that come from the code: tables of detectors and settings, and the API.

mkdocs calls `on_page_markdown` for each page. It replaces these comments:

* `<!-- summary -->`: the front matter of a detector's page, as a table,
* `<!-- settings -->`: the settings of the page's detectors,
* `<!-- measured -->`: their results among those that recommendations use,
* `<!-- detectors -->`: a table of all detector pages,
* `<!-- estimates -->`: the estimates of all detectors on TPUs, from the stored results,
* `<!-- promises -->`: the promises of the page's front matter and the tests that hold them,
* `<!-- modules jaxad.nets jaxad.padding -->`: the reference of these modules and packages.

Formulas in LaTeX become MathML.
"""

import ast
import csv
import re
from collections.abc import Callable
from html import unescape
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from statistics import fmean
from typing import Any

import yaml

from jaxad.detectors import REGISTRY
from jaxad.detectors.config import AugmentedConfig, GradientConfig, PretrainedConfig
from jaxad.detectors.scalar import BalancedConfig
from jaxad.detectors.settings import Setting, list_settings
from jaxad.recommendation.evidence import Measurement, read_measurements

__all__ = [
    "convert_formula",
    "count_tests",
    "list_public_names",
    "list_reference",
    "on_page_content",
    "on_page_markdown",
    "read_front_matter",
    "summarise",
    "tabulate_detectors",
    "tabulate_estimates",
    "tabulate_promises",
    "tabulate_results",
    "tabulate_settings",
]

SHARED = (GradientConfig, AugmentedConfig, PretrainedConfig, BalancedConfig)
FAMILIES = (
    "One-class",
    "Reconstruction and density",
    "Adversarial",
    "Few labels",
    "Hidden anomalies",
    "Maps of patches",
    "Sequences and texts",
    "Classical",
)
FIELDS = {"detectors", "title", "family", "takes", "labels", "score"}
WHAT = "summary|settings|measured|detectors|promises|estimates|modules"
ESTIMATES = "experiments/topologies/results/topologies.csv"
MARKER = re.compile(rf"^<!-- ({WHAT})((?: [\w.]+)*) -->$", re.MULTILINE)
CELL = re.compile(r"<td[ >].*?</td>", re.DOTALL)
NUMBER = re.compile(r"<td(?=[^>]*>(?:<strong>)?[-+±(]?\d[^<a-zA-Z]*(?:</strong>[^<a-zA-Z]*)?</td>)")
FORMULA = re.compile(r'<(div|span) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Replace the comments of a page by tables and references."""
    del files

    def replace(found: re.Match) -> str:
        what, names = found[1], found[2].split()
        if what == "summary":
            return summarise(page.meta)
        if what == "settings":
            return tabulate_settings(page.meta["detectors"])
        if what == "measured":
            return tabulate_results(page.meta["detectors"])
        if what == "detectors":
            return tabulate_detectors(Path(config["docs_dir"]) / "detectors")
        if what == "estimates":
            return tabulate_estimates(Path(config["docs_dir"]).parent / ESTIMATES)
        if what == "promises":
            return tabulate_promises(page.meta["promises"], Path(config["docs_dir"]).parent)
        return list_reference(names, 3 if "\n## " in markdown else 2)

    return MARKER.sub(replace, markdown)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Turn formulas into MathML, which browsers draw without a script, and mend cells of tables.

    A bar in code in a table is escaped for GitHub, and Python-Markdown leaves the backslash there.
    Cells with only numbers are marked, so that the style sheet can keep them in one line.
    """
    del page, config, files
    html = CELL.sub(lambda found: found[0].replace("\\|", "|"), html)
    html = NUMBER.sub('<td data-number=""', html)
    return FORMULA.sub(lambda found: convert_formula(unescape(found[2]), found[1] == "div"), html)


def convert_formula(formula: str, block: bool) -> str:
    """Convert a formula from LaTeX to MathML, in a line of its own (block) or within a text.

    Raises:
        ValueError: A command of LaTeX is unknown to the converter.
    """
    from latex2mathml.converter import convert

    tex = " ".join(formula.split())
    made = convert(tex, display="block" if block else "inline")
    if unknown := re.findall(r"\\[a-zA-Z]+", made):
        raise ValueError(f"formula {tex!r}: no MathML for {', '.join(unknown)}")
    return made


def read_front_matter(path: Path) -> dict[str, Any]:
    """Read the front matter of a page; {} if it has none."""
    found = re.match(r"---\n(.*?)\n---\n", path.read_text(), re.DOTALL)
    return yaml.safe_load(found[1]) if found else {}


def summarise(meta: dict[str, Any]) -> str:
    """Return a table of the names, input, labels and score range of a page's detectors."""
    rows = {
        "input": ", ".join(meta["takes"]),
        "labels used": meta["labels"],
        "score range": meta["score"],
    }
    if all(REGISTRY[name].host for name in meta["detectors"]):
        rows["runs on"] = "the host, one seed after another"
        if "sequences" in meta["takes"]:
            rows["input"] = "tables; images and sequences are flattened to rows of a table"
    return _table(
        ["name", _join_codes(meta["detectors"])], [[k, value] for k, value in rows.items()]
    )


def tabulate_settings(names: list[str]) -> str:
    """Return tables of the settings of detectors: their own, and the shared ones folded."""
    own = _tabulate_all(names, lambda found: found.source not in SHARED)
    shared = _tabulate_all(names, lambda found: found.source in SHARED)
    parts = [own or "This detector has no settings of its own."]
    if shared:
        parts.append('??? note "Shared settings, with the defaults of this page"')
        parts.append("\n".join(f"    {line}".rstrip() for line in shared.splitlines()))
    return "\n\n".join(parts)


def tabulate_results(names: list[str]) -> str:
    """Return a table of mean AUROC and AUPRC over data sets, for each measured situation.

    A detector has a rank only where it was measured on all data sets of the situation.
    """
    situations: dict[tuple, dict[tuple[str, str], list[Measurement]]] = {}
    for one in read_measurements():
        situation = (one.kind, one.exposure, one.labelled, one.hidden)
        situations.setdefault(situation, {}).setdefault(one.choice, []).append(one)
    rows = []
    for situation, found in sorted(situations.items()):
        sets = len({one.task for results in found.values() for one in results})
        whole = {
            choice: fmean(one.auroc for one in results)
            for choice, results in found.items()
            if len(results) == sets
        }
        for (name, chosen), results in found.items():
            if name in names:
                auroc, auprc = (fmean(getattr(r, m) for r in results) for m in ("auroc", "auprc"))
                place = 1 + sum(other > auroc for other in whole.values())
                rows.append(
                    [
                        f"`{name}`" + (f", `{chosen}`" if chosen else ""),
                        _describe_situation(*situation),
                        str(len(results)),
                        f"{100 * auroc:.1f}",
                        f"{100 * auprc:.1f}",
                        f"{place} of {len(whole)}" if (name, chosen) in whole else "",
                    ]
                )
    if not rows:
        return ""
    head = ["detector", "data", "sets", "AUROC", "AUPRC", "rank by AUROC"]
    own = {one.command for one in read_measurements() if one.detector in names}
    commands = "\n".join(f"    {command}" for command in sorted(own))
    return (
        "Means over data sets, from the results that `jaxad recommend` uses:\n\n"
        f"{_table(head, rows)}\n\n"
        f'??? note "Commands"\n\n    ```\n{commands}\n    ```'
    )


def _describe_situation(kind: str, exposure: str, labelled: int, hidden: float) -> str:
    parts = [kind if kind.endswith("s") else f"{kind}s", f"{100 * hidden:g} % hidden"]
    parts += [f"{labelled} labelled"] if labelled else []
    parts += [f"{exposure} as exposure"] if exposure else []
    return ", ".join(parts)


def tabulate_detectors(folder: Path) -> str:
    """Return a table for each family of detectors, with a row for each page."""
    pages = [(read_front_matter(path), path.name) for path in sorted(folder.glob("*.md"))]
    parts = []
    for family in FAMILIES:
        rows = [
            [
                f"[{meta['title']}]({name})",
                _join_codes(meta["detectors"]),
                ", ".join(meta["takes"]),
                meta["labels"],
                meta["score"],
            ]
            for meta, name in pages
            if meta.get("family") == family
        ]
        head = ["method", "name", "input", "labels", "score range"]
        parts += [f"## {family}", _table(head, rows)]
    return "\n\n".join(parts)


def list_reference(tops: list[str], level: int) -> str:
    """Return what mkdocstrings reads for some modules and packages, at a level of headings."""
    found = [name for top in tops for name in list_public_names(top)]
    return "\n\n".join(f"::: {name}\n    options: {{heading_level: {level}}}" for name in found)


def list_public_names(top: str) -> list[str]:
    """List what the reference shows of a module or package.

    Of a package it is what the package's `__all__` lists, each by the package's name; helpers of
    its modules stay out. A module, and each module of a package without `__all__`, is shown whole.
    """
    spec = find_spec(top)
    assert spec is not None, f"there is no module {top}"
    if spec.submodule_search_locations is None:
        return [top]
    if listed := getattr(import_module(top), "__all__", None):
        return [f"{top}.{name}" for name in listed]
    found = sorted(iter_modules(spec.submodule_search_locations), key=lambda module: module.name)
    return [name for module in found for name in list_public_names(f"{top}.{module.name}")]


def tabulate_estimates(path: Path) -> str:
    """Return a table with a row for each detector, kind of data and topology of a csv file.

    Args:
        path: A file that `benchmarks/topologies.py` wrote.
    """
    columns = {
        "data": "data", "detector": "detector", "topology": "topology",
        "memory_mib": "memory of a chip, MiB", "step_mflop": "step, MFLOP",
        "step_mb": "step, MB moved", "step_roofline_us": "step, roofline us",
        "collectives": "communications", "loops": "loops", "gathers": "gathers",
        "scatters": "scatters", "sorts": "sorts", "conditionals": "conditionals",
        "grouped": "grouped convolutions", "double": "float64", "compile_s": "compiling, s",
    }  # fmt: skip
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [f"| {' | '.join(columns.values())} |", "|---|---|---" + "|--:" * 13 + "|"]
    for row in rows:
        if row["status"] == "crash":
            row |= {"memory_mib": "the compiler crashes"}
        lines.append(f"| {' | '.join(row[name] for name in columns)} |")
    versions = sorted({f"JAX {row['jax']}, libtpu {row['libtpu']}" for row in rows if row["jax"]})
    seeds = sorted({row["seeds"] for row in rows})
    head = f"{', '.join(seeds)} seeds, each with rows of its own; {'; '.join(versions)}."
    return "\n".join([head, "", *lines])


def tabulate_promises(promises: dict[str, dict[str, list[str]]], root: Path) -> str:
    """Return tables of promises, the tests that hold them, and how many there are.

    Args:
        promises: For each heading the promises, each with its files of tests.
        root: The folder of the repository.
    """
    parts, every = [], sorted((root / "tests").rglob("test_*.py"))
    functions, slow = (sum(counts) for counts in zip(*map(count_tests, every), strict=True))
    parts.append(
        f"The repository has {functions} test functions in {len(every)} files, of which {slow} are "
        "marked as slow. A function with parameters is counted once, although it runs for each "
        "detector, file or value. The tables count the functions in the files that they name."
    )
    for heading, held in promises.items():
        rows = []
        for promise, files in held.items():
            number = sum(count_tests(root / "tests" / file)[0] for file in files)
            rows.append([promise, "<br>".join(f"`{file}`" for file in files), str(number)])
        parts += [f"## {heading}", _table(["promise", "tests", "functions"], rows)]
    return "\n\n".join(parts)


def count_tests(path: Path) -> tuple[int, int]:
    """Count the test functions of a file, and those of them that are marked as slow."""
    found = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    slow = [node for node in found if any("slow" in ast.unparse(d) for d in node.decorator_list)]
    return len(found), len(slow)


def _tabulate_all(names: list[str], wanted: Callable[[Setting], bool]) -> str:
    """Return a table of the settings that all detectors share, and one for each with the rest."""
    found = {name: list(filter(wanted, list_settings(REGISTRY[name].config))) for name in names}
    alike = [one for one in found[names[0]] if all(one in other for other in found.values())]
    parts = [_tabulate(alike)]
    for name, own in found.items():
        rest = _tabulate([one for one in own if one not in alike])
        parts += [f"`{name}`:", rest] if rest else []
    return "\n\n".join(part for part in parts if part)


def _tabulate(found: list[Setting]) -> str:
    rows = [[f"`{one.name}`", f"`{one.default}`", one.text] for one in found]
    return _table(["setting", "default", "description"], rows)


def _join_codes(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
