"""Significance against peers and by hand, and pictures that show what they should."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import friedmanchisquare, rankdata

from jaxad.errors import DataError
from jaxad.report import (
    compare_detectors,
    draw_table_pictures,
    plot_audit_curves,
    plot_critical_difference,
    plot_curves,
    wilcoxon_holm,
)
from jaxad.report.pictures import find_numeric_axes
from jaxad.report.plots import average_blocks
from jaxad.report.significance import compute_ranks
from jaxad.report.tables import Table, TableEntry
from jaxad.results import SHARES
from jaxad.sweep import expand, load_experiment


def test_ranks_share_ties_as_scipy_s_do():
    values = np.random.default_rng(0).integers(0, 4, (20, 5)).astype(float)
    want = rankdata(-values, axis=1)
    np.testing.assert_array_equal(compute_ranks(values), want)


def test_friedman_is_scipy_s_and_nemenyi_the_table_s():
    values = np.random.default_rng(1).normal(size=(14, 4))
    found = compare_detectors(values)
    assert found.p_value == pytest.approx(friedmanchisquare(*values.T).pvalue)
    # Demsar 2006, table 5: q = 2.569 for four classifiers at 5 %; 14 data sets in his example.
    assert found.critical_difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), abs=2e-3)


def test_holm_s_correction_by_hand():
    rng = np.random.default_rng(2)
    values = np.stack([rng.normal(size=12), rng.normal(size=12) + 0.5, rng.normal(size=12) + 3], 1)
    found = wilcoxon_holm(values)
    from scipy.stats import wilcoxon

    raw = sorted(
        (wilcoxon(values[:, i], values[:, j]).pvalue, i, j) for i, j in ((1, 0), (2, 0), (2, 1))
    )
    want = np.maximum.accumulate(
        [min(1, p * m) for (p, _, _), m in zip(raw, (3, 2, 1), strict=True)]
    )
    for (_, i, j), p in zip(raw, want, strict=True):
        assert found[i, j] == found[j, i] == pytest.approx(p)
    assert (np.diag(found) == 1).all()


def test_equal_detectors_do_not_differ():
    values = np.ones((5, 3))
    assert compare_detectors(values).p_value == 1
    assert (wilcoxon_holm(values) == 1).all()


@pytest.mark.parametrize("shape", [(5, 2), (1, 4)])
def test_too_little_is_not_compared(shape):
    with pytest.raises(DataError, match="3 detectors and 2 data sets"):
        compare_detectors(np.zeros(shape))


def made(keys, rows):
    rng = np.random.default_rng(0)
    titles = ("a", "b", "c")
    entries = {
        row: {
            t: TableEntry({s: 0.2 * i + 0.1 * rng.random() for s in range(3)})
            for i, t in enumerate(titles)
        }
        for row in rows
    }
    return Table("auroc", keys, entries, titles)


def test_curves_go_through_the_means():
    t = made(("dataset", "contamination"), [(d, c) for d in "xy" for c in (0.0, 0.1, 0.2)])
    assert find_numeric_axes(t) == ["contamination"]
    figure = plot_curves(t, "contamination")
    assert [ax.get_title() for ax in figure.axes] == ["x", "y"]
    line = figure.axes[1].get_lines()[2]
    np.testing.assert_allclose(line.get_xdata(), [0.0, 0.1, 0.2])
    want = [100 * t.rows["y", c]["c"].mean for c in (0.0, 0.1, 0.2)]
    np.testing.assert_allclose(line.get_ydata(), want)


def test_many_panels_become_one_of_means():
    sets = [f"set_{i}" for i in range(20)]
    t = made(("dataset", "contamination"), [(d, c) for d in sets for c in (0.0, 0.1)])
    (ax,) = plot_curves(t, "contamination").axes
    want = [100 * np.mean([t.rows[d, c]["a"].mean for d in sets]) for c in (0.0, 0.1)]
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), want)


def test_a_table_without_a_numeric_axis_has_boxes_over_its_rows():
    t = made(("dataset",), [(f"set_{i}",) for i in range(6)])
    assert find_numeric_axes(t) == []
    figures = draw_table_pictures(t)
    assert set(figures) == {"boxes", "critical-difference"}
    (ax,) = figures["boxes"].axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert draw_table_pictures(t._replace(rows={})) == {}


def test_a_bar_joins_what_is_not_told_apart():
    rng = np.random.default_rng(0)
    rows = {
        (i,): {
            t: TableEntry({0: v})
            for t, v in zip("abcd", [*rng.permuted([0.8, 0.81]), 0.3, 0.2], strict=True)
        }
        for i in range(30)
    }
    (ax,) = plot_critical_difference(Table("auroc", ("dataset",), rows, tuple("abcd"))).axes
    texts = [text.get_text() for text in ax.texts]
    assert (
        sum("(3.00)" in text for text in texts) == 1
        and sum("(4.00)" in text for text in texts) == 1
    )
    bars = [line for line in ax.get_lines() if line.get_linewidth() == 3]
    # Of 30 rows the critical difference is 0.86: c and d, a whole rank apart, are told apart.
    assert len(bars) == 1
    left, right = bars[0].get_xdata()
    assert 1 < left < right < 2


def test_each_numeric_axis_has_curves_but_not_what_goes_with_another():
    keys = ("contamination", "labelled_anomalies", "labelled_normals")
    rows = [(c, n, 2 * n) for c in (0.0, 0.1, "own") for n in (5, 10)]
    t = made(keys, rows)
    assert find_numeric_axes(t) == ["contamination", "labelled_anomalies"]
    figure = plot_curves(t, "labelled_anomalies")
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["contamination 0.0", "contamination 0.1", "contamination own"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["labelled anomalies"] * 3
    lines = [line for ax in plot_curves(t, "contamination").axes for line in ax.get_lines()]
    assert all(line.get_xdata().tolist() == [0.0, 0.1] for line in lines)


def test_ranks_are_over_data_sets_and_not_over_settings_of_one():
    t = made(("dataset", "contamination"), [(d, c) for d in "xyz" for c in (0.0, 0.1)])
    means = average_blocks(t)
    assert means.shape == (3, 3)
    assert means[1, 2] == pytest.approx(np.mean([t.rows["y", c]["c"].mean for c in (0.0, 0.1)]))
    (ax,) = plot_critical_difference(t).axes
    assert "over 3 data sets" in ax.get_title()
    assert average_blocks(made(("contamination",), [(0.0,), (0.1,)])).shape == (0, 3)


@pytest.mark.parametrize("title", ["a", "a detector with rather long settings, and more of them"])
def test_names_of_any_length_are_inside_of_the_picture(title):
    titles = [f"{title} {i}" for i in range(3)]
    rng = np.random.default_rng(0)
    rows = {(i,): {t: TableEntry({0: rng.uniform()}) for t in titles} for i in range(5)}
    figure = plot_critical_difference(Table("auroc", ("dataset",), rows, tuple(titles)))
    figure.draw_without_rendering()
    (ax,) = figure.axes
    for text in (*ax.texts, ax.title):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.width


def test_audit_curves_are_means_over_jobs_seed_by_seed(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(
        'datasets = ["blobs", "two_moons"]\ndetectors = ["pca", "iforest"]\nseeds = 2\n'
        'contamination = [0.0, 0.1]\nmetrics = ["audit_auroc"]\n'
    )
    jobs = expand(load_experiment(path))
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "job": job.name,
            "seed": seed,
            "audit_auroc": 0.9 if job.protocol.contamination else None,
            "audit_precision": rng.random(len(SHARES)),
        }
        for job in jobs
        for seed in range(2)
    )
    figure = plot_audit_curves(jobs, rows)
    (ax,) = figure.axes  # without hidden anomalies there is nothing to find
    assert ax.get_title() == "10 % hidden"
    mine = [j.name for j in jobs if j.protocol.contamination and j.variant.title == "pca"]
    want = 100 * np.mean(rows.loc[rows.job.isin(mine)].audit_precision.tolist(), axis=0)
    line = next(line for line in ax.get_lines() if line.get_label() == "pca")
    np.testing.assert_allclose(line.get_ydata(), want)
    np.testing.assert_allclose(line.get_xdata(), 100 * np.array(SHARES))
    assert plot_audit_curves(jobs, rows.assign(audit_precision=None)) is None
