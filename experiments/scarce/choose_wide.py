"""Choose what `auto` does with many columns, by leaving sources of tables out.

    python experiments/scarce/choose_wide.py --data-dir DATA --scores SCORES

SCORES is the folder that `choose.py compute` has filled. Each candidate changes the parts without
labels for tables that are wide in some sense. For each source, all textures of MVTec-AD being one,
the candidate with the highest mean of AUROC and average precision over the other sources is chosen,
without labels, and measured on the tables of that source. The result is `results/wide.csv`.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from choose import (
    HERE,
    KINDS,
    OUTSIDE,
    SOURCES,
    TABLES,
    Means,
    mean_of,
    measure,
    read_scores,
    weigh,
)

import jaxad
from jaxad.utils.files import write_atomically

AGAIN = tuple(f"{kind}, {2 * (kind != 'forest')} refits" for kind in KINDS)
ONCE = tuple(f"{kind}, 0 refits" for kind in KINDS)
PARTS = {
    "four parts fitted once": ONCE,
    "forest, neighbours and Gaussian fitted once": ONCE[:3],
    "forest, neighbours and Gaussian fitted again": AGAIN[:3],
}
WIDE: dict[str, Callable[[int, int], bool]] = {
    "50 columns": lambda rows, columns: columns >= 50,
    "100 columns": lambda rows, columns: columns >= 100,
    "300 columns": lambda rows, columns: columns >= 300,
    "a column for 10 rows": lambda rows, columns: rows <= 10 * columns,
    "a column for 2 rows": lambda rows, columns: rows <= 2 * columns,
}
CHOSEN = ("100 columns", "forest, neighbours and Gaussian fitted once")
BLEND = ("bags, {} refits, default, 150", 0.4, 1.0)


def main() -> None:
    """Choose, and write the csv file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of datasets")
    parser.add_argument("--scores", type=Path, required=True, help="folder of stored scores")
    options = parser.parse_args()
    names = [*TABLES, *OUTSIDE]
    shapes = {name: find_shape(name, options.data_dir) for name in names}
    found = read_scores(options.scores, names, 0)
    means = {parts: measure(found, mean_of(parts)) for parts in (AGAIN, *PARTS.values())}
    rules: dict[tuple[str, str], Means] = {
        ("none", "as for all tables"): means[AGAIN],
        **{
            (wide, parts): {
                name: means[PARTS[parts] if is_wide(*shapes[name]) else AGAIN][name]
                for name in names
            }
            for wide, is_wide in WIDE.items()
            for parts in PARTS
        },
    }
    source = {name: "MVTec-AD" if name.startswith("MVTec") else SOURCES.get(name, name)
              for name in names}  # fmt: skip
    chosen = {one: choose(rules, source, one) for one in [*set(source.values()), "none"]}
    left = {name: rules[chosen[source[name]]][name] for name in names}
    lines = []

    def tell(labelled: int, rule: tuple[str, str], values: Means) -> None:
        for group, some in (("tables", TABLES), ("outside", OUTSIDE)):
            known = [values[name] for name in some if name in values]
            if known:
                auroc, auprc = np.mean(known, axis=0).round(1).tolist()
                lines.append([*rule, labelled, group, len(known), auroc, auprc])

    for rule, values in rules.items():
        tell(0, rule, values)
    kinds = pd.Series([" : ".join(chosen[one]) for one in set(source.values())]).value_counts()
    text = "; ".join(f"{name} ({number})" for name, number in kinds.items())
    tell(0, ("left out", text), left)
    tell(0, ("all", "a Gaussian alone, fitted once"), measure(found, mean_of(ONCE[2:3])))
    for labelled in (1, 5):
        some = read_scores(options.scores, OUTSIDE, labelled)
        for rule, parts, refits in (
            (("none", "as for all tables"), AGAIN, 2),
            (CHOSEN, PARTS[CHOSEN[1]], 0),
        ):
            score = weigh(parts, BLEND[0].format(refits), labelled, *BLEND[1:])
            tell(labelled, rule, measure(some, score))
    columns = ["wide from", "parts", "labelled", "tables", "number", "auroc", "auprc"]
    with write_atomically(HERE / "results" / "wide.csv") as partial:
        pd.DataFrame(lines, columns=columns).to_csv(partial, index=False)


def find_shape(name: str, data_dir: Path) -> tuple[int, int]:
    """Return about how many unlabelled training rows of a table there are, and its columns."""
    data = jaxad.load_dataset(name, data_dir=data_dir)
    rows, columns = data.x.shape
    used = min(rows, 2000 if name in OUTSIDE else 3000)
    return round(0.6 * used * float(1 - np.mean(data.y))), columns


def choose(rules: dict, source: dict[str, str], left: str) -> tuple[str, str]:
    """Return the rule with the highest mean over the sources but one."""

    def average(values: Means) -> float:
        totals = pd.Series({name: value.mean() for name, value in values.items()})
        each = totals.groupby(totals.index.map(source)).mean()
        return float(each.drop(left, errors="ignore").mean())

    return max(rules, key=lambda rule: average(rules[rule]))


if __name__ == "__main__":
    main()
