"""Experiments: what a file means, and what is refused."""

import json
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxad.errors import ConfigError, JaxADError
from jaxad.report import make_tables
from jaxad.results import METRICS
from jaxad.sweep import expand, group_jobs, load_experiment
from jaxad.sweep.content import _KINDS as KEYS_OF_FILES

KEYS = {*KEYS_OF_FILES}
FILES = sorted((Path(__file__).parents[2] / "experiments").glob("*/*.toml"))

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


def no_rows():
    return pd.DataFrame({name: [] for name in ("job", "seed", "error", "dataset", *METRICS)})


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


DEEP = "[" * 20 + "]" * 20


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (replaced('["blobs"]', "[1]"), "datasets must be a list of names"),
        (replaced('["blobs"]', "[[]]"), "datasets must be a list of names"),
        (replaced('["autoencoder"]', "[1]"), "detectors must be a list of names"),
        (replaced("[0.0, 0.1]", '"x"'), "contamination='x' must be in"),
        (replaced("[0.0, 0.1]", "nan"), "contamination=nan must be in"),
        (replaced("[0.0, 0.1]", "{a = 1}"), "contamination must be a value or a list"),
        (replaced("[0.0, 0.1]", "2024-01-01"), "contamination: is a date or a time"),
        (BASE + 'scaling = "standart"\n', "scaling='standart' must be"),
        (BASE + 'protocol = "adbanch"\n', "protocol='adbanch' must be"),
        (BASE + "test_size = 1.0\n", "test_size=1.0 must be"),
        (BASE + "exposure = 3\n", "exposure must be a string"),
        (BASE + "known_anomaly_classes = [[0.5]]\n", "known_anomaly_classes must be"),
        (BASE + "normal_class = [0.5]\n", "normal_class must be a class"),
        (BASE + "settings = 5\n", "settings must be a table; given 5"),
        (BASE + "settings = {learning_rat = 5.0}\n", "Did you mean 'learning_rate'"),
        (BASE + "settings = {learning_rate = '5'}\n", "learning_rate must be a number; given '5'"),
        (BASE + "settings = {learning_rate = []}\n", "learning_rate of autoencoder is an empty"),
        (BASE + "settings = {bias = 1}\n", "bias must be true or false"),
        (BASE + "settings = {widths = [8.5]}\n", "autoencoder: widths must be"),
        (BASE + "settings = {widths = [[8], 'a']}\n", "autoencoder: widths must be"),
        (BASE + "settings = {net = 'mlp'}\n", "autoencoder: net must be"),
        (BASE + "settings = {objective = 'x'}\n", "objective takes an object"),
        (BASE + "epochs = 0.5\n", "epochs must be a whole number"),
        (BASE + "epochs = true\n", "epochs must be a whole number"),
        (BASE + "rows = ['learning_rat']\n", "Did you mean 'learning_rate'"),
        (BASE + "metrics = []\n", "metrics is missing"),
        (BASE + "metrics = [3]\n", "metrics must be a string or a list"),
        (replaced('"Blobs"', "3"), "title must be a string"),
        (replaced('"autoencoder"', "{name = 'autoencoder', title = 3}"), "title must be a string"),
        (replaced('"autoencoder"', "{name = 'autoencoder', settings = {}}"), "unknown setting"),
        (replaced('"autoencoder"', "'autoencoder', 'autoencoder'"), "two columns have the title"),
        (
            replaced('"autoencoder"', "{name = 'hsc', title = 'a'}, {name = 'vae', title = 'a'}"),
            "two columns have the title 'a'",
        ),
        (replaced('"autoencoder"', "{name = 'hsc', slope = [0.1, 0.1]}"), "two columns"),
        (replaced('"blobs"', '"blobs", {name = "blobs", settings = {slope = 0.2}}'), "twice"),
        (replaced("seeds = 2", "seeds = 2.0"), "seeds must be a whole number"),
        (replaced("seeds = 2", "seeds = 9223372036854775807"), r"seeds must be .* in \[1, 10000\]"),
        (replaced("seeds = 2", "seeds = 9223372036854775808"), "seeds: an integer is of more than"),
        (replaced("seeds = 2", "seeds = " + "9" * 5000), "5000 digits"),
        (replaced("seeds = 2", "seeds = 0x" + "f" * 5000), "seeds: an integer is of more than"),
        (BASE + "seed_root = -1\n", "seed_root must be"),
        (BASE + "seed_root = 4294967296\n", "seed_root must be"),
        (BASE + f"n_train = {[*range(1, 101)]}\n" + f"test_size = {[0.5] * 1100}\n", "220000 comb"),
        (BASE + f"notes = {DEEP}\n", "nested in more than 8 levels"),
        (BASE + "notes = " + "[" * 5000 + "]" * 5000 + "\n", "nested too deeply"),
        (BASE + ".".join("a" * 5000) + " = 1\n", "nested in more than 8 levels"),
        (BASE + 'notes = "' + "a" * 20_000 + '"\n', "a string has at most"),
        (BASE + 'notes = "\\u0000"\n', "no NUL"),
        (BASE + "#" * 2**20, "larger than 1 MiB"),
        (BASE + "quick = 3\n", "quick must be a table"),
        (BASE + "[quick]\nsede = 1\n", "Did you mean 'seeds'"),
        (BASE + "[quick.full]\n", "unknown key of"),
        (BASE + "[quick]\nseeds = 0\n", r"\[quick\]: seeds must be"),
        (BASE + "[quick.settings]\nslop = 0.1\n", "Did you mean 'slope'"),
        (BASE + "[published]\nfiel = 'a.csv'\n", "Did you mean 'file'"),
        (BASE + "[published]\nfile = 3\n", "file must be a string"),
        (BASE + "[published]\nrow = 'datasets'\n", "Did you mean 'dataset'"),
        (BASE + "[published.where]\nmetod = 'a'\n", "Did you mean 'method'"),
        (BASE + "[published.methods]\nautoencodr = 'AE'\n", "Did you mean 'autoencoder'"),
        (BASE + 'settings = {weighting = "' + "(" * 3000 + '"}\n', "weighting must be names"),
        (BASE + 'settings = {weighting = "a(' + "-" * 3000 + '1)"}\n', "weighting must be names"),
    ],
    ids=lambda value: value[-40:] if len(value) < 5000 else f"{len(value)} characters",
)
def test_wrong_types_and_ranges_are_refused_with_file_and_key(written, text, said):
    with pytest.raises(ConfigError, match=said) as error:
        load_experiment(written(text))
    assert "experiment.toml" in str(error.value)
    assert len(str(error.value)) < 5000


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path, tmp_path / "none.toml", tmp_path / "a.toml"):
        with pytest.raises(ConfigError, match="cannot be read"):
            load_experiment(path)


