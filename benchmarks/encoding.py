"""Time the encoding of tables: numbers as text and typed, and with ten categorical columns.

    python benchmarks/encoding.py [rows]

Prints the fastest of five encodings, also by scikit-learn's transformers for comparison, and the
ratio of the two. Reading the file is not part of it.
"""

import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa

from jaxad.data.tables.encoding import fit_encoding

COLUMNS, CATEGORICAL, TRAINING = 30, 10, 20_000


def make_frame(rows, categorical):
    rng = np.random.default_rng(0)
    numbers = {f"f{i}": rng.normal(size=rows) for i in range(COLUMNS - categorical)}
    words = np.array([f"word{i}" for i in range(12)], object)
    return pd.DataFrame(numbers | {f"c{i}": rng.choice(words, rows) for i in range(categorical)})


def fit_transformers(frame):
    """Fit the median of numbers and the one-hot encoding of categories by scikit-learn."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    words = [name for name in frame.columns if name[0] == "c"]
    numbers = [name for name in frame.columns if name[0] == "f"]
    impute = SimpleImputer(strategy="median", add_indicator=True)
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = [("numbers", impute, numbers), ("words", encode, words)]
    return ColumnTransformer(parts, sparse_threshold=0).fit(frame)


def measure(run):
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for categorical in (0, CATEGORICAL):
        frame = make_frame(rows, categorical)
        table = pa.Table.from_pandas(frame)
        text = table.cast(pa.schema([(name, pa.string()) for name in table.column_names]))
        encoding = fit_encoding(table.slice(0, TRAINING))
        transformer = fit_transformers(frame.iloc[:TRAINING])
        before = measure(lambda f=frame, t=transformer: t.transform(f))
        title = f"{rows} rows, {COLUMNS - categorical} numbers, {categorical} categoricals"
        print(f"{title}: scikit-learn {before:.2f} s")
        for name, given in (("typed", table), ("text", text)):
            seconds = measure(lambda g=given, e=encoding: e.apply(g))
            print(f"  {name}: {seconds:.2f} s, ratio {seconds / before:.2f}")


if __name__ == "__main__":
    main()
