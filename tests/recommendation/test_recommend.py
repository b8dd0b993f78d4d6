"""Which detector is recommended: the results, the rule on them, and the command line."""

import json
import runpy
import shlex
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tyro
from hypothesis import given
from hypothesis import strategies as st

import jaxad
from jaxad.cli import main
from jaxad.cli.app import COMMANDS
from jaxad.cli.settings import parse_configurations
from jaxad.data.tables.options import TableOptions
from jaxad.detectors import get_entry
from jaxad.errors import ConfigError, DataError
from jaxad.recommendation import (
    DataSource,
    Measurement,
    Situation,
    read_measurements,
    suggest_commands,
    write_measurements,
)
from jaxad.recommendation.evidence import RESULTS, format_settings, parse_settings
from jaxad.recommendation.held_out import RULES, leave_sets_out, nearest_tasks
from jaxad.recommendation.rules import (
    MARGIN,
    prefer_composite,
    rank_detectors,
    select_nearest,
)
from jaxad.sweep import load_experiment

ROOT = Path(jaxad.__file__).parents[1]
KINDS = sorted({one.kind for one in read_measurements()})


def a_result(dataset="a", detector="iforest", auroc=0.5, labelled=0, hidden=0.0, **more):
    given = {
        "experiment": "tables.toml", "kind": "table", "dataset": dataset, "normal_class": "normal",
        "rows": 1000, "columns": 10, "anomalies": 0.1, "labelled": labelled, "hidden": hidden,
        "exposure": "", "detector": detector, "settings": "", "auroc": auroc, "auroc_std": 0.0,
        "auprc": auroc / 2, "seeds": 2,
    }  # fmt: skip
    return Measurement(**(given | more))


# The file of results


@pytest.fixture(scope="module")
def results():
    return read_measurements()


def test_each_result_is_of_a_detector_and_a_setting_of_its_experiment(results):
    experiments = {}
    sweeps = [one for one in results if one.experiment.endswith(".toml")]
    for name in {one.experiment for one in sweeps}:
        experiment = load_experiment(ROOT / "experiments" / "recommend" / name)
        axes = [source.axes for source in experiment.sources]
        variants = {
            (v.detector, format_settings(dict(v.config))) for v in experiment.sources[0].variants
        }
        experiments[name] = (experiment, axes[0], variants)
    for one in sweeps:
        experiment, axes, variants = experiments[one.experiment]
        assert one.choice in variants
        assert one.labelled in axes["labelled_anomalies"]
        assert one.hidden in axes["contamination"]
        assert (one.exposure or None) in axes["exposure"]
        assert 1 <= one.seeds <= experiment.seeds
        get_entry(one.detector).config(**parse_settings(one.settings))
        assert one.command.split()[2] == f"experiments/recommend/{one.experiment}"


def test_each_result_on_series_is_in_the_table_of_its_script(results):
    folder = ROOT / "experiments" / "series"
    settings = runpy.run_path(str(folder / "accuracy.py"))["DETECTORS"]
    means = pd.read_csv(folder / "results" / "means.csv").set_index(["detector", "ranges"])
    scripted = [one for one in results if not one.experiment.endswith(".toml")]
    assert {one.kind for one in scripted} == {"series"}
    for one in scripted:
        assert one.command == "python experiments/series/accuracy.py DATA --out OUT"
        assert one.settings == format_settings(settings[one.detector])
        ranges = "all" if one.normal_class == "normal" else one.normal_class
        found = means.loc[[(one.detector, ranges)]]
        hidden = found.data.str.contains("hidden") == (one.hidden > 0)
        own = found[hidden & (found.data.str.contains("ecg5000") == (ranges == "all"))]
        assert one.auroc == pytest.approx(own.auroc.item(), abs=6e-4)
        assert one.seeds == own.seeds.item()


def test_results_are_numbers_in_their_range_and_none_is_there_twice(results):
    keys = [
        (one.kind, one.task, one.labelled, one.hidden, one.exposure, one.choice) for one in results
    ]
    assert len(set(keys)) == len(keys)
    for one in results:
        assert 0 <= one.auroc <= 1 and 0 <= one.auprc <= 1 and 0 <= one.auroc_std <= 1
        assert 0 < one.anomalies < 1 and one.rows > 1
        assert (one.columns > 0) == (one.kind in ("table", "features"))


