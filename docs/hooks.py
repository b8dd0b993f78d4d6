"""What the pages have from the code: tables of detectors and of their settings, and the API.

mkdocs calls `on_page_markdown` for each page. In place of a comment in a page stands

* `<!-- summary -->` what the page's front matter says of its detectors,
* `<!-- settings -->` the settings of its detectors,
* `<!-- detectors -->` the table of all pages of detectors,
* `<!-- modules jaxad.nets jaxad.rows -->` the reference of these modules and of those below them,

and formulas between dollars become MathML.
"""

import re
from collections.abc import Callable
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import yaml

from jaxad.detectors import REGISTRY
from jaxad.detectors.config import AugmentedConfig, GradientConfig, PretrainedConfig
from jaxad.detectors.scalar import BalancedConfig
from jaxad.detectors.settings import Setting, settings_of

__all__ = [
    "all_detectors",
    "front_matter",
    "mathml",
    "modules_below",
    "on_page_content",
    "on_page_markdown",
    "settings",
    "summary",
]

SHARED = (GradientConfig, AugmentedConfig, PretrainedConfig, BalancedConfig)
Wanted = Callable[[Setting], bool]
MANY = 4  # so many columns of defaults a page is wide enough for
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
MARKER = re.compile(r"^<!-- (summary|settings|detectors|modules)((?: [\w.]+)*) -->$", re.MULTILINE)
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
        if what == "detectors":
            return all_detectors(Path(config["docs_dir"]) / "detectors")
        return "\n\n".join(f"::: {name}" for top in names for name in modules_below(top))

    return MARKER.sub(made, markdown)


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """The page with formulas as MathML, which browsers draw without a script from elsewhere."""
    del page, config, files
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
    """Names, data, labels and scores of a page's detectors."""
    rows = {
        "names": ", ".join(f"`{name}`" for name in meta["detectors"]),
        "takes": ", ".join(meta["takes"]),
        "labels it learns from": meta["labels"],
        "score": meta["score"],
    }
    return _table(["", ""], [[key, value] for key, value in rows.items()])


def settings(names: list[str]) -> str:
    """The settings of some detectors: their own, and folded those that many detectors have."""
    made = _columns if len(names) <= MANY else _lines
    own = made(names, lambda found: found.said_by not in SHARED)
    shared = made(names, lambda found: found.said_by in SHARED)
    parts = [own or "It has no settings of its own."]
    if shared:
        parts.append('??? note "Settings that many detectors have, with the defaults of this page"')
        parts.append("\n".join(f"    {line}" for line in shared.splitlines()))
    return "\n\n".join(parts)


def all_detectors(folder: Path) -> str:
    """A row for each page of detectors, by family."""
    found = [(front_matter(path), path.name) for path in sorted(folder.glob("*.md"))]
    pages = sorted(
        (FAMILIES.index(meta["family"]), meta["title"], name, meta)
        for meta, name in found
        if "detectors" in meta
    )
    return _table(
        ["family", "page", "names", "takes", "labels", "score"],
        [
            [
                FAMILIES[family],
                f"[{title}]({name})",
                ", ".join(f"`{n}`" for n in meta["detectors"]),
                ", ".join(meta["takes"]),
                meta["labels"],
                meta["score"],
            ]
            for family, title, name, meta in pages
        ],
    )


def modules_below(top: str) -> list[str]:
    """A module, or the modules of a package, whose names a package gives again."""
    spec = find_spec(top)
    assert spec is not None, f"there is no module {top}"
    if spec.submodule_search_locations is None:
        return [top]
    found = sorted(iter_modules(spec.submodule_search_locations), key=lambda module: module.name)
    return [name for module in found for name in modules_below(f"{top}.{module.name}")]


def _columns(names: list[str], wanted: Wanted) -> str:
    """A table with a row for each setting and its default in each detector.

    A setting of one name is several rows where detectors say different things of it.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for detector, found in _found(names, wanted):
        rows.setdefault((found.name, found.text), {})[detector] = found.default
    defaults = ["default"] if len(names) == 1 else [f"`{name}`" for name in names]
    return _table(
        ["setting", *defaults, "what it is"],
        [
            [f"`{name}`", *(_code(default.get(detector)) for detector in names), text]
            for (name, text), default in rows.items()
        ],
    )


def _lines(names: list[str], wanted: Wanted) -> str:
    """A table with a row for each setting and default, and which of many detectors have it."""
    rows: dict[Setting, list[str]] = {}
    for detector, found in _found(names, wanted):
        rows.setdefault(found, []).append(f"`{detector}`")
    return _table(
        ["setting", "default", "of", "what it is"],
        [
            [
                f"`{found.name}`",
                _code(found.default),
                "all" if len(of) == len(names) else ", ".join(of),
                found.text,
            ]
            for found, of in rows.items()
        ],
    )


def _found(names: list[str], wanted: Wanted) -> list[tuple[str, Setting]]:
    """The settings that are wanted, beside the detector that has them."""
    return [
        (name, found)
        for name in names
        for found in settings_of(REGISTRY[name].config)
        if wanted(found)
    ]


def _code(default: str | None) -> str:
    return "" if default is None else f"`{default}`"


def _table(head: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
