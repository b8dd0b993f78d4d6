"""Fits that go on where they were cut off, and detectors that score the same after loading."""

import json
import signal

import jax
import numpy as np
import pytest

import jaxad
from jaxad.data import Scaling, fit_scaling
from jaxad.errors import ConfigError, DataError, StorageError
from jaxad.utils.checksums import SUMS, verify_checksums, write_checksums

EPOCHS = {"epochs": 4, "pretrain_epochs": 3}  # 15 and 20 steps


class CutError(Exception):
    """The power went."""


def cut_at(step):
    def progress(at):
        if at.done >= step:
            raise CutError

    return progress


def press_ctrl_c_at(step):
    def progress(at):
        if at.done == step:
            signal.raise_signal(signal.SIGINT)

    return progress


def assert_same(one, two):
    jax.tree.map(np.testing.assert_array_equal, one.state, two.state)
    jax.tree.map(np.testing.assert_array_equal, one.history, two.history)


@pytest.fixture
def eager_saves(small_chunks, monkeypatch):
    """A place is saved after each chunk."""
    monkeypatch.setattr("jaxad.training.train._SAVE_SECONDS", 0.0)


@pytest.fixture(scope="module")
def detector(toy, quick):
    return quick("deep_sad", toy.train, **EPOCHS)


@pytest.fixture(scope="module")
def whole(detector, toy):
    return jaxad.fit(detector, toy.train, seeds=2)


@pytest.mark.parametrize("cuts", [(9,), (15,), (16,), (24,), (8, 17, 34)], ids=str)
def test_a_fit_that_was_cut_off_goes_on_bit_for_bit(
    detector, toy, whole, eager_saves, tmp_path, cuts
):
    done = []
    for cut in cuts:
        with pytest.raises(CutError):
            jaxad.fit(detector, toy.train, 2, progress=cut_at(cut), checkpoint=tmp_path)
    resumed = jaxad.fit(
        detector, toy.train, 2, progress=lambda at: done.append(at.done), checkpoint=tmp_path
    )
    assert done[0] > 5  # not from the beginning
    assert_same(resumed, whole)


@pytest.mark.parametrize("step", [7, 22])
def test_a_fit_that_was_interrupted_goes_on_bit_for_bit(
    detector, toy, whole, small_chunks, tmp_path, step
):
    stop = press_ctrl_c_at(step)
    part = jaxad.fit(detector, toy.train, 2, progress=stop, checkpoint=tmp_path)
    assert part.interrupted
    assert_same(jaxad.fit(detector, toy.train, 2, checkpoint=tmp_path), whole)


def test_checkpoints_of_another_fit_are_refused(detector, toy, toy_of, quick, tmp_path):
    """Another configuration, detector, data or key."""
    jaxad.fit(detector, toy.train, checkpoint=tmp_path)
    label = toy.train.label.copy()
    label[0] = 1 if label[0] == 0 else 0
    others = [
        (quick("deep_sad", toy.train, **EPOCHS, eta=2.0), toy.train, 0),
        (quick("deep_svdd", toy.train, **EPOCHS), toy.train, 0),
        (detector, toy_of(seed=1).train, 0),
        (detector, toy.train._replace(label=label), 0),
        (detector, toy.train, 1),
    ]
    for other, train, key in others:
        with pytest.raises(ConfigError, match="another fit"):
            jaxad.fit(other, train, key=key, checkpoint=tmp_path)
    with pytest.raises(ConfigError, match="another fit"):
        jaxad.fit(detector, toy.train, seeds=2, checkpoint=tmp_path)


@pytest.mark.parametrize("scaled", [False, True])
def test_scores_are_the_same_after_loading_bit_for_bit(whole, toy, tmp_path, scaled):
    scaling = fit_scaling(toy.train.x, "whiten") if scaled else None
    folder = jaxad.save(whole, tmp_path / "here" / "saved", scaling=scaling)
    loaded, back = jaxad.load(folder)
    np.testing.assert_array_equal(jaxad.score(loaded, toy.test), jaxad.score(whole, toy.test))
    assert loaded.detector.config == whole.detector.config
    assert loaded.seeds == 2
    if scaling is None:
        assert back is None
    else:
        np.testing.assert_array_equal(back.apply(toy.test.x), scaling.apply(toy.test.x))
    assert [p.name for p in folder.parent.iterdir()] == ["saved"]