def test_there_are_enough_tables_for_a_choice(results):
    tables = {one.task for one in results if one.kind == "table"}
    assert len(tables) >= 12


def test_what_is_read_is_what_was_written(results, tmp_path):
    write_measurements(tmp_path / "results.csv", results[::-1])
    assert (tmp_path / "results.csv").read_text() == RESULTS.read_text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("iforest", "no_forest"), "line 2: unknown detector 'no_forest'"),
        (lambda text: text.replace(",0.5,", ",much,"), "line 2: could not convert"),
        (lambda text: text.replace(",seeds", ",seed"), "line 2: 'seed'"),
        (lambda text: text + "tables.toml,table\n", "line 3"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, change, says):
    path = tmp_path / "results.csv"
    write_measurements(path, [a_result()])
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=says) as raised:
        read_measurements(path)
    assert str(path) in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.csv: cannot be read"):
        read_measurements(tmp_path / "nothing.csv")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"score": "evidence", "stacked": True, "prior": 0.1},
        {"channels": (), "widths": (128, 64), "batch_size": 8},
        {"widths": (16,), "weighting": "by_label, latent_outlier_exposure(0.1, soft=True)"},
    ],
)
def test_settings_come_back_from_their_text_and_from_the_command_line(settings):
    text = format_settings(settings)
    assert parse_settings(text) == settings
    if "stacked" not in settings:
        pairs = text.split("; ") if text else []
        assert parse_configurations(["deep_sad"], pairs, None, None)["deep_sad"] == settings


# The rule


def test_ranks_and_means_are_over_the_same_results_for_all():
    measured = [
        a_result("a", "iforest", 0.9), a_result("b", "iforest", 0.5), a_result("c", "iforest", 0.7),
        a_result("a", "pca", 0.8), a_result("b", "pca", 0.8), a_result("c", "pca", 0.7),
        a_result("a", "kde", 1.0), a_result("b", "kde", 1.0),
    ]  # fmt: skip
    first, second = rank_detectors(measured)  # kde has no result on c
    assert (first.detector, second.detector) == ("pca", "iforest")
    assert first.auroc == pytest.approx(2.3 / 3)
    assert first.rank == pytest.approx((2 + 1 + 1.5) / 3)
    assert second.rank == pytest.approx((1 + 2 + 1.5) / 3)
    assert [one.dataset for one in first.measured] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("asked", "labelled", "hidden"),
    [
        ({}, {0}, {0.1}),
        ({"labelled_anomalies": 1, "contamination": 0.06}, {10}, {0.1}),
        ({"labelled_anomalies": 22}, {10}, {0.1}),
        ({"labelled_anomalies": 23}, {50}, {0.1}),
        ({"labelled_anomalies": 10**6, "contamination": 0.04}, {50}, {0.0}),
        ({"contamination": 0.05}, {0}, {0.1}),
        ({"contamination": 0.9}, {0}, {0.1}),
    ],
)
def test_the_nearest_situation_speaks(asked, labelled, hidden):
    measured = [
        a_result(labelled=n, hidden=share, detector="deep_sad")
        for n, share in product((0, 10, 50), (0.0, 0.1))
    ]
    near = select_nearest(measured, Situation(**asked), enough=1)
    assert {one.labelled for one in near} == labelled
    assert {one.hidden for one in near} == hidden
    few = select_nearest(measured, Situation(**asked), enough=2)  # one data set is not enough
    assert {one.hidden for one in few} == {0.0, 0.1}


def test_results_without_labels_stand_for_what_has_none_with_labels():
    measured = [
        a_result(detector="kde"), a_result("b", "kde"), a_result(detector="repen", auroc=0.1),
        a_result(detector="repen", auroc=0.9, labelled=10),
        a_result(detector="hsc", labelled=50), a_result(detector="hsc", exposure="others"),
        a_result(detector="hsc", kind="image"),
    ]  # fmt: skip
    near = select_nearest(measured, Situation(labelled_anomalies=5))
    assert {(one.dataset, one.detector, one.labelled, one.auroc) for one in near} == {
        ("a", "kde", 0, 0.5),
        ("a", "repen", 10, 0.9),
    }


