"""Evaluate the choices of `jaxad recommend` by leaving out one dataset at a time.

    python experiments/recommend/held_out.py [--results RESULTS] [--out FOLDER]

For each kind of example and number of labels, computes the mean AUROC in % of the detector that
each rule chooses from the results of the other datasets, and its regret: the difference to the best
detector in hindsight. Prints them, and the five best detectors of each situation over all datasets,
and writes `held_out_KIND.csv` and `first_five.csv` to the folder: by default `results` beside this
script. A column such as "regret 10" has the regret with 10 labelled anomalies.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from itertools import groupby, product
from pathlib import Path

from jaxad.recommendation import Measurement, Situation, label_detector, read_measurements
from jaxad.recommendation.held_out import RULES, Outcome, always, leave_sets_out
from jaxad.recommendation.rules import rank_detectors, select_nearest

HERE = Path(__file__).parent
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
    """Write a table for each kind of example, and one of the best detectors."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, help="file of results; by default that of jaxad")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--choices", action="store_true", help="print each choice of the rule")
    options = parser.parse_args()
    measured = sorted(read_measurements(options.results), key=_group)
    found: list[list[str]] = []
    for (kind, exposure), group in groupby(measured, key=_group):
        rows, name = list(group), kind + "_exposure" * exposure
        tasks, settings = {one.task for one in rows}, {one.choice for one in rows}
        print(f"\n{name}: {len(tasks)} tasks, {len(settings)} detectors, {len(rows)} results\n")
        counts = sorted({one.labelled for one in rows})
        if len(tasks) > 1:
            head = [
                "rule",
                *(f"{part} {n}" for n in counts for part in ("AUROC", "regret", "worst")),
            ]
            write(options.out / f"held_out_{name}.csv", [head, *compare_rules(rows, counts)])
            if options.choices:
                print_choices(rows)
        for count, share in product(counts, sorted({one.hidden for one in rows})):
            best = list_best(rows, count, share)
            found.append([name, str(count), f"{100 * share:.0f} %", best])
    write(options.out / "first_five.csv", [["kind", "labelled", "hidden", "mean AUROC"], *found])


def compare_rules(measured: list[Measurement], counts: list[int]) -> Iterator[list[str]]:
    """Yield a line for each rule, with these numbers of labels."""
    for name, rule in RULES.items():
        yield [name, *summarise(leave_sets_out(measured, rule), counts)]
    for detector, setting in ALWAYS:
        outcomes = leave_sets_out(measured, always(detector, setting))
        if outcomes:
            yield [f"always {detector}", *summarise(outcomes, counts)]


def summarise(outcomes: list[Outcome], counts: list[int]) -> Iterator[str]:
    """Yield AUROC, regret and the largest regret in % for each number of labels."""
    for count in counts:
        found = [one for one in outcomes if one.labelled == count]
        if not found:
            yield from ("", "", "")
            continue
        auroc = sum(one.auroc for one in found) / len(found)
        regret = sum(one.regret for one in found) / len(found)
        worst = max(one.regret for one in found)
        yield from (f"{100 * number:.1f}" for number in (auroc, regret, worst))


def list_best(measured: list[Measurement], labelled: int, hidden: float) -> str:
    """Return the five best detectors of a situation."""
    situation = Situation(
        kind=measured[0].kind,
        labelled_anomalies=labelled,
        contamination=hidden,
        exposure=bool(measured[0].exposure),
    )
    ranked = rank_detectors(select_nearest(measured, situation, enough=1))[:5]
    return ", ".join(f"{label_detector(one)} {100 * one.auroc:.1f}" for one in ranked)


def print_choices(measured: list[Measurement]) -> None:
    """Print what the rule chooses on each data set."""
    for one in leave_sets_out(measured, RULES["the rule"]):
        where = (*one.task, one.labelled, one.hidden)
        print(*where, *one.choice, f"{100 * one.regret:.1f}", *one.best)


def write(path: Path, lines: Sequence[Sequence[str]]) -> None:
    """Print lines, and write them to a csv file."""
    print(*map(" | ".join, lines), sep="\n")
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def _group(one: Measurement) -> tuple[str, bool]:
    return one.kind, bool(one.exposure)


if __name__ == "__main__":
    main()
