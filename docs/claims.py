"""Tables of the papers' claims with their verdicts, from `experiments/claims.toml`.

mkdocs calls `on_page_markdown` for each page. It replaces `<!-- claims -->` by a table of all
claims, and `<!-- claims ncae -->` by those that the page `ncae` discusses, with what was measured.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxad.report.claims import Claim, Comparison, judge, read_claims
from jaxad.utils.escaping import escape_markdown

__all__ = ["on_page_markdown", "tabulate_claims", "tabulate_page"]

ROOT = Path(__file__).parents[1] / "experiments"
MARKER = re.compile(r"^<!-- claims(?: ([\w-]+))? -->$", re.MULTILINE)
SIGNS = {"above": ">", "below": "<", "near": "≈"}
NOT_SIGNS = {"above": "≤", "below": "≥", "near": "≠"}


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Replace the comments of a page by tables of claims."""
    del page, config, files

    def replace(found: re.Match) -> str:
        claims = read_claims(ROOT / "claims.toml")
        return tabulate_page(claims, found[1]) if found[1] else tabulate_claims(claims)

    return MARKER.sub(replace, markdown)


def tabulate_claims(claims: Sequence[Claim]) -> str:
    """Return a table of all claims with their verdicts, in Markdown."""
    lines = [
        [escape_markdown(claim.paper), f"[{escape_markdown(claim.text)}]({claim.page}.md#claims)",
         show_verdict(claim)]
        for claim in claims
    ]  # fmt: skip
    return _join(["paper", "claim", "verdict"], lines)


def tabulate_page(claims: Sequence[Claim], page: str) -> str:
    """Return a table of a page's claims: published, measured, protocol and verdict, in Markdown.

    Raises:
        ValueError: The page has no claim.
    """
    mine = [claim for claim in claims if claim.page == page]
    if not mine:
        raise ValueError(f"experiments/claims.toml has no claim for the page {page!r}")
    lines = [
        [escape_markdown(claim.text), escape_markdown(claim.published), _show_measured(claim),
         escape_markdown(claim.protocol), show_verdict(claim)]
        for claim in mine
    ]  # fmt: skip
    return _join(["claim", "published", "measured", "protocol", "verdict"], lines)


def show_verdict(claim: Claim) -> str:
    """Return the verdict of a claim, with a note if results that it rests on are stale."""
    file = ROOT / "results-check.json"
    found = json.loads(file.read_text()) if file.is_file() else {}
    rests_on = [test[key] for test in claim.tests for key in ("results", "other") if key in test]
    for results in rests_on:
        paper, _, name = results.partition("/")
        state = found.get(f"{paper}/results/{name}.csv", {}).get("state", "fresh")
        if state != "fresh":
            return f"{judge(claim)} ({state} results)"
    return f"**{judge(claim)}**" if claim.tests else judge(claim)


def _show_measured(claim: Claim) -> str:
    """Return the comparisons of a claim, or why there are none."""
    if not claim.tests:
        return escape_markdown(claim.why)
    return "; ".join(
        _show_test(test, found)
        for test, found in zip(claim.tests, claim.comparisons, strict=True)
    )  # fmt: skip


def _show_test(test: Any, found: Sequence[Comparison]) -> str:
    def name(side: Any) -> str:
        if not isinstance(side, dict):
            return "published"
        return escape_markdown(", ".join(map(str, side.values())))

    metric, relation = escape_markdown(test["metric"]), test["relation"]
    if "drop" in test:
        metric = f"drop of {metric}"
    parts = []
    for one in found:
        sign = (SIGNS if one.holds else NOT_SIGNS)[relation]
        where = f"{escape_markdown(one.value)}: " if one.value else ""
        parts.append(f"{where}{one.left:.1f} {sign} {one.right:.1f}")
    return f"{metric}, {name(test['left'])} and {name(test['right'])}: {', '.join(parts)}"


def _join(head: list[str], lines: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