def test_near_tables_are_so_by_ratios_of_rows_and_columns():
    measured = [
        a_result("small", rows=100, columns=5), a_result("long", rows=10**6, columns=5),
        a_result("wide", rows=100, columns=500),
    ]  # fmt: skip
    for asked, nearest in (((200, 6), "small"), ((10**5, 6), "long"), ((200, 100), "wide")):
        situation = Situation(rows=asked[0], columns=asked[1])
        assert [one.dataset for one in nearest_tasks(measured, situation, 1)] == [nearest]
    assert len(nearest_tasks(measured, Situation(), 3)) == 3


@given(
    labelled=st.integers(1, 10**5),
    hidden=st.none() | st.floats(0, 1, exclude_max=True),
    kind=st.sampled_from(KINDS),
)
def test_with_labels_what_learns_nothing_from_them_is_chosen_only_if_nothing_was_better(
    labelled, hidden, kind
):
    found = jaxad.recommend(kind=kind, labelled_anomalies=labelled, contamination=hidden)
    assert found.evidence
    best = {True: 0.0, False: 0.0}
    for one in found.ranked:
        uses = any(row.labelled for row in one.measured)
        best[uses] = max(best[uses], one.auroc)
    used = any(row.labelled for row in found.evidence)
    assert found.ranked[0].auroc >= max(best.values()) - MARGIN * (found.detector == "auto")
    assert used or best[True] < best[False]


def test_a_data_set_takes_no_part_in_the_choice_that_is_made_for_it(results):
    """Its own results, turned upside down, change what is best for it, and not what is chosen."""
    tasks = sorted({one.task for one in results if one.kind == "table"})[:3]
    tables = [one for one in results if one.task in tasks]
    left_out = tasks[0]
    turned = [replace(one, auroc=1 - one.auroc) if one.task == left_out else one for one in tables]

    def choices(measured, rule):
        return {
            one[:3]: (one.choice, one.best)
            for one in leave_sets_out(measured, rule)
            if one.task == left_out
        }

    for rule in RULES.values():
        before, after = choices(tables, rule), choices(turned, rule)
        assert {k: v[0] for k, v in before.items()} == {k: v[0] for k, v in after.items()}
        assert before != after


def test_regret_is_how_much_less_than_the_best_in_hindsight():
    measured = [
        a_result("a", "iforest", 0.9), a_result("b", "iforest", 0.6),
        a_result("a", "pca", 0.7), a_result("b", "pca", 0.8),
    ]  # fmt: skip
    outcomes = {one.task[0]: one for one in leave_sets_out(measured, RULES[next(iter(RULES))])}
    assert outcomes["a"].choice == ("pca", "")  # by b alone
    assert outcomes["a"].regret == pytest.approx(0.2)
    assert outcomes["b"].choice == ("iforest", "")
    assert outcomes["b"].regret == pytest.approx(0.2)


