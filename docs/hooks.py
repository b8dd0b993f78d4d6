"""What the pages have from the code: tables of detectors and of their settings, and the API.

mkdocs calls `on_page_markdown` for each page. In place of a comment in a page stands

* `<!-- summary -->` what the page's front matter says of its detectors,
* `<!-- settings -->` the settings of its detectors,
* `<!-- measured -->` what the results that recommendations rest on say of them,
* `<!-- detectors -->` the table of all pages of detectors,
* `<!-- modules jaxad.nets jaxad.padding -->` the reference of these modules and packages,

and formulas between dollars become MathML.
"""

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
from jaxad.recommendation.evidence import Measured, read_results

__all__ = [
    "all_detectors",
    "front_matter",
    "mathml",
    "measured",
    "on_page_content",
    "on_page_markdown",
    "public_names",
    "reference",
    "settings",
    "summary",
]

SHARED = (GradientConfig, AugmentedConfig, PretrainedConfig, BalancedConfig)
FAMILIES = (
    "One-class",
    "Reconstruction and density",
    "Adversarial",
    "Few labels",
    "Hidden anomalies",
    "Sequences and texts",
    "Classical",
)
FIELDS = {"detectors", "title", "family", "takes", "labels", "score"}
WHAT = "summary|settings|measured|detectors|modules"
MARKER = re.compile(rf"^<!-- ({WHAT})((?: [\w.]+)*) -->$", re.MULTILINE)
CELL = re.compile(r"<td[ >].*?</td>", re.DOTALL)
NUMBER = re.compile(r"<td(?=[^>]*>(?:<strong>)?[-+±(]?\d[^<a-zA-Z]*(?:</strong>[^<a-zA-Z]*)?</td>)")
FORMULA = re.compile(r'<(div|span) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """The page with tables in place of its comments."""
    del files

    def made(found: re.Match) -> str:
        what, names = found[1], found[2].split()
        if what == "summary":
            return summary(page.meta)
        if what == "settings":
            return settings(page.meta["detectors"])
        if what == "measured":
            return measured(page.meta["detectors"])
        if what == "detectors":
            return all_detectors(Path(config["docs_dir"]) / "detectors")
        return reference(names, 3 if "\n## " in markdown else 2)

    return MARKER.sub(made, markdown)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """The page with formulas as MathML, which browsers draw without a script from elsewhere.

    A bar in code in a table is escaped for GitHub, and Python-Markdown leaves the backslash there.
    Cells with numbers alone are marked, for the style sheet keeps them in one line.
    """
    del page, config, files
    html = CELL.sub(lambda found: found[0].replace("\\|", "|"), html)
    html = NUMBER.sub('<td data-number=""', html)
    return FORMULA.sub(lambda found: mathml(unescape(found[2]), found[1] == "div"), html)


def mathml(formula: str, block: bool) -> str:
    """A formula of LaTeX, in a line of its own or within one."""
    from latex2mathml.converter import convert

    tex = " ".join(formula.split())
    return convert(tex, display="block" if block else "inline")


def front_matter(path: Path) -> dict[str, Any]:
    """What stands between the lines of dashes at a page's beginning; {} where there is nothing."""
    found = re.match(r"---\n(.*?)\n---\n", path.read_text(), re.DOTALL)
    return yaml.safe_load(found[1]) if found else {}


def summary(meta: dict[str, Any]) -> str:
    """Return a table of the names, input, labels and score range of a page's detectors."""
    rows = {
        "input": ", ".join(meta["takes"]),
        "labels used": meta["labels"],
        "score range": meta["score"],
    }
    if all(REGISTRY[name].host for name in meta["detectors"]):
        rows["runs on"] = "the host, one seed after another; it cannot be saved"
        if "sequences" in meta["takes"]:
            rows["input"] = "tables; images and sequences are flattened to rows of a table"
    return _table(["name", _codes(meta["detectors"])], [[k, value] for k, value in rows.items()])


def settings(names: list[str]) -> str:
    """Return tables of the settings of detectors: their own, and the shared ones folded."""
    own = _of_all(names, lambda found: found.source not in SHARED)
    shared = _of_all(names, lambda found: found.source in SHARED)
    parts = [own or "This detector has no settings of its own."]
    if shared:
        parts.append('??? note "Shared settings, with the defaults of this page"')
        parts.append("\n".join(f"    {line}".rstrip() for line in shared.splitlines()))
    return "\n\n".join(parts)


def measured(names: list[str]) -> str:
    """Return a table of mean AUROC and AUPRC over data sets, for each measured situation.

    A detector has a rank only where it was measured on all data sets of the situation.
    """
    situations: dict[tuple, dict[tuple[str, str], list[Measured]]] = {}
    for one in read_results():
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
                        _situation(*situation),
                        str(len(results)),
                        f"{100 * auroc:.1f}",
                        f"{100 * auprc:.1f}",
                        f"{place} of {len(whole)}" if (name, chosen) in whole else "",
                    ]
                )
    if not rows:
        return ""
    head = ["detector", "data", "sets", "AUROC", "AUPRC", "rank by AUROC"]
    own = {one.command for one in read_results() if one.detector in names}
    said = "Means over data sets, from the results that `jaxad recommend` uses, measured by"
    commands = " and ".join(f"`{command}`" for command in sorted(own))
    return f"{said} {commands}:\n\n{_table(head, rows)}"


def _situation(kind: str, exposure: str, labelled: int, hidden: float) -> str:
    parts = [f"{kind}s", f"{100 * hidden:g} % hidden"]
    parts += [f"{labelled} labelled"] if labelled else []
    parts += [f"{exposure} as exposure"] if exposure else []
    return ", ".join(parts)


def all_detectors(folder: Path) -> str:
    """Return a table for each family of detectors, with a row for each page."""
    pages = [(front_matter(path), path.name) for path in sorted(folder.glob("*.md"))]
    parts = []
    for family in FAMILIES:
        rows = [
            [
                f"[{meta['title']}]({name})",
                _codes(meta["detectors"]),
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


def reference(tops: list[str], level: int) -> str:
    """Return what mkdocstrings reads for some modules and packages, at a level of headings."""
    found = [name for top in tops for name in public_names(top)]
    return "\n\n".join(f"::: {name}\n    options: {{heading_level: {level}}}" for name in found)


def public_names(top: str) -> list[str]:
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
    return [name for module in found for name in public_names(f"{top}.{module.name}")]


def _of_all(names: list[str], wanted: Callable[[Setting], bool]) -> str:
    """A table of the settings that all detectors have alike, and one for each with the rest."""
    found = {name: list(filter(wanted, list_settings(REGISTRY[name].config))) for name in names}
    alike = [one for one in found[names[0]] if all(one in other for other in found.values())]
    parts = [_lines(alike)]
    for name, own in found.items():
        rest = _lines([one for one in own if one not in alike])
        parts += [f"`{name}`:", rest] if rest else []
    return "\n\n".join(part for part in parts if part)


def _lines(found: list[Setting]) -> str:
    rows = [[f"`{one.name}`", f"`{one.default}`", one.text] for one in found]
    return _table(["setting", "default", "description"], rows)


def _codes(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