def test_tuples_of_a_configuration_come_back(toy, quick, tmp_path):
    detector = quick("deep_svdd", toy.train, widths=(7, 3), epochs=1, pretrain_epochs=0)
    loaded, _ = jaxad.load(jaxad.save(jaxad.fit(detector, toy.train), tmp_path / "saved"))
    assert loaded.detector.config == detector.config


def test_what_is_there_is_not_written_over(whole, tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(ConfigError, match="exists"):
        jaxad.save(whole, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["note"]


def test_custom_detectors_are_not_saved(whole, toy, tmp_path):
    custom = jaxad.Fit((whole.detector._replace(name="custom"),), whole.state)
    with pytest.raises(ConfigError, match="custom"):
        jaxad.save(custom, tmp_path / "saved")


@pytest.mark.parametrize(
    ("raised", "seen"),
    [(OSError("disk full"), StorageError), (KeyboardInterrupt(), KeyboardInterrupt)],
    ids=["disk full", "Ctrl-C"],
)
def test_a_failed_save_leaves_nothing_behind(whole, tmp_path, monkeypatch, raised, seen):
    import orbax.checkpoint as ocp

    def fail(self, folder, *_):
        folder.mkdir()
        (folder / "half").write_text("written")
        raise raised

    monkeypatch.setattr(ocp.StandardCheckpointer, "save", fail)
    with pytest.raises(seen):
        jaxad.save(whole, tmp_path / "saved")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def folder(whole, tmp_path):
    return jaxad.save(whole, tmp_path / "saved")


def edited(**changes):
    return lambda text: json.dumps(json.loads(text) | changes)


def without(key):
    return lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != key})


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (lambda text: text[:40], "not a saved detector"),
        (lambda text: "[" * 100_000, "not a saved detector"),
        (lambda text: "[1, 2]", "another format"),
        (edited(format="zip"), "another format"),
        (edited(version=99), "version 99"),
        (edited(version=1), "version 1"),
        (without("version"), "version None"),
        (edited(seeds=5), "do not fit"),
        (edited(input_shape=[70]), "do not fit"),
        (edited(rows=2**31 - 1), "do not fit"),
        (edited(config={"widths": [10**6, 10**5]}), "do not fit"),
        (edited(detector="autoencoder", config={}), "do not fit"),
        (edited(detector="../../etc/passwd"), "detector"),
        (edited(detector=["deep_sad"]), "detector"),
        (edited(detector="iforest", config={}), "has no models"),
        (edited(input_shape="ab"), "input_shape"),
        (edited(input_shape=[0]), "input_shape"),
        (edited(input_shape=[10**30]), "31 digits"),
        (edited(input_shape=[2**62]), "input_shape"),
        (edited(labelled=[1, 2, 3]), "labelled"),
        (edited(rows="many"), "rows"),
        (edited(seeds=True), "seeds"),
        (edited(scaling="pickle"), "scaling"),
        (edited(config=[1]), "config"),
        (edited(scaling="standard"), "do not fit"),
    ],
)
def test_what_is_no_saved_detector_is_refused(folder, edit, match):
    """Checksums or not: whoever changed it may have made them anew."""
    config = folder / "config.json"
    config.write_text(edit(config.read_text()))
    write_checksums(folder)
    with pytest.raises(DataError, match=match):
        jaxad.load(folder)


@pytest.mark.parametrize(
    "config", [{"epochs": -1}, {"no_such_setting": 1}, {"widths": "os.system"}], ids=str
)
def test_a_configuration_that_the_detector_does_not_allow_is_refused(folder, config):
    path = folder / "config.json"
    path.write_text(edited(config=config)(path.read_text()))
    write_checksums(folder)
    with pytest.raises(ConfigError):
        jaxad.load(folder)