# What is asked for


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            {"kind": "video"},
            "or 'series'; given 'video'",
        ),
        ({"want": "all"}, "want must be 'scores', 'audit' or 'heatmaps'"),
        ({"rows": 1}, "rows must be a whole number of at least 2; given 1"),
        ({"columns": 0}, "columns must be a whole number of at least 1; given 0"),
        ({"labelled_anomalies": -1}, "labelled_anomalies must be a whole number of at least 0"),
        ({"labelled_normals": 0.5}, "labelled_normals must be a whole number"),
        ({"labelled_anomalies": True}, "labelled_anomalies must be a whole number"),
        ({"contamination": 1.0}, r"contamination must be in \[0, 1\)"),
        ({"contamination": float("nan")}, r"contamination must be in \[0, 1\)"),
        ({"rows": 10, "labelled_anomalies": 9, "labelled_normals": 2}, "11 labelled rows"),
        ({"kind": "image", "columns": 3}, "columns=3 are a table's; kind is 'image'"),
        ({"want": "heatmaps"}, "want='heatmaps' is for images; kind is 'table'"),
        ({"kind": "text", "exposure": True}, "exposure is for images; kind is 'text'"),
        ({"kind": "image", "want": "audit", "exposure": True}, "leave exposure out"),
        ({"labeled_anomalies": 3}, "Did you mean 'labelled_anomalies'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(asked, says):
    with pytest.raises(ConfigError, match=says):
        jaxad.recommend(**asked)


def test_without_any_result_nothing_is_recommended():
    with pytest.raises(DataError, match="no results to go by on other data of the kind 'table'"):
        jaxad.recommend(measured=[])


def test_an_audit_is_by_a_record_of_training():
    for kind in ("table", "image"):
        for labelled in (0, 10):
            found = jaxad.recommend(kind=kind, want="audit", labelled_anomalies=labelled)
            weighting = found.config.get("weighting", "")
            by_bags = kind == "table" and labelled and found.detector == "auto"
            assert by_bags or "latent_outlier_exposure" in weighting
            assert suggest_commands(found)[0][:2] == ["jaxad", "audit"]


def test_an_audit_of_a_table_is_recommended_as_the_command_does_it():
    from jaxad.cli.audit import LABELLED, RECORD, UNLABELLED

    assert jaxad.recommend(want="audit", labelled_anomalies=3).detector == LABELLED
    found = jaxad.recommend(want="audit")
    assert (found.detector, format_settings(found.config)) == (UNLABELLED, RECORD)


def test_features_go_by_features_with_labels_and_without():
    for labelled in (0, 10):
        found = jaxad.recommend(kind="features", labelled_anomalies=labelled)
        compared = [one for other in found.ranked for one in other.measured]
        assert {one.kind for one in compared} == {"features"}
        assert {one.labelled for one in compared} == {0, labelled}


def test_a_kind_without_results_with_labels_says_so():
    found = jaxad.recommend(kind="series", labelled_anomalies=10)
    assert "No detector was measured with labels on such data." in found.reasons
    assert suggest_commands(found)[0][-2:] == ["--time", "time"]


def test_heat_maps_are_by_fcdd():
    found = jaxad.recommend(kind="image", want="heatmaps")
    assert (found.detector, found.config, found.evidence) == ("fcdd", {}, ())
    found = jaxad.recommend(kind="image", want="heatmaps", labelled_anomalies=3)
    assert found.config == {}


# The commands


@pytest.mark.parametrize("kind", KINDS)
def test_each_command_that_is_recommended_parses(kind):
    """Options are known, and settings are the detector's."""
    image = kind == "image"
    wants = ("scores", "audit", "heatmaps") if image else ("scores", "audit")
    sources = (
        DataSource(),
        DataSource(data="x y.csv", table=TableOptions(label="truth", positive=("bad", "b"))),
        DataSource(data="cardio", is_file=False, data_dir="some where"),
    )
    exposures = {bool(one.exposure) for one in read_measurements() if one.kind == kind}
    every = product(wants, exposures, (0, 10, 100), (None, 0.0, 0.1), sources)
    for want, exposure, labelled, hidden, source in every:
        if want == "audit" and exposure:
            continue
        found = jaxad.recommend(
            kind=kind,
            want=want,
            exposure=exposure,
            labelled_anomalies=labelled,
            contamination=hidden,
        )
        for words in suggest_commands(found, source):
            _, command, *rest = shlex.split(shlex.join(words))
            options = tyro.cli(COMMANDS[command], args=rest, config=(tyro.conf.FlagCreatePairsOff,))
            if command in ("run", "fit", "audit"):
                name = options.detectors[0] if command == "run" else options.detector
                pairs = [pair for pair in options.settings if not pair.startswith("vectors=")]
                get_entry(name).config(**parse_configurations([name], pairs, None, None)[name])


def test_settings_are_those_of_the_detector_that_is_trained():
    measured = [
        a_result(detector="iforest", auroc=0.9),
        a_result(detector="vae", settings="score=evidence", auroc=0.8),
    ]
    fit, score = suggest_commands(jaxad.recommend(measured=measured))
    assert fit[1:4] == ["fit", "mine.csv", "iforest"] and "--set" not in fit
    assert score[1:3] == ["score", "my_detector"]
    fit, _ = suggest_commands(jaxad.recommend(measured=measured[1:]))
    assert fit[1:4] == ["fit", "mine.csv", "vae"] and fit[-2:] == ["--set", "score=evidence"]


# The command line


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JAXAD_DATA", raising=False)

    def run(*argv):
        code = main([str(arg) for arg in argv])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "c"])
    frame["label"] = [1] * 4 + [0] * 36
    frame.to_csv(tmp_path / "mine.csv", index=False)
    return frame


