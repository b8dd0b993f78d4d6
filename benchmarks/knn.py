"""Measure the time of the detector knn as a ratio to scikit-learn's NearestNeighbors.

    python benchmarks/knn.py

Both fit 10,000 x 30 rows and find the 5 nearest neighbours of each of them. The fastest of several
runs is taken, because other work on the machine can only add time; compiling is not counted.
"""

import time

import numpy as np
from sklearn.neighbors import NearestNeighbors

import jaxad

ROWS, COLUMNS, NEIGHBOURS, RUNS = 10_000, 30, 5, 7


def measure(run):
    """Return the result of a function and the least seconds that it takes."""
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


def main():
    """Print both times and their ratio."""
    x = np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(np.float32)
    train = jaxad.as_train_data(x)
    detector = jaxad.make("knn", train, neighbours=NEIGHBOURS)

    def fit_and_score():
        return jaxad.score(jaxad.fit(detector, train), x)[0]

    def fit_and_find():
        rows = x.astype(np.float64)
        return NearestNeighbors(n_neighbors=NEIGHBOURS).fit(rows).kneighbors()[0][:, -1]

    ours, seconds = measure(fit_and_score)
    theirs, reference = measure(fit_and_find)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    print(f"knn {seconds:.2f} s, scikit-learn {reference:.2f} s, ratio {seconds / reference:.2f}")


if __name__ == "__main__":
    main()