def test_columns_of_one_title_are_allowed_where_their_values_are_in_rows(written):
    text = replaced('"autoencoder"', '{name = "deep_sad", title = "a", eta = [1.0, 2.0]}')
    assert [v.title for v in variants_of(written(text + "rows = ['eta']\n"))] == ["a", "a"]


def test_a_single_value_of_a_field_of_rows_names_its_row(written):
    text = replaced('"autoencoder"', '{name = "deep_sad", title = "a", eta = 2.0}')
    assert [v.rows for v in variants_of(written(text + "rows = ['eta']\n"))] == [(("eta", 2.0),)]


def test_one_data_set_may_be_there_twice_with_other_classes_or_settings(written):
    own = '{name = "digits", normal_class = 0}, {name = "digits", normal_class = 1}, "digits"'
    with pytest.raises(ConfigError, match="twice"):
        load_experiment(written(replaced('"blobs"', own)))
    (one, two, _) = own.split(", ")[:2], own.split(", ")[2:4], None
    load_experiment(written(replaced('"blobs"', ", ".join([*one, *two]))))


VALUES = st.recursive(
    st.none().map(lambda _: "none")
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.floats()
    | st.sampled_from(["auto", "blobs", "digits", "deep_sad", "vae", "adbench", "own", "", "a\0b"])
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "title", "eta", "slope", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
PLAIN_KEYS = sorted(KEYS - {"import"})  # a random name could be a module's


def as_toml(value):
    """A value as TOML spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {as_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value) if isinstance(value, str) else repr(value)


@settings(max_examples=examples(150), deadline=20_000, suppress_health_check=list(HealthCheck))
@given(
    changed=st.dictionaries(st.sampled_from(PLAIN_KEYS) | st.text(max_size=5), VALUES, max_size=3),
    size=st.sampled_from([None, "quick"]),
)
def test_any_values_of_keys_give_an_experiment_or_an_error_of_the_library(tmp_path, changed, size):
    content = {"datasets": ["blobs"], "detectors": ["deep_sad", "vae"], "seeds": 2}
    lines = [f"{json.dumps(k)} = {as_toml(v)}" for k, v in (content | changed).items()]
    path = tmp_path / "any.toml"
    path.write_text("\n".join(lines) + "\n[quick]\n" * ("quick" not in changed))
    with suppress(JaxADError):
        jobs = expand(load_experiment(path, size))
        make_tables(load_experiment(path, size), jobs, no_rows(), published=False)


@settings(max_examples=examples(60), deadline=20_000, suppress_health_check=list(HealthCheck))
@given(data=st.data(), number=st.integers(0, 10**6))
def test_mutated_files_give_an_experiment_or_an_error_of_the_library(tmp_path, data, number):
    """Bytes of the repository's own experiments are changed, taken out and repeated."""
    raw = bytearray(FILES[number % len(FILES)].read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        end = min(at + data.draw(st.integers(0, 12)), len(raw))
        new = data.draw(
            st.sampled_from([b"", b"[", b"]", b"{", b"=", b'"', b"9", b"\n", b"-", b"."])
        )
        raw[at:end] = data.draw(st.sampled_from([new, bytes(raw[at:end]) * 2]))
    path = tmp_path / "any.toml"
    path.write_bytes(raw.replace(b"import", b"imports"))
    with suppress(JaxADError):
        load_experiment(path)


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