def test_the_evidence_is_printed_with_what_measured_it_and_what_to_do_next(cli, results):
    code, out, _ = cli("recommend", "--rows", 2000, "--columns", 30, "--labelled-anomalies", 20)
    found = jaxad.recommend(rows=2000, columns=30, labelled_anomalies=20)
    assert code == 0
    assert out.startswith(found.detector)
    for words in suggest_commands(found):
        assert shlex.join(words) in out
    for one in found.evidence:
        assert one in results
        assert any(
            line.split()[:3] == [one.dataset, str(one.rows), str(one.columns)]
            and f"{100 * one.auroc:.1f}" in line
            for line in out.splitlines()
        )
        assert one.command in out


def test_json_has_the_same(cli, monkeypatch):
    about = {"kind": "image", "exposure": "letters", "settings": "channels=(); widths=64,32"}
    measured = [a_result(detector="hsc", **about), a_result("b", "hsc", 0.9, **about)]
    monkeypatch.setattr("jaxad.cli.recommend.read_measurements", lambda: measured)
    code, out, _ = cli("recommend", "--type", "image", "--exposure", "letters.npz", "--json")
    found = jaxad.recommend(kind="image", exposure=True, measured=measured)
    said = json.loads(out)
    assert code == 0
    assert said["detector"] == found.detector
    assert said["commands"] == suggest_commands(found, DataSource(exposure="letters.npz"))
    assert [one["auroc"] for one in said["evidence"]] == [one.auroc for one in found.evidence]
    assert all(one["command"].startswith("jaxad sweep experiments/") for one in said["evidence"])


def test_a_file_is_read_as_fit_reads_it_and_the_command_works(cli, table, monkeypatch):
    monkeypatch.setattr("jaxad.cli.recommend.read_measurements", lambda: [a_result(detector="pca")])
    code, out, _ = cli("recommend", "mine.csv", "--label", "none", "--json")
    said = json.loads(out)
    assert code == 0
    has = {"kind": "table", "rows": 40, "columns": 4, "labelled_anomalies": 0}
    assert said["situation"].items() >= has.items()
    assert [cli(*command[1:])[0] for command in said["commands"]] == [0, 0]
    assert len(pd.read_csv("scores.csv")) == 40
    _, out, _ = cli("recommend", "mine.csv", "--label", "label", "--json")
    said = json.loads(out)
    assert said["situation"]["labelled_anomalies"] == 4
    assert said["commands"][0][-2:] == ["--label", "label"]


def test_a_data_set_is_measured_by_run(cli):
    code, out, _ = cli("recommend", "breast_cancer", "--labelled-anomalies", 10, "--json")
    said = json.loads(out)
    assert code == 0
    assert (said["situation"]["rows"], said["situation"]["columns"]) == (341, 30)
    assert said["commands"][0][:3] == ["jaxad", "run", "breast_cancer"]


@pytest.mark.parametrize(
    ("shape", "kind"), [((9, 5), "table"), ((9, 5, 1), "sequence"), ((9, 8, 8, 1), "image")]
)
def test_the_kind_of_a_file_is_read_from_its_shape(cli, tmp_path, shape, kind, monkeypatch):
    measured = [a_result(kind=kind), a_result("b", kind=kind)]
    monkeypatch.setattr("jaxad.cli.recommend.read_measurements", lambda: measured)
    np.savez(tmp_path / "mine.npz", X=np.random.default_rng(0).random(shape, np.float32))
    code, out, _ = cli("recommend", "mine.npz", "--json")
    assert code == 0
    assert json.loads(out)["situation"]["kind"] == kind


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["--rows", "1"], 2, "rows must be a whole number of at least 2; given 1"),
        (["--contamination", "1.5"], 2, "contamination must be in [0, 1)"),
        (["--label", "y"], 2, "--label is about a file or data set"),
        (["mine.csv", "--label", "lable"], 2, "Did you mean 'label'"),
        (["mine.csv", "--rows", "9"], 2, "--rows is read from mine.csv; leave it out"),
        (["mine.csv", "--labelled-anomalies", "9"], 2, "with --label and --positive"),
        (["digits", "--positive", "1"], 2, "digits is not an existing file"),
        (["digitz"], 2, "Did you mean 'digits'"),
        (["--want", "heatmaps"], 2, "is for images; kind is 'table'"),
        (["--type", "film"], 2, "film"),
    ],
)
def test_wrong_use_is_said(cli, table, argv, code, says):
    ended = cli("recommend", *argv)
    assert ended[0] == code
    assert says in " ".join(ended[2].replace("│", " ").split())
    assert ended[1] == ""


