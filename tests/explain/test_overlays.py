"""Overlays and sheets of images with their heat maps, and safe names of their files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxad.errors import ConfigError, DataError
from jaxad.explain.defects import compute_auroc, measure_defects
from jaxad.explain.pictures.overlays import MapScale, choose_scale, draw_overlays, draw_sheet
from jaxad.explain.pixels import collect_pixels
from jaxad.utils.safe_names import make_file_names
from tests.fuzzing import examples

rng = np.random.default_rng(3)


def read(path):
    from matplotlib.image import imread

    return imread(path)[..., :3]


def test_an_overlay_has_colour_above_the_threshold_alone_and_the_outline_of_the_mask(tmp_path):
    pytest.importorskip("matplotlib")
    x = np.full((1, 10, 10, 1), 128, np.uint8)
    maps, mask = np.zeros((1, 10, 10)), np.zeros((1, 10, 10), int)
    maps[0, :5], mask[0, 6:9, 2:8] = 1.0, 1
    scale = MapScale(0.5, 1.0)
    for name, truth in (("with.png", mask), ("without.png", None)):
        draw_overlays([tmp_path / name], x, maps, truth, titles=["a $x$ \n b"], scale=scale)
    one, other = read(tmp_path / "with.png"), read(tmp_path / "without.png")
    grey = np.abs(other - 128 / 255).max(axis=-1) < 0.01
    assert grey.mean() > 0.2  # the image itself, and the half of the overlay below the threshold
    cyan = (one[..., 2] > 0.9) & (one[..., 0] < 0.2)
    assert cyan.any() and not ((other[..., 2] > 0.9) & (other[..., 0] < 0.2)).any()


@pytest.mark.parametrize(
    "x",
    [
        rng.uniform(size=(3, 8, 20, 3)).astype(np.float16),
        rng.integers(0, 256, (1, 30, 6, 1), dtype=np.uint8),
    ],
    ids=["wide RGB of 16 bits", "one high grey image"],
)
def test_any_shape_and_constant_maps_are_drawn(tmp_path, x):
    pytest.importorskip("matplotlib")
    n, maps = len(x), np.full(x.shape[:3], 2.5)
    names = ["x" * 300, "a\tb", "多"][:n]
    draw_sheet(tmp_path / "s.png", x, maps, names=names, scores=np.arange(n) + 0.5)
    draw_overlays([tmp_path / f"{i}.png" for i in range(n)], x, maps, titles=names)
    assert read(tmp_path / "s.png").std() > 0 and read(tmp_path / "0.png").std() > 0


def test_what_does_not_fit_is_refused(tmp_path):
    x, maps = np.zeros((2, 4, 4, 1)), np.zeros((2, 4, 4))
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    with pytest.raises(DataError, match="masks must have shape"):
        draw_overlays(paths, x, maps, np.zeros((2, 4, 5)))
    with pytest.raises(DataError, match="titles: 1 are given for 2"):
        draw_overlays(paths, x, maps, titles=["a"])
    with pytest.raises(DataError, match="paths: 1 are given for 2"):
        draw_overlays(paths[:1], x, maps)
    with pytest.raises(DataError, match="names: 1 are given for 2"):
        draw_sheet(paths[0], x, maps, names=["a"], scores=np.zeros(2))
    with pytest.raises(DataError, match="maps must be finite"):
        draw_overlays(paths, x, np.full(maps.shape, np.nan))
    with pytest.raises(ConfigError, match="low < high"):
        choose_scale(maps, 0.9, 0.2)


def test_the_scale_has_the_same_ends_for_all_maps():
    maps = np.linspace(0, 1, 1001)[1:].reshape(10, 10, 10)
    np.testing.assert_allclose(choose_scale(maps), (0.9, 0.999), atol=2e-3)
    low, high = choose_scale(np.zeros((1, 2, 2)))
    assert low == 0 and high > 0


def test_kinds_of_defects_have_rows_of_their_own():
    maps = rng.normal(size=(6, 5, 5))
    mask = np.zeros((6, 5, 5), int)
    mask[[1, 2, 4], 1:3, 1:3] = 1
    scores = np.array([0.0, 3.0, 1.0, 2.0, 0.5, 0.2])
    kinds = ["good", "a", "a", "good", "b", "good"]
    rows = measure_defects(collect_pixels(maps, mask), scores, kinds)
    assert [(row.kind, row.images) for row in rows] == [("all", 3), ("a", 2), ("b", 1)]
    np.testing.assert_allclose([row.auroc for row in rows], [7 / 9, 5 / 6, 2 / 3])
    assert len(measure_defects(collect_pixels(maps, mask), scores)) == 1
    assert compute_auroc(np.ones(2), np.ones(3)) == 0.5
    assert np.isnan(compute_auroc(np.ones(2), np.zeros(0)))


@settings(max_examples=examples(100))
@given(st.lists(st.text(max_size=300), max_size=6, unique=True))
def test_any_names_become_safe_ones_without_collisions(names):
    found = make_file_names(names, ".png")
    assert len({name.casefold() for name in found}) == len(names)
    for name in found:
        assert name.endswith(".png") and not name.startswith("/") and name.isprintable()
        assert not set(name) & set('<>:"|?*\\')
        assert all(0 < len(part.encode()) < 200 for part in name.split("/"))
        assert not {".", ".."} & set(name.split("/"))


def test_names_that_need_no_change_are_kept():
    names = ["crack/000.png", "crack/000.jpg", "CRACK/000.bmp", "a.b", "x/../y.tif", "con.png"]
    assert make_file_names(names, ".png") == [
        "crack/000.png", "crack/000~2.png", "CRACK/000~3.png", "a.png", "x/_/y.png", "_con.png",
    ]  # fmt: skip
