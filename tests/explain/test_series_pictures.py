"""Pictures of series: peaks stay visible, marks are where they belong, odd input is drawn too."""

import numpy as np
import pytest

from jaxad.errors import ConfigError, DataError
from jaxad.explain.pictures.series import SeriesPicture, draw_series, reduce_series


def test_single_peaks_and_gaps_stay():
    time = np.cumsum(np.random.default_rng(0).exponential(size=100_000))
    values = np.zeros(100_000)
    values[[7, 50_000, 99_999]] = [3, -4, 5]
    values[60_000:70_000] = np.nan
    few, extremes = reduce_series(time, values, bins=1000)
    assert len(few) == len(extremes) <= 2000 and (np.diff(few) >= 0).all()
    assert np.nanmin(extremes) == -4 and (np.nanmax(extremes), np.isnan(extremes).any()) == (5, 1)
    assert extremes[1] == 3
    short = reduce_series(time[:10], values[:10])
    assert short[0] is not None and len(short[0]) == 10


@pytest.mark.parametrize("kind", ["plain", "marked", "empty", "one"])
def test_pictures_are_drawn(tmp_path, monkeypatch, kind):
    n = 1 if kind == "one" else 5000
    seen = {}

    def keep(figure, path, dpi):
        seen["figure"] = figure
        figure.savefig(path, dpi=20)

    monkeypatch.setattr("jaxad.explain.pictures.series.save_picture", keep)
    values = np.random.default_rng(0).normal(size=(n, 2))
    time = np.arange(n, dtype=float)
    picture = SeriesPicture(time, values, ["$a_1", "b" * 50], np.abs(values[:, 0]))
    if kind != "plain":
        time = np.datetime64("2024-03-01T00:00") + 60 * np.arange(n).astype("timedelta64[s]")
        truth = np.isin(np.arange(n), [10, 2000, 2001, 4999])
        score = np.full(n, np.nan) if kind == "empty" else picture.score
        parts = np.where(np.isnan(score)[:, None], np.nan, values**2)
        picture = picture._replace(
            time=time,
            truth=truth,
            threshold=2.5,
            score=score,
            parts=parts,
            title="$x",
            values=values,
        )
    draw_series(tmp_path / "p.png", picture)
    assert (tmp_path / "p.png").stat().st_size > 1000
    legends = seen["figure"].legends
    told = [text.get_text() for legend in legends for text in legend.get_texts()]
    assert (
        told
        == {
            "plain": [],
            "marked": ["true range", "alarm", "threshold 2.5"],
            "empty": ["true range", "threshold 2.5"],
            "one": ["threshold 2.5"],
        }[kind]
    )
    if kind == "marked":
        spans = seen["figure"].axes[0].collections[0].get_paths()
        assert len(spans) == 3  # neighbours are one


def test_bad_input(tmp_path):
    values = np.zeros((3, 1))
    picture = SeriesPicture(np.arange(3.0), values, ["a"], np.zeros(3))
    with pytest.raises(ConfigError, match="must end in"):
        draw_series(tmp_path / "p.txt", picture)
    for wrong in ({"score": np.zeros(2)}, {"names": []}, {"truth": np.zeros(2, bool)}):
        with pytest.raises(DataError, match=r"\(3, 1\)"):
            draw_series(tmp_path / "p.png", picture._replace(**wrong))