def test_importing_the_library_does_not_read_the_results():
    code = (
        "import sys; opened = []; "
        "sys.addaudithook(lambda name, args: name == 'open' and opened.append(str(args[0]))); "
        "import jaxad; print(any('results.csv' in path for path in opened), jaxad.recommend)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.startswith("False <function recommend")


def test_results_of_a_data_set_take_no_part_in_the_choice_for_it(cli, tmp_path, results):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "6_cardio.npz", X=rng.random((20, 3)), y=[0, 1] * 10)
    assert any(one.dataset == "cardio" for one in results)
    for argv in (("cardio", "--data-dir", tmp_path), ("6_cardio.npz", "--label", "none")):
        code, out, _ = cli("recommend", *argv, "--json")
        evidence = json.loads(out)["evidence"]
        assert code == 0
        assert evidence
        assert all(one["dataset"] != "cardio" for one in evidence)


def test_the_situation_is_read_from_rows_and_labels():
    frame = pd.DataFrame(np.zeros((600, 5)))
    y = np.where(np.arange(600) < 20, "fraud", "ok")
    found = jaxad.recommend(frame, y, positive="fraud", contamination=0.1)
    asked = {"rows": 600, "columns": 5, "labelled_anomalies": 20, "contamination": 0.1}
    assert found == jaxad.recommend(**asked)
    verified = jaxad.recommend(frame, y, positive="fraud", normal="ok").situation
    assert verified.labelled_normals == 580
    assert jaxad.recommend(np.zeros((50, 28, 28, 1))).situation.kind == "image"
    assert jaxad.recommend(frame, rows=9000).situation.rows == 9000
    with pytest.raises(ConfigError, match="give data"):
        jaxad.recommend(y=y)
    with pytest.raises(DataError, match="600 labels and data 9 rows"):
        jaxad.recommend(frame[:9], y, positive="fraud")
    with pytest.raises(DataError, match=r"shape \(3,\)"):
        jaxad.recommend([1, 2, 3])


@pytest.mark.parametrize(("behind", "first"), [(0.0, "auto"), (0.009, "auto"), (0.02, "iforest")])
def test_the_composite_is_preferred_where_it_is_at_most_a_point_behind(behind, first):
    results = [a_result(auroc=0.8), a_result(detector="auto", auroc=0.8 - behind)]
    results.append(a_result(detector="knn", auroc=0.799))
    ranked = prefer_composite(rank_detectors(results))
    assert ranked[0].detector == first and len(ranked) == 3
    assert prefer_composite([]) == []
    found = jaxad.recommend(measured=results)
    assert found.detector == first
    assert ("at most a point behind" in found.reasons[0]) == (0 < behind < 0.01)


@pytest.mark.parametrize(("gains", "first"), [((0.1, -0.05), "auto"), ((0.03, 0.02), "iforest")])
def test_the_composite_is_preferred_where_the_lead_is_within_its_standard_error(gains, first):
    results = [a_result(name, "auto", 0.5) for name in "ab"]
    results += [
        a_result(name, "iforest", 0.5 + gain) for name, gain in zip("ab", gains, strict=True)
    ]
    assert prefer_composite(rank_detectors(results))[0].detector == first


@pytest.mark.slow
def test_left_out_the_rule_is_not_worse_than_a_fixed_choice(results):
    tables = [one for one in results if one.kind == "table"]
    reached = [
        pd.Series({one[:3]: one.auroc for one in leave_sets_out(tables, RULES[name])})
        for name in ("the rule", "fixed: one with labels, one without")
    ]
    gain = (reached[0] - reached[1]).groupby(lambda key: key[1]).mean()
    assert len(gain) == 5 and gain.min() > -1e-9
