"""Files scored in pieces by a saved detector, through the library alone."""

import numpy as np
import pandas as pd
import pytest

import jaxad
from jaxad.data.bad_rows import replace_bad_rows
from jaxad.data.protocol.training_file import load_training_file
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError, DataWarning
from jaxad.thresholds import parse_rule


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A detector trained on a file, and the file."""
    here = tmp_path_factory.mktemp("trained")
    x = np.random.default_rng(0).normal(size=(40, 3))
    pd.DataFrame(x, columns=["a", "b", "c"]).assign(label=np.arange(40) % 20 == 0).astype(
        {"label": int}
    ).to_csv(here / "rows.csv", index=False)
    data = load_training_file(here / "rows.csv")
    detector = jaxad.make("autoencoder", data.train, epochs=2, batch_size=16, widths=(4,))
    fitted = jaxad.fit(detector, data.train, seeds=2)
    return jaxad.saving.save_trained(fitted, data, here / "saved", file="rows.csv")


def test_a_file_is_scored_in_pieces_as_it_is_whole(folder, tmp_path, monkeypatch):
    x = np.random.default_rng(1).normal(size=(20, 3))
    pd.DataFrame(x, columns=["a", "b", "c"]).to_csv(tmp_path / "new.csv", index=False)
    saved = jaxad.saving.open_detector(folder)
    (whole,) = saved.score_file(tmp_path / "new.csv")
    monkeypatch.setattr("jaxad.saving.SavedDetector.rows_at_once", 7)
    parts = list(saved.score_file(tmp_path / "new.csv"))
    assert [part.scores.shape for part in parts] == [(2, 7), (2, 7), (2, 6)]
    np.testing.assert_array_equal(np.concatenate([p.scores for p in parts], axis=1), whole.scores)
    np.testing.assert_array_equal(whole.scores, jaxad.score(saved.fitted, saved.scale(x)))
    np.testing.assert_array_equal(whole.mean, whole.scores.mean(axis=0, dtype=np.float64))
    assert whole.good.all() and whole.label is None
    assert saved.columns == saved.features == ("a", "b", "c")


def test_a_value_that_training_never_had_raises_the_score(folder, tmp_path):
    """As in folders of jaxad 0.2, whose training rows were numbers without gaps."""
    (tmp_path / "new.csv").write_text("c,b,a\n1,2,3\n0,x,0\n0,,0\n0,0,0\n")
    saved = jaxad.saving.open_detector(folder)
    (part,) = saved.score_file(str(tmp_path / "new.csv"))
    assert not part.bad and np.isfinite(part.mean).all()
    np.testing.assert_array_equal(part.x[0], [3, 2, 1])  # in the order of training
    assert (part.mean[1:3] >= saved.reference.score.max()).all()
    assert part.mean[3] == part.scores[:, 3].mean(dtype=np.float64)
    described = [part.events.describe(row) for row in range(4)]
    assert described == [[], ["text in place of a number in `b`"], ["gap in `b`"], []]


def test_a_bad_row_has_its_reason_and_no_score(folder, tmp_path):
    (tmp_path / "new.csv").write_text("a,b,c\n1,2,3\n1,2\n1,2,3\n")
    (part,) = jaxad.saving.open_detector(folder).score_file(str(tmp_path / "new.csv"))
    assert list(part.bad) == [1]
    assert part.good.tolist() == np.isfinite(part.mean).tolist() == [True, False, True]
    assert not len(part.events.row)


def test_a_column_of_another_kind_than_in_training_is_a_warning(folder, tmp_path):
    rows = "".join(f"{i},word,{i}\n" for i in range(12))
    (tmp_path / "new.csv").write_text("a,b,c\n" + rows)
    message = "text in place of a number in column 'b' of 12 of 12 rows"
    with pytest.warns(DataWarning, match=message):
        list(jaxad.saving.open_detector(folder).score_file(tmp_path / "new.csv"))


def test_further_columns_are_ignored_and_missing_ones_are_named(folder, tmp_path):
    saved = jaxad.saving.open_detector(folder)
    (tmp_path / "new.csv").write_text("when,a,b,c\nx,1,2,3\n")
    with pytest.warns(DataWarning, match="not in training: when"):
        (part,) = saved.score_file(tmp_path / "new.csv")
    np.testing.assert_array_equal(part.x, [[1, 2, 3]])
    with pytest.raises(DataError, match="when; drop"):
        list(saved.score_file(tmp_path / "new.csv", strict=True))
    (part,) = saved.score_file(tmp_path / "new.csv", TableOptions(id="when"), strict=True)
    assert part.ids.to_pylist() == ["x"]
    (tmp_path / "new.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="missing: c"):
        list(saved.score_file(tmp_path / "new.csv"))


def test_thresholds_go_by_the_training_rows_or_by_a_reference(folder, tmp_path):
    saved = jaxad.saving.open_detector(folder)
    assert saved.reference is not None
    assert saved.choose_threshold(None) is None
    assert saved.choose_threshold(parse_rule(1.5)) == 1.5
    above = saved.reference.unlabelled > saved.choose_threshold(parse_rule("quantile(0.1)"))
    assert above.sum() == 4
    with pytest.raises(ConfigError, match="no scores of rows held out"):
        saved.choose_threshold(parse_rule("conformal"))
    frame = pd.read_csv(folder.parent / "rows.csv").assign(label=[0] * 39 + [1])
    frame.to_csv(tmp_path / "normal.csv", index=False)
    reference = saved.read_reference(tmp_path / "normal.csv")
    assert reference.label.tolist() == [0] * 39 + [-1] and len(reference.held_out) == 39
    limit = saved.choose_threshold(parse_rule("conformal(0.05)"), reference)
    assert limit == np.sort(reference.held_out)[-2]
    (tmp_path / "normal.csv").write_text("a,b,c\n")
    with pytest.raises(DataError, match="no rows"):
        saved.read_reference(tmp_path / "normal.csv")


def test_what_jaxad_save_saved_has_no_columns_and_no_scores(fitted, toy, tmp_path):
    folder = jaxad.save(fitted("autoencoder"), tmp_path / "saved")
    saved = jaxad.saving.open_detector(folder)
    assert (saved.columns, saved.reference, saved.threshold) == ((), None, None)
    np.savez(tmp_path / "rows.npz", X=toy.test.x)
    (part,) = saved.score_file(tmp_path / "rows.npz")
    np.testing.assert_array_equal(part.scores, jaxad.score(fitted("autoencoder"), toy.test.x))
    with pytest.raises(ConfigError, match="no scores of its training rows"):
        saved.choose_threshold(parse_rule("sigma"))
    x = toy.test.x.copy()
    x[2, 1] = np.nan
    np.savez(tmp_path / "gap.npz", X=x)
    (gap,) = saved.score_file(tmp_path / "gap.npz")
    assert gap.bad == {2: "holds nan at position (1)"} and np.isnan(gap.mean[2])
    np.testing.assert_array_equal(np.delete(gap.scores, 2, 1), np.delete(part.scores, 2, 1))
    with pytest.raises(DataError, match=r"gap\.npz.*NaN.*first in row 2.*drop these rows"):
        load_training_file(tmp_path / "gap.npz")


def test_images_with_gaps_are_bad_rows():
    x = np.ones((3, 2, 2, 1), np.float32)
    x[1, 0, 1] = np.inf
    filled, bad = replace_bad_rows(x)
    assert bad == {1: "holds inf at position (0, 1, 0)"} and (filled == 1).all()
    assert replace_bad_rows(filled.astype(np.uint8))[1] == replace_bad_rows(x[1:2])[1] == {}


def test_a_scaling_for_each_seed_scores_each_seed_by_its_own(quick, tmp_path):
    split = jaxad.contaminate("wine", 0, normal_class=0, seeds=2)
    fitted = jaxad.fit(quick("autoencoder", split.train), split.train)
    folder = jaxad.save(fitted, tmp_path / "saved", scaling=split.scaling)
    x = jaxad.load_dataset("wine").x.copy()
    x[3] = 3e38
    np.savez(tmp_path / "rows.npz", X=x)
    (part,) = jaxad.saving.open_detector(folder).score_file(tmp_path / "rows.npz")
    assert part.bad == {} and (part.scores[:, 3] > np.delete(part.scores, 3, axis=1).max()).all()
    for i in range(2):
        own = split.seed(i).scaling.apply(np.delete(x, 3, axis=0))
        expected = jaxad.score(fitted, own)[i]
        np.testing.assert_allclose(np.delete(part.scores[i], 3), expected, rtol=1e-5)


def test_diverged_training_is_not_saved(fitted, tmp_path):
    import jax

    (tmp_path / "rows.csv").write_text("a,b,c,d,e,f\n1,2,3,4,5,6\n2,3,4,5,6,8\n")
    data = load_training_file(tmp_path / "rows.csv")
    fit = fitted("autoencoder")
    broken = jaxad.Fit((fit.detector,), jax.tree.map(lambda leaf: leaf * np.nan, fit.state))
    with pytest.raises(DataError, match="diverged"):
        jaxad.saving.save_trained(broken, data, tmp_path / "saved", file="rows.csv")
    assert not (tmp_path / "saved").exists()
