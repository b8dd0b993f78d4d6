"""Choose the settings of `auto` and `pu_bagging` by leaving tables out.

    python experiments/scarce/choose.py compute --data-dir DATA --scores SCORES
    python experiments/scarce/choose.py choose --scores SCORES

The first command fits every candidate part once for each split and stores its scores of the test
rows. The second compares combinations of the stored scores. For each table, settings are chosen on
the tables that do not come from the same source, by the mean of AUROC and average precision, and
measured on that table; the result is `results/choose.csv`. Tables of the list OUTSIDE take no part
in any choice.
"""

import argparse
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

import jaxad
from jaxad.detectors.classical.auto import fit_surprise
from jaxad.detectors.classical.outlier_scores import fit_again, fit_outlier_scores
from jaxad.detectors.classical.pu_bagging import Bags, fit_bags, join_inputs, vote
from jaxad.detectors.classical.tails import fit_histograms
from jaxad.utils.files import write_atomically

HERE = Path(__file__).parent
TABLES = tomllib.loads((HERE / "tables.toml").read_text())["datasets"]
TEXTURES = "bottle cable capsule carpet grid hazelnut leather metal_nut pill screw tile toothbrush"
OUTSIDE = [
    *("CIFAR10_0", "SVHN_8", "20news_3", "arrhythmia_odds"),
    *(f"MVTec-AD_{name}" for name in f"{TEXTURES} transistor wood zipper".split()),
]
SOURCES = {  # tables that are drawn from the same source are left out together
    "thyroid": "annthyroid",
    "satimage-2": "satellite",
    "Cardiotocography": "cardio",
    "WDBC": "WBC",
    "breastw": "WBC",
}
KINDS = ("forest", "neighbours", "gaussian", "histograms")
ALONE = {"forest": "iforest", "neighbours": "knn, mean of 10", "histograms": "hbos"}
LABELLED = (1, 5, 50)
BAGS = {  # what differs from the defaults: 20 rows and 2 for each label, trees of any depth
    "default": {},
    "10 rows": {"unlabelled": 10, "ratio": 1.0},
    "40 rows": {"unlabelled": 40, "ratio": 4.0},
    "depth 3": {"depth": 3},
}
Scores = dict[str, np.ndarray]
Means = dict[str, np.ndarray]  # of AUROC and average precision of each table, in %


def main() -> None:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("compute", "choose"))
    parser.add_argument("--scores", type=Path, required=True, help="folder of stored scores")
    parser.add_argument("--data-dir", type=Path, help="folder of datasets")
    parser.add_argument("--tables", nargs="+", default=[*TABLES, *OUTSIDE])
    options = parser.parse_args()
    if options.command == "choose":
        write_choices(options.scores)
        return
    options.scores.mkdir(exist_ok=True)
    for name in options.tables:
        for labelled in (0, *LABELLED):
            for seed in range(count_seeds(name, labelled)):
                path = options.scores / f"{name}.{labelled}.{seed}.npz"
                if not path.exists() and (split := draw(name, labelled, seed, options.data_dir)):
                    np.savez(path, **compute_scores(split, labelled, seed))


def count_seeds(name: str, labelled: int) -> int:
    """Return how many splits of a table are drawn."""
    if name in OUTSIDE:
        return int(labelled < 50)
    return 2 if labelled else 3


def draw(
    name: str, labelled: int, seed: int, data_dir: Path, most: int | None = None
) -> jaxad.Split | None:
    """Draw a split of at most `most` rows of a table; None if it has too few anomalies."""
    data = jaxad.load_dataset(name, data_dir=data_dir)
    most = most or (2000 if name in OUTSIDE else 3000)
    if len(data.x) > most:
        kept = np.sort(np.random.default_rng(0).permutation(len(data.x))[:most])
        data = replace(data, x=data.x[kept], y=data.y[kept])
    asked = {"contamination": 0.1, "labelled_anomalies": labelled, "few_anomalies": "own"}
    try:
        return jaxad.contaminate(data, seed, **asked)
    except jaxad.errors.DataError as error:
        print(f"{name}, {labelled} labelled: {error}")
        return None


