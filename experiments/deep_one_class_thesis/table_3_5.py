"""Tables 3.3, 3.5 and 3.6 of the thesis of Ruff (2021) on Reuters: sizes and top words.

    python experiments/deep_one_class_thesis/table_3_5.py DATA_DIR [--classes ship trade]
        [--out results/table_3_5.csv] [--page page.html]

Trains CVDD with three contexts on the training texts of each class. Prints the number of texts, the
ten words with the highest attention of each context in the 25 training texts nearest to it, and the
AUROC with that of each context alone. The highest of these is an oracle, as it uses the labels.
--out writes the AUROCs, in %, and the first six words of each context to a csv file.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import jaxad
from jaxad.evaluation.metrics import compute_metrics
from jaxad.explain.text import attention_page, context_distances, top_words

WORDS = 6  # of each context in the csv file


def main() -> None:
    """Train on each class, and print and write its results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_dir", help="folder with reuters7.jsonl.gz and the vectors")
    parser.add_argument("--vectors", default="glove100_subset.npz")
    parser.add_argument("--classes", nargs="+")
    parser.add_argument("--contexts", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--out", type=Path, help="write the results to this csv file")
    parser.add_argument("--page", type=Path, help="write an HTML page of the first class's texts")
    options = parser.parse_args()
    data = jaxad.load_dataset("reuters7", data_dir=options.data_dir)
    settings = {"contexts": options.contexts, "epochs": options.epochs}
    rows = []
    for name in options.classes or data.class_names:
        split = jaxad.contaminate(data, 0, normal_class=name, contamination=0.0)
        detector = jaxad.make("cvdd", split.train, vectors=options.vectors, **settings)
        fit = jaxad.fit(detector, split.train)
        rows.append(describe(name, fit, split))
        if options.page is not None:
            texts = [" ".join(words) for words in data.vocabulary.decode(split.test.x[::20])]
            options.page.write_text(attention_page(fit, texts, title=f"Reuters, {name}"))
            options.page = None
    if options.out is not None:
        with options.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def describe(name: str, fit: jaxad.Fit, split: jaxad.Split) -> dict[str, str]:
    """Print the results of a class, and return its row of the csv file."""
    auroc = jaxad.evaluate(fit, split.test).auroc.mean
    distances = context_distances(fit, split.test.x)[0]
    alone = compute_metrics(distances.T, split.test.label)["auroc"]
    normal = int((split.test.label == 0).sum())
    print(
        f"{name}: {len(split.train.x)} training texts, {normal} of {len(split.test.x)} test "
        f"texts normal; AUROC {100 * auroc:.1f}, best context (oracle) {100 * max(alone):.1f}"
    )
    words = top_words(fit, split.train.x, stop_words=frozenset())
    texts = [", ".join(word for word, _ in of_context) for of_context in words]
    for k, (text, of_context) in enumerate(zip(texts, alone, strict=True)):
        print(f"  {k + 1}, {100 * of_context:.1f}: {text}", flush=True)
    first = [" ".join(word for word, _ in of_context[:WORDS]) for of_context in words]
    best = int(np.argmax(alone))
    return {
        "class": name,
        "AUROC": f"{100 * auroc:.1f}",
        "best context": f"{100 * alone[best]:.1f}",
        "its top words": first.pop(best),
        "top words of the others": " · ".join(first),
    }


if __name__ == "__main__":
    main()
