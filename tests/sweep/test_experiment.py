"""Experiments: what a file means, and what is refused."""

import pytest

from jaxad.errors import ConfigError
from jaxad.sweep import expand, group_jobs, load_experiment

BASE = """
title = "Blobs"
datasets = ["blobs"]
detectors = ["autoencoder"]
contamination = [0.0, 0.1]
labelled_anomalies = 2
seeds = 2
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "experiment.toml"
        path.write_text(text)
        return path

    return write


def replaced(old, new):
    assert old in BASE
    return BASE.replace(old, new)


def variants_of(path):
    (source,) = load_experiment(path).sources
    return source.variants


def test_lists_are_axes_and_jobs_are_their_product(written):
    text = replaced('"autoencoder"', '"autoencoder", {name = "deep_sad", eta = [1.0, 2.0, 4.0]}')
    jobs = expand(load_experiment(written(text + "labelled_normals = [0, 1]\n")))
    assert len(jobs) == 2 * 2 * (1 + 3)
    assert len({job.name for job in jobs}) == len(jobs)
    titles = list(dict.fromkeys(job.variant.title for job in jobs))
    assert titles == [
        "autoencoder", "deep_sad (eta=1.0)", "deep_sad (eta=2.0)", "deep_sad (eta=4.0)",
    ]  # fmt: skip


def test_none_stands_for_the_default_of_the_data(written):
    jobs = expand(load_experiment(written(replaced("[0.0, 0.1]", '["none", 0.1]'))))
    assert [job.protocol.contamination for job in jobs] == [None, 0.1]


def test_none_is_a_scaling_by_name(written):
    changed = 'scaling = ["none", "auto"]\n' + BASE
    source = load_experiment(written(changed)).sources[0]
    assert source.axes["scaling"] == ("none", "auto")


def test_a_list_of_sizes_is_one_value_and_a_list_of_lists_an_axis(written):
    one = replaced('"autoencoder"', '{name = "autoencoder", widths = [8, 4]}')
    two = replaced('"autoencoder"', '{name = "autoencoder", widths = [[8, 4], [16, 2]]}')
    assert [dict(v.config)["widths"] for v in variants_of(written(one))] == [(8, 4)]
    variants = variants_of(written(two))
    assert [dict(v.config)["widths"] for v in variants] == [(8, 4), (16, 2)]


def test_epochs_are_for_every_detector_that_has_them_unless_it_says_otherwise(written):
    text = replaced('"autoencoder"', '"deep_sad", {name = "deep_sad", title = "b", epochs = 9}')
    one, other = variants_of(written(text + "epochs = 5\n"))
    assert dict(one.config) == {"epochs": 5, "pretrain_epochs": 5}
    assert dict(other.config) == {"epochs": 9, "pretrain_epochs": 5}


def test_what_is_different_for_one_data_set(written):
    own = '"blobs", {name = "two_moons", labelled_anomalies = 3, settings = {eta = 2.0}}'
    text = replaced('"blobs"', own).replace('"autoencoder"', '"autoencoder", "deep_sad"')
    one, other = load_experiment(written(text + "settings = {slope = 0.2}\n")).sources
    assert one.axes == other.axes | {"labelled_anomalies": (2,)}
    assert [dict(v.config) for v in one.variants] == [{"slope": 0.2}, {"slope": 0.2}]
    assert [dict(v.config) for v in other.variants] == [{"slope": 0.2}, {"slope": 0.2, "eta": 2.0}]


def test_a_size_overrides_and_what_is_asked_for_overrides_both(written):
    path = written(BASE + "[quick]\nseeds = 1\ncontamination = 0.1\n[full]\nseeds = 10\n")
    assert load_experiment(path).seeds == 2
    assert load_experiment(path, "quick").seeds == 1
    assert load_experiment(path, "quick").sources[0].axes["contamination"] == (0.1,)
    assert load_experiment(path, "quick", seeds=4).seeds == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "experiment.toml"),
        (BASE + "contaminaton = 0.1\n", "contamination"),
        (replaced('"autoencoder"', '"autoencodr"'), "autoencoder"),
        (replaced('"autoencoder"', '{name = "autoencoder", epoch = 3}'), "epochs"),
        (replaced('"autoencoder"', '{name = "autoencoder", epochs = [3, 0]}'), "epochs must be"),
        (replaced('"autoencoder"', "{epochs = 3}"), "a table with a name"),
        (replaced('["blobs"]', "[]"), "datasets is missing"),
        (replaced("seeds = 2", "seeds = 0"), "seeds must be"),
        (replaced('"blobs"', '{name = "blobs", seeds = 3}'), "key of the data set blobs"),
        (replaced('"blobs"', "{seeds = 3}"), "a table with a name"),
        (BASE + 'metrics = ["aurok"]\n', "auroc"),
        (BASE + 'few_anomalies = "some"\n', "few_anomalies"),
        (replaced("[0.0, 0.1]", "[0.1, 1.5]"), "contamination=1.5"),
        (replaced("[0.0, 0.1]", "[]"), "contamination is an empty list"),
        (BASE + "settings = {slop = 0.1}\n", "Did you mean 'slope'"),
        (BASE + 'settings = {weighing = "by_label"}\n', "weighing is now called weighting"),
        (
            replaced('"autoencoder"', '{name = "deep_sad", weighing = "by_label"}'),
            "weighing is now called weighting",
        ),
        (
            replaced('"blobs"', '{name = "blobs", settings = {weighing = "by_label"}}'),
            "weighing is now called weighting",
        ),
    ],
)
def test_wrong_files_are_refused_with_file_and_key(written, text, said):
    with pytest.raises(ConfigError, match=said) as error:
        load_experiment(written(text))
    assert "experiment.toml" in str(error.value)


def test_a_size_that_the_file_lacks(written):
    with pytest.raises(ConfigError, match="has no \\[full\\]"):
        load_experiment(written(BASE), "full")


def test_a_job_s_name_does_not_depend_on_titles_or_on_other_jobs(written):
    (plain,) = expand(load_experiment(written(replaced("[0.0, 0.1]", "0.1"))))
    text = replaced('"autoencoder"', '{name = "autoencoder", title = "AE"}')
    _, titled = expand(load_experiment(written(text)))
    assert titled.name == plain.name
    _, other = expand(load_experiment(written(text + "seed_root = 1\n")))
    assert other.name != plain.name


def test_a_plan_has_every_job_once_and_groups_what_differs_in_splits_alone(written):
    text = replaced('"autoencoder"', '"autoencoder", "deep_svdd"')
    jobs = expand(load_experiment(written(text + "labelled_normals = [0, 1]\n")))
    todo = [(job, (0, 1)) for job in jobs]
    groups = group_jobs(todo)
    assert sorted(j.name for g in groups for j in g.jobs) == sorted(job.name for job in jobs)
    assert len(groups) == 4
    assert all(len({j.protocol.labelled_normals for j in g.jobs}) == 1 for g in groups)
    assert max(len(g.jobs) for g in group_jobs(todo, width=2)) == 1


@pytest.mark.parametrize(
    ("jobs", "lengths"), [(32, [8] * 4), (12, [12]), (31, [10, 10, 11]), (13, [6, 7])]
)
def test_groups_are_equally_long_where_a_few_more_make_it_so(written, jobs, lengths):
    """Each length is a program of its own."""
    rates = [0.001 * (i + 1) for i in range(jobs)]
    text = replaced('"autoencoder"', f'{{name = "autoencoder", learning_rate = {rates}}}')
    todo = [(job, (0, 1, 2)) for job in expand(load_experiment(written(text)))]
    todo = todo[::2]  # there are two contaminations
    assert sorted(len(g.jobs) for g in group_jobs(todo, width=38)) == lengths


def test_jobs_with_other_seeds_missing_are_other_groups(written):
    one, two = expand(load_experiment(written(BASE)))
    groups = group_jobs([(one, (0, 1)), (two, (1,))])
    assert [g.seeds for g in groups] == [(0, 1), (1,)]