def compute_scores(split: jaxad.Split, labelled: int, seed: int) -> Scores:
    """Return the scores of the test rows by each candidate part, and how rare they are."""
    x, label = np.asarray(split.train.x, float), np.asarray(split.train.label)
    test, others = np.asarray(split.test.x, float), label >= 0
    found: Scores = {"y": np.asarray(split.test.label)}

    def add(name: str, of_training: np.ndarray, of_test: np.ndarray) -> None:
        found[f"score {name}"] = of_test.astype(np.float32)
        rare = fit_surprise(of_training[others])(of_test)
        found[f"rare {name}"] = rare.astype(np.float32)

    inputs = {"rows": (x, test)}
    for refits in (0, 2):
        again = {"reject": 0.2, "refits": refits}
        fit = fit_outlier_scores(x[others], seed, neighbours=10, reference=4096, **again)
        histograms = fit_again(fit_histograms, x[others], **again)
        scores = fit(x), fit(test)
        of_training, of_test = (
            np.column_stack([three, histograms(rows)])
            for three, rows in zip(scores, (x, test), strict=True)
        )
        for place, kind in enumerate(KINDS):
            if not refits or kind != "forest":
                add(f"{kind}, {refits} refits", of_training[:, place], of_test[:, place])
        inputs[f"{refits} refits"] = join_inputs(x, scores[0]), join_inputs(test, scores[1])
    for name, score in fit_rivals(split, labelled, seed).items():
        found[f"score {name}"] = score.astype(np.float32)
    if labelled:
        for given, (of_training, of_test) in inputs.items():
            for name, settings in BAGS.items() if given == "0 refits" else [("default", {})]:
                for members in (50, 150):
                    bags = fit_bags(of_training, label, Bags(members=members, **settings), seed)
                    votes = vote(bags.trees, of_training), vote(bags.trees, of_test)
                    add(f"bags, {given}, {name}, {members}", *votes)
    return found


def fit_rivals(split: jaxad.Split, labelled: int, seed: int) -> Scores:
    """Return the scores of the test rows by the detectors that `auto` does not contain."""
    names = ("random_forest",) if labelled else ("dte_np", "ecod")
    made = {name: jaxad.make(name, split.train) for name in names}
    fitted = {name: jaxad.fit(one, split.train, key=seed) for name, one in made.items()}
    return {name: jaxad.score(one, split.test)[0] for name, one in fitted.items()}


def write_choices(folder: Path) -> None:
    """Choose with each table left out, and on all tables, and write the csv file."""
    stored = {count: read_scores(folder, TABLES, count) for count in (0, *LABELLED)}
    lines = []
    without = {describe(c): c for c in list_parts()}
    bags = [name[6:] for name in next(iter(stored[1].values())) if name.startswith("score bags")]
    rules = [(share, power) for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6) for power in (0.5, 1.0)]

    parts = {name: measure(stored[0], mean_of(c)) for name, c in without.items()}
    chosen = leave_out([parts])
    bag_means = [
        {name: measure(stored[count], lambda s, n=name: s[f"score {n}"]) for name in bags}
        for count in LABELLED
    ]
    bag_choice = leave_out(bag_means)
    blends: dict[tuple[str, str], list[dict]] = {}

    def blend(part: str, bag: str) -> list[dict]:
        if (part, bag) not in blends:
            blends[part, bag] = [
                {rule: measure(stored[n], weigh(without[part], bag, n, *rule)) for rule in rules}
                for n in LABELLED
            ]
        return blends[part, bag]

    def choose_rules(choice: dict[str, str]) -> dict[str, tuple[float, float]]:
        return {t: leave_out(blend(choice[t], bag_choice[t]))[t] for t in choice}

    def tell(what: str, count: int, how: str, values: Means, setting: str) -> None:
        auroc, auprc = np.mean(list(values.values()), axis=0).round(1).tolist()
        lines.append([what, count, how, len(values), auroc, auprc, setting])

    def report(what: str, count: int, each: Callable[[str], Means], names: dict) -> None:
        left = {table: each(table)[table] for table in each("all")}
        kinds = pd.Series([names[table] for table in left]).value_counts()
        text = "; ".join(f"{name} ({number})" for name, number in kinds.items())
        tell(what, count, "left out", left, text)
        tell(what, count, "all tables", each("all"), names["all"])

    report("auto", 0, lambda table: parts[chosen[table]], chosen)
    whole = {name: means for name, means in parts.items() if len(without[name]) == len(KINDS)}
    times = leave_out([whole])
    report("auto, of all four parts", 0, lambda table: parts[times[table]], times)
    nested = {name: parts[name] for name in map(describe, list_nested())}
    size = leave_out([nested])
    report("auto, of nested sets", 0, lambda table: parts[size[table]], size)
    choices = {"auto": chosen, "auto, of nested sets": size}
    chosen_rules = {what: choose_rules(choice) for what, choice in choices.items()}
    for i, count in enumerate(LABELLED):
        report("pu_bagging", count, lambda t, i=i: bag_means[i][bag_choice[t]], bag_choice)
        for what, choice in choices.items():
            weights = chosen_rules[what]
            named = {t: "{:.1f} / labels^{}".format(*rule) for t, rule in weights.items()}

            def of_blend(table: str, i: int = i, choice=choice, weights=weights) -> Means:
                return blend(choice[table], bag_choice[table])[i][weights[table]]

            report(what, count, of_blend, named)
        for name in bags:
            tell("pu_bagging", count, "setting", bag_means[i][name], name)
    best, bag = without[size["all"]], bag_choice["all"]
    rule = chosen_rules["auto, of nested sets"]["all"]
    for group, names in (("tables", TABLES), ("outside", OUTSIDE)):
        for count in (0, 1, 5):
            found = stored[count] if group == "tables" else read_scores(folder, names, count)
            rivals = {ALONE.get(kind, kind): f"{kind}, 0 refits" for kind in KINDS}
            rivals |= {"dte_np": "dte_np", "ecod": "ecod"}
            if count:
                rivals = {"iforest": "forest, 0 refits", "random_forest": "random_forest"}
            for name, key in rivals.items():
                values = measure(found, lambda s, key=key: s[f"score {key}"])
                tell(name, count, group, values, "default")
            if group == "outside":
                score = weigh(best, bag, count, *rule) if count else mean_of(best)
                values = measure(found, score)
                tell("auto, as with few columns", count, group, values, "chosen on all tables")
                if count:
                    values = measure(found, lambda s, bag=bag: s[f"score {bag}"])
                    tell("pu_bagging", count, group, values, "chosen on all tables")
    columns = ["detector", "labelled", "tables", "number", "auroc", "auprc", "setting"]
    with write_atomically(HERE / "results" / "choose.csv") as partial:
        pd.DataFrame(lines, columns=columns).to_csv(partial, index=False)


