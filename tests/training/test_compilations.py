"""A study is one program: what differs in numbers alone is compiled once."""

import jax
import numpy as np
import pytest

import jaxad
from jaxad.utils.timing import count_compilations

SETTINGS = {"epochs": 1, "pretrain_epochs": 1}


def cell(name, data, key=0, *, make=SETTINGS, **split):
    """One cell of a study, from the split to the metrics' input."""
    split = jaxad.contaminate(data, key, seeds=10, **split)
    fit = jaxad.fit(jaxad.make(name, split.train, **make), split.train)
    return jaxad.score(fit, split.test)


@pytest.mark.slow
def test_ten_seeds_of_five_contaminations_of_ten_classes_compile_once():
    digits = jaxad.load_dataset("digits")
    ratios = (0.0, 0.01, 0.05, 0.1, 0.2)

    def run(normal_class, ratio):
        return cell(
            "deep_sad",
            digits,
            jax.random.key(normal_class),
            normal_class=normal_class,
            contamination=ratio,
            labelled_anomalies=5,
        )

    first = run(0, ratios[0])
    before = count_compilations()
    scores = [run(c, ratio) for c in range(10) for ratio in ratios]
    assert count_compilations() == before
    np.testing.assert_array_equal(scores[0], first)
    assert all(np.isfinite(s).all() and s.shape == first.shape for s in scores)


@pytest.mark.parametrize("name", ["elite_deep_svdd", "elite_autoencoder"])
def test_ten_seeds_of_five_contaminations_of_elite_compile_once(name):
    """The meta-gradient takes a fixed number of labelled rows, whatever the others are."""
    digits = jaxad.load_dataset("digits")

    def run(ratio):
        request = {"contamination": ratio, "labelled_anomalies": 5, "labelled_normals": 5}
        return cell(name, digits, jax.random.key(0), make={"epochs": 2}, normal_class=0, **request)

    first = run(0.01)
    before = count_compilations()
    scores = [run(ratio) for ratio in (0.0, 0.05, 0.1, 0.2)]
    assert count_compilations() == before
    assert all(not np.array_equal(s, first) for s in scores)


def test_data_sets_of_one_bucket_share_every_program_and_so_do_deep_sad_and_deep_svdd():
    """Wine has 13 columns and breast_cancer 30; other numbers of rows, batches and steps."""
    wine = {"normal_class": 1, "labelled_anomalies": 4}
    cell("deep_sad", "wine", **wine)
    before = count_compilations()
    cell("deep_sad", "breast_cancer", labelled_anomalies=9)
    cell("deep_svdd", "breast_cancer", labelled_anomalies=9)
    cell("deep_svdd", "wine", **wine)
    cell("deep_sad", "wine", **wine | {"make": SETTINGS | {"eta": 9.0, "epochs": 3}})
    assert count_compilations() == before


def test_a_few_more_rows_compile_nothing_and_another_width_does(toy_of, quick):
    def run(rows, **config):
        train = toy_of(rows=rows).train
        fit = jaxad.fit(quick("deep_sad", train, epochs=1, pretrain_epochs=1, **config), train)
        return jaxad.score(fit, train.x)

    run(160)
    before = count_compilations()
    for rows in (161, 200, 333):
        run(rows)
    assert count_compilations() == before
    run(160, widths=(9, 4))
    assert count_compilations() > before  # the count counts


@pytest.mark.parametrize("name", ["anoonly_devnet", "prenet"])
def test_balanced_batches_share_programs_whatever_the_rows_and_labels(toy_of, quick, name):
    def run(rows, labelled, **config):
        train = toy_of(rows=rows, labelled=labelled).train
        fit = jaxad.fit(quick(name, train, **config), train, seeds=2)
        return jaxad.score(fit, train.x)

    run(160, 12)
    before = count_compilations()
    for rows, labelled in ((161, 12), (200, 3), (333, 40)):
        run(rows, labelled)
    run(160, 12, steps=3, epochs=2)
    assert count_compilations() == before
