"""Tables of results: means, ranks, the best, and published numbers beside ours."""

import csv
import io

import pandas as pd
import pytest

from jaxad.errors import ConfigError
from jaxad.report import make_tables, read_published
from jaxad.sweep import expand, load_experiment

TEXT = """
title = "Two detectors"
datasets = ["blobs", "breast_cancer"]
detectors = ["autoencoder", {name = "deep_sad", title = "SAD"}]
contamination = 0.0
metrics = ["auroc"]
seeds = 2
notes = ["Made up."]
"""
VALUES = {"blobs": {"autoencoder": (0.5, 0.7), "SAD": (0.9, 0.9)},
          "breast_cancer": {"autoencoder": (0.8, 0.8), "SAD": (0.6, 0.8)}}  # fmt: skip
PRINTED = """method,dataset,subset,setting,metric,mean,std,seeds
AE,blobs,normal,,auroc,61.5,2.5,10
AE,breast,normal,,auroc,70,,10
Deep SAD,blobs,normal,,auprc,99,,10
"""


@pytest.fixture
def made(tmp_path):
    def make(published=""):
        (tmp_path / "printed.csv").write_text(PRINTED)
        path = tmp_path / "two.toml"
        path.write_text(TEXT + published)
        experiment = load_experiment(path)
        jobs = expand(experiment)
        rows = [
            {"job": job.name, "seed": seed, "auroc": value, "error": None}
            for job in jobs
            for seed, value in enumerate(VALUES[job.dataset][job.variant.title])
        ]
        return experiment, jobs, pd.DataFrame(rows)

    return make


WITH = """
[published]
file = "printed.csv"
methods = { autoencoder = "AE", SAD = "Deep SAD" }
datasets = { breast_cancer = "breast" }
row = "dataset"
"""


def test_a_table_has_means_deviations_the_best_and_ranks(made):
    text = make_tables(*made()).splitlines()
    assert text[0] == "## Two detectors" and text[-1] == "Made up."
    assert "| blobs | 60.0 ± 14.1 | **90.0 ± 0.0** |" in text
    assert "| breast_cancer | **80.0 ± 0.0** | 70.0 ± 14.1 |" in text
    # Seed by seed: (0.5 + 0.8) / 2 and (0.7 + 0.8) / 2; (0.9 + 0.6) / 2 and (0.9 + 0.8) / 2.
    assert "| mean | 70.0 ± 7.1 | 80.0 ± 7.1 |" in text
    assert "| mean rank | 1.50 | 1.50 |" in text


def test_published_numbers_stand_in_brackets_where_they_belong(made):
    text = make_tables(*made(WITH))
    assert "| blobs | 60.0 ± 14.1 (61.5 ± 2.5; -1.5) | **90.0 ± 0.0** |" in text
    assert "**80.0 ± 0.0** (70.0; +10.0)" in text
    assert "| mean | 70.0 ± 7.1 (65.8; +4.2) | 80.0 ± 7.1 |" in text  # (61.5 + 70) / 2, rounded
    assert "(61.5" not in make_tables(*made(WITH), published=False)


def test_a_published_mean_stands_beside_the_mean(made):
    text = make_tables(
        *made(WITH.replace('row = "dataset"', 'row = "mean"\nwhere = { dataset = "breast" }'))
    )
    assert "| mean | 70.0 ± 7.1 (70.0; +0.0) | 80.0 ± 7.1 |" in text
    assert text.count("(") == 1


def test_numbers_that_were_tuned_on_test_labels_are_marked_and_explained(made):
    text = make_tables(*made(WITH + 'tuned = ["AE"]\n'))
    assert "| blobs | 60.0 ± 14.1 (61.5 ± 2.5†; -1.5) |" in text and "(65.8†; +4.2)" in text
    assert text.endswith("† Published numbers of settings that were chosen by test labels.\n")
    assert "†" not in make_tables(*made(WITH + 'tuned = ["Deep SAD"]\n'))  # that one is not shown
    latex = make_tables(*made(WITH + 'tuned = ["AE"]\n'), "latex")
    assert r"(61.5 $\pm$ 2.5$^\dagger$; -1.5)" in latex


def test_csv_has_the_difference(made):
    rows = list(csv.DictReader(io.StringIO(make_tables(*made(WITH), "csv"))))
    assert len(rows) == 4
    assert rows[0]["dataset"] == "blobs" and rows[0]["detector"] == "autoencoder"
    assert float(rows[0]["difference"]) == pytest.approx(60 - 61.5)
    assert rows[1]["published"] is None or rows[1]["published"] == ""


def test_latex_escapes_and_marks_the_best(made):
    text = make_tables(*made(), "latex")
    assert r"blobs & 60.0 $\pm$ 14.1 & \textbf{90.0 $\pm$ 0.0} \\" in text
    assert r"breast\_cancer & \textbf{80.0 $\pm$ 0.0} & 70.0 $\pm$ 14.1 \\" in text
    assert text.endswith("\n% Made up.\n")
    assert text.count(r"\begin{tabular}{lrr}") == text.count(r"\end{tabular}") == 1


def test_means_are_over_data_sets_for_each_setting(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(TEXT.replace("contamination = 0.0", "contamination = [0.0, 0.1]"))
    experiment = load_experiment(path)
    jobs = expand(experiment)
    rows = pd.DataFrame(
        {
            "job": job.name,
            "seed": 0,
            "auroc": VALUES[job.dataset][job.variant.title][0] - job.protocol.contamination,
            "error": None,
        }
        for job in jobs
    )
    text = make_tables(experiment, jobs, rows)
    assert "| mean | 0.0 | 65.0 | 75.0 |" in text
    assert "| mean | 0.1 | 55.0 | 65.0 |" in text


def test_fields_may_be_rows(tmp_path):
    path = tmp_path / "rows.toml"
    path.write_text(
        'datasets = ["blobs"]\nrows = ["eta"]\nseeds = 1\nmetrics = ["auroc"]\n'
        'detectors = [{name = "deep_sad", title = "SAD", eta = [1.0, 2.0]}, "autoencoder"]\n'
    )
    experiment = load_experiment(path)
    jobs = expand(experiment)
    rows = [
        {"job": j.name, "seed": 0, "auroc": 0.5 + 0.1 * i, "error": None}
        for i, j in enumerate(jobs)
    ]
    text = make_tables(experiment, jobs, pd.DataFrame(rows))
    assert "| eta | SAD | autoencoder |" in text
    assert "| 1.0 | 50.0 |  |" in text and "| 2.0 | 60.0 |  |" in text and "|  |  | 70.0 |" in text


def test_rows_that_are_not_there_yet_are_left_empty(made):
    experiment, jobs, rows = made()
    gone = next(j for j in jobs if j.dataset == "blobs" and j.variant.title == "SAD")
    text = make_tables(experiment, jobs, rows[rows.job != gone.name])
    assert "| blobs | 60.0 ± 14.1 |  |" in text
    assert "mean rank" not in text


@pytest.mark.parametrize(
    ("published", "said"),
    [
        ('[published]\nfile = "none.csv"\n', "none.csv"),
        ('[published]\nfile = "two.toml"\n', "must have the columns"),
    ],
)
def test_wrong_references_to_published_numbers_are_refused(made, published, said):
    experiment, jobs, _ = made(published)
    with pytest.raises(ConfigError, match=said):
        read_published(experiment.published, jobs)