def list_parts() -> Iterator[tuple[str, ...]]:
    """Yield the candidate sets of parts without labels."""
    for count in range(1, len(KINDS) + 1):
        for kinds in combinations(KINDS, count):
            for refits in (0, 2):
                yield tuple(f"{kind}, {refits * (kind != 'forest')} refits" for kind in kinds)


def list_nested() -> Iterator[tuple[str, ...]]:
    """Yield the forest alone, and with one to three further parts, fitted again."""
    for count in range(1, len(KINDS) + 1):
        yield tuple(f"{kind}, {2 * (kind != 'forest')} refits" for kind in KINDS[:count])


def describe(parts: tuple[str, ...]) -> str:
    """Return the name of a set of parts."""
    return " + ".join(part.replace(", 0 refits", "").replace(", 2 refits", "*") for part in parts)


def mean_of(parts: tuple[str, ...]) -> Callable[[Scores], np.ndarray]:
    """Return the mean of how rare the scores of parts are."""
    return lambda scores: np.mean([scores[f"rare {part}"] for part in parts], axis=0)


def weigh(
    parts: tuple[str, ...], bags: str, labelled: int, share: float, power: float
) -> Callable[[Scores], np.ndarray]:
    """Return the score of bags and parts, these with the weight share / labelled^power."""
    weight, without = share / labelled**power, mean_of(parts)
    return lambda scores: (1 - weight) * scores[f"rare {bags}"] + weight * without(scores)


def read_scores(folder: Path, names: list[str], labelled: int) -> dict[tuple[str, int], Scores]:
    """Read the stored scores of each table and seed."""
    paths = [(name, path) for name in names for path in folder.glob(f"{name}.{labelled}.*.npz")]
    return {(name, int(path.name.split(".")[-2])): dict(np.load(path)) for name, path in paths}


def measure(stored: dict[tuple[str, int], Scores], score: Callable[[Scores], np.ndarray]) -> Means:
    """Return the mean AUROC and average precision over the seeds of each table, in %."""
    found: dict[str, list] = {}
    for (table, _), scores in stored.items():
        y, values = scores["y"], score(scores)
        pair = roc_auc_score(y, values), average_precision_score(y, values)
        found.setdefault(table, []).append(pair)
    return {table: 100 * np.mean(pairs, axis=0) for table, pairs in found.items()}


def leave_out(measured: list[dict]) -> dict:
    """Return the choice for each table, made on those of other sources, and for "all".

    Args:
        measured: For each number of labels, the `Means` of each candidate.
    """
    choice = {}
    for table in [*TABLES, "all"]:
        source = SOURCES.get(table, table)
        totals = {
            name: sum(
                np.mean([v for t, v in means[name].items() if SOURCES.get(t, t) != source])
                for means in measured
            )
            for name in measured[0]
        }
        choice[table] = max(totals, key=lambda name: totals[name])
    return choice


if __name__ == "__main__":
    main()