@pytest.mark.parametrize("key", ["config", "rows", "seeds", "detector", "input_shape", "scaling"])
def test_a_description_that_lacks_a_part_is_refused(folder, key):
    config = folder / "config.json"
    config.write_text(without(key)(config.read_text()))
    write_checksums(folder)
    with pytest.raises(DataError, match=key):
        jaxad.load(folder)


@pytest.mark.parametrize(
    "scaling",
    [
        Scaling("standard", np.zeros(3), np.ones(3)),
        Scaling("standard", np.zeros((5, 6)), np.ones((5, 6))),
        Scaling("standard", np.zeros(6), np.zeros(6)),
        Scaling("standard", np.full(6, np.nan), np.ones(6)),
        Scaling("whiten", np.zeros(6), np.ones(6)),
        Scaling("whiten", np.zeros(6), np.ones(6), matrix=np.ones((6, 5))),
        Scaling("standard", np.zeros(6), np.ones(6), matrix=np.eye(6)),
    ],
    ids=["columns", "seeds", "zero", "nan", "no matrix", "matrix", "needless matrix"],
)
def test_a_scaling_of_other_columns_or_without_numbers_is_refused(whole, tmp_path, scaling):
    folder = jaxad.save(whole, tmp_path / "saved", scaling=scaling)
    with pytest.raises(DataError, match="scaling"):
        jaxad.load(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="not a saved detector"):
        jaxad.load(tmp_path / "nowhere")


# Checksums


def test_every_file_that_is_saved_is_under_a_checksum(folder):
    sums = json.loads((folder / SUMS).read_text())
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert sums.keys() == files - {SUMS}


def test_a_change_of_any_file_is_noticed(folder):
    """One bit of each in turn; back again it loads."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        before = path.read_bytes()
        if not before:
            path.write_bytes(b"x")
        else:
            path.write_bytes(bytes([before[0] ^ 1]) + before[1:])
        with pytest.raises(DataError):
            jaxad.load(folder)
        path.write_bytes(before)
    jaxad.load(folder)


def test_a_missing_and_an_added_array_are_noticed(folder):
    extra = folder / "arrays" / "more"
    extra.write_text("x")
    with pytest.raises(DataError, match="'arrays/more' is not in checksums"):
        jaxad.load(folder)
    extra.unlink()
    (folder / "notes.txt").write_text("a reader's own")
    with pytest.raises(DataError, match="notes\\.txt' is not in checksums"):
        jaxad.load(folder)
    (folder / "notes.txt").unlink()
    jaxad.load(folder)
    next(p for p in (folder / "arrays").rglob("*") if p.is_file()).unlink()
    with pytest.raises(DataError, match="cannot be read"):
        jaxad.load(folder)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/hostname", "arrays/../../outside", "a\\..\\b", "", "a\0b"]
)
def test_names_that_lead_out_of_the_folder_are_refused(folder, name):
    sums = json.loads((folder / SUMS).read_text())
    (folder / SUMS).write_text(json.dumps(sums | {name: "0" * 64}))
    with pytest.raises(DataError, match="leads out"):
        jaxad.load(folder)


@pytest.mark.parametrize("name", ["config.json", "arrays"])
def test_links_are_refused(folder, tmp_path, name):
    """The sums of what they lead to are right, and still it may be changed elsewhere."""
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="link"):
        jaxad.load(folder)


@pytest.mark.parametrize("text", ["", "[]", '{"config.json": 3}', "[" * 100_000])
def test_broken_checksums_are_refused(folder, text):
    (folder / SUMS).write_text(text)
    with pytest.raises(DataError, match="not a saved detector"):
        verify_checksums(folder)


def test_files_of_ones_own_are_saved_under_plain_names(whole, tmp_path):
    folder = jaxad.save(whole, tmp_path / "saved", files={"note.txt": b"mine"})
    assert (folder / "note.txt").read_bytes() == b"mine"
    for name in ("../note", "a/b", "config.json", "arrays", ".."):
        with pytest.raises(ConfigError, match="plain name"):
            jaxad.save(whole, tmp_path / "other", files={name: b""})
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]
