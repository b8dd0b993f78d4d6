"""Evaluate the choices of `jaxad recommend` by leaving out one dataset at a time.

    python experiments/recommend/held_out.py [--results RESULTS]

For each kind of example and number of labels, prints the mean AUROC in % of the detector that each
rule chooses from the results of the other datasets, and its regret: the difference to the best
detector in hindsight. Then prints the five best detectors of each situation over all datasets.
"""

import argparse
from itertools import groupby, product
from pathlib import Path

from jaxad.recommendation import Measurement, Situation, label_detector, read_measurements
from jaxad.recommendation.held_out import RULES, Outcome, always, leave_sets_out
from jaxad.recommendation.rules import rank_detectors, select_nearest

ALWAYS = [
    ("auto", ""),
    ("pu_bagging", ""),
    ("iforest", ""),
    ("ocsvm", ""),
    ("deep_svdd", ""),
    ("deep_sad", ""),
    ("random_forest", ""),
]


def main() -> None:
    """Print a table for each kind of example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, help="file of results; by default that of jaxad")
    parser.add_argument("--choices", action="store_true", help="print each choice of the rule")
    options = parser.parse_args()
    measured = sorted(read_measurements(options.results), key=_group)
    for (kind, exposure), rows in groupby(measured, key=_group):
        about(f"{kind}{', exposure' * exposure}", list(rows), options.choices)


def about(title: str, measured: list[Measurement], choices: bool) -> None:
    """Print the tables of one kind of example."""
    tasks, settings = {one.task for one in measured}, {one.choice for one in measured}
    print(f"\n{title}: {len(tasks)} tasks, {len(settings)} detectors, {len(measured)} results\n")
    counts = sorted({one.labelled for one in measured})
    if len(tasks) > 1:
        rules(measured, counts, choices)
    print("\n| labelled | hidden | the first five, mean AUROC |\n|---|---|---|")
    for count, share in product(counts, sorted({one.hidden for one in measured})):
        best(measured, count, share)


def rules(measured: list[Measurement], counts: list[int], choices: bool) -> None:
    """Print a row for each rule."""
    print("| rule |" + "".join(f" {n} labelled: AUROC | regret | worst |" for n in counts))
    print("|" + "---|" * (3 * len(counts) + 1))
    for name, rule in RULES.items():
        line(name, leave_sets_out(measured, rule), counts)
    for detector, setting in ALWAYS:
        line(f"always {detector}", leave_sets_out(measured, always(detector, setting)), counts)
    if choices:
        for one in leave_sets_out(measured, RULES[next(iter(RULES))]):
            print(
                *one.task,
                one.labelled,
                one.hidden,
                *one.choice,
                f"{100 * one.regret:.1f}",
                *one.best,
            )


def best(measured: list[Measurement], labelled: int, hidden: float) -> None:
    """Print a row with the five best detectors of a situation."""
    situation = Situation(
        kind=measured[0].kind,
        labelled_anomalies=labelled,
        contamination=hidden,
        exposure=bool(measured[0].exposure),
    )
    ranked = rank_detectors(select_nearest(measured, situation, enough=1))[:5]
    shown = ", ".join(f"{label_detector(one)} {100 * one.auroc:.1f}" for one in ranked)
    print(f"| {labelled} | {100 * hidden:.0f} % | {shown} |")


def line(name: str, outcomes: list[Outcome], counts: list[int]) -> None:
    """Print a row of the table; `worst` is the largest regret."""
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


def _group(one: Measurement) -> tuple[str, bool]:
    return one.kind, bool(one.exposure)


if __name__ == "__main__":
    main()
