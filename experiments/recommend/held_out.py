"""How good the choices of `jaxad recommend` are: each data set in turn is left out.

`python experiments/recommend/held_out.py [--results RESULTS]`: for each kind of example the
mean AUROC of what each rule chooses from the results of the other data sets, and its regret: how
much less that is than what the best detector in hindsight reaches. In percent, by labels.
"""

import argparse
from collections import Counter
from itertools import groupby
from pathlib import Path

from jaxad.recommend.evidence import Measured, read_results
from jaxad.recommend.held_out import RULES, Outcome, always, held_out

ALWAYS = [
    ("iforest", ""),
    ("ocsvm", ""),
    ("deep_svdd", ""),
    ("deep_sad", ""),
    ("random_forest", ""),
]


def main() -> None:
    """Print a table for each kind of example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, help="a file of results; by default jaxad's own")
    parser.add_argument("--choices", action="store_true", help="print each choice of the rule")
    options = parser.parse_args()
    measured = sorted(read_results(options.results), key=_group)
    for (kind, exposure), rows in groupby(measured, key=_group):
        about(f"{kind}{', exposure' * exposure}", list(rows), options.choices)


def about(title: str, measured: list[Measured], choices: bool) -> None:
    """The table of one kind of example."""
    tasks, settings = {one.task for one in measured}, {one.choice for one in measured}
    print(f"\n{title}: {len(tasks)} tasks, {len(settings)} detectors, {len(measured)} results\n")
    if len(tasks) < 2:
        print("One task alone: none is left to choose by.")
        return
    counts = sorted({one.labelled for one in measured})
    print("| rule |" + "".join(f" {n} labelled: AUROC | regret | worst |" for n in counts))
    print("|" + "---|" * (3 * len(counts) + 1))
    for name, rule in RULES.items():
        line(name, held_out(measured, rule), counts)
    for detector, setting in ALWAYS:
        line(f"always {detector}", held_out(measured, always(detector, setting)), counts)
    outcomes = held_out(measured, RULES[next(iter(RULES))])
    if choices:
        for one in outcomes:
            print(
                *one.task,
                one.labelled,
                one.hidden,
                *one.choice,
                f"{100 * one.regret:.1f}",
                *one.best,
            )
    for count in counts:
        chosen = Counter(" ".join(one.choice).strip() for one in outcomes if one.labelled == count)
        print(f"\nChosen with {count} labelled: {dict(chosen.most_common())}")


def line(name: str, outcomes: list[Outcome], counts: list[int]) -> None:
    """A row of the table; the worst is the largest regret."""
    cells = []
    for count in counts:
        found = [one for one in outcomes if one.labelled == count]
        if not found:
            cells.append(" | | ")
            continue
        auroc = sum(one.auroc for one in found) / len(found)
        regret = sum(one.regret for one in found) / len(found)
        worst = max(one.regret for one in found)
        cells.append(f" {100 * auroc:.1f} | {100 * regret:.1f} | {100 * worst:.1f} ")
    print(f"| {name} |" + "|".join(cells) + "|")


def _group(one: Measured) -> tuple[str, bool]:
    return one.kind, bool(one.exposure)


if __name__ == "__main__":
    main()
