"""Tables 3.3, 3.5 and 3.6 of the thesis of Ruff (2021) on Reuters: sizes and top words.

    python experiments/deep_one_class_thesis/table_3_5.py DATA_DIR [--classes ship trade]
        [--page page.html]

Trains CVDD with three contexts on the training texts of each class. Prints the number of texts, the
ten words with the highest attention of each context in the 25 training texts nearest to it, and the
AUROC with that of the best single context, an oracle that uses the labels.
"""

import argparse
from pathlib import Path

import jaxad
from jaxad.explain.text import attention_page, oracle_auroc, top_words


def main() -> None:
    """Train on each class and print its results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_dir", help="folder with reuters7.jsonl.gz and the vectors")
    parser.add_argument("--vectors", default="glove100_subset.npz")
    parser.add_argument("--classes", nargs="+")
    parser.add_argument("--contexts", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--page", type=Path, help="write an HTML page of the first class's texts")
    options = parser.parse_args()
    data = jaxad.load_dataset("reuters7", data_dir=options.data_dir)
    settings = {"contexts": options.contexts, "epochs": options.epochs}
    for name in options.classes or data.class_names:
        split = jaxad.contaminate(data, 0, normal_class=name, contamination=0.0)
        detector = jaxad.make("cvdd", split.train, vectors=options.vectors, **settings)
        fit = jaxad.fit(detector, split.train)
        auroc = jaxad.evaluate(fit, split.test).auroc.mean
        oracle = oracle_auroc(fit, split.test).mean
        normal = int((split.test.label == 0).sum())
        print(
            f"{name}: {len(split.train.x)} training texts, {normal} of {len(split.test.x)} test "
            f"texts normal; AUROC {100 * auroc:.1f}, best context (oracle) {100 * oracle:.1f}"
        )
        for k, words in enumerate(top_words(fit, split.train.x, stop_words=frozenset())):
            print(f"  {k + 1}: {', '.join(word for word, _ in words)}", flush=True)
        if options.page is not None:
            texts = [" ".join(words) for words in data.vocabulary.decode(split.test.x[::20])]
            options.page.write_text(attention_page(fit, texts, title=f"Reuters, {name}"))
            options.page = None


if __name__ == "__main__":
    main()
