"""Bars of attributions: which features they show, and what is refused."""

import numpy as np
import pytest

from jaxad.errors import ConfigError, DataError
from jaxad.explain import draw_attributions, top_features

pytest.importorskip("matplotlib")
VALUES = np.array([[0.5, -3.0, 1.0, 0.0], [0.0, 0.0, 0.0, 2.0]])


def test_the_largest_come_first_with_their_signs():
    assert top_features(VALUES, 2) == [[(1, -3.0), (2, 1.0)], [(3, 2.0), (0, 0.0)]]


@pytest.fixture
def texts(monkeypatch, tmp_path):
    """What a picture says: its tick labels, and the lengths of its bars."""
    from matplotlib.figure import Figure

    def drawn(*args, **kwargs):
        found = []

        def savefig(figure, path, **_):
            for axes in figure.axes:
                words = [t.get_text() for t in axes.get_yticklabels()]
                found.append((words, [bar.get_width() for bar in axes.patches], axes.get_title()))
            path.write_bytes(b"")

        monkeypatch.setattr(Figure, "savefig", savefig)
        draw_attributions(tmp_path / "bars.png", *args, **kwargs)
        return found

    return drawn


def test_bars_have_names_values_and_the_rest(texts):
    names = ["one", "two", "three", "a name of more letters than there is room for"]
    x = np.arange(8).reshape(2, 4)
    first, second = texts(VALUES, names, x=x, titles=["r", "s"], most=2)
    assert first == (["two = 1", "three = 2", "2 others"], [-3.0, 1.0, 0.5], "r")
    assert second[0][0] == "a name of more letter… = 7" and second[1] == [2.0, 0.0, 0.0]
    # The bars of a panel add up to the attributions of its row.
    assert sum(first[1]) == VALUES[0].sum()
    assert texts(VALUES)[0][0] == ["1", "2", "0", "3"]


def test_what_cannot_be_drawn_is_refused(tmp_path):
    path = tmp_path / "bars.png"
    with pytest.raises(
        DataError, match=r"names must fit attributions of shape \(2, 4\): 4; given 3"
    ):
        draw_attributions(path, VALUES, ["a", "b", "c"])
    with pytest.raises(DataError, match=r"x must fit .*given \(4,\)"):
        draw_attributions(path, VALUES, x=VALUES[0])
    with pytest.raises(DataError, match=r"titles must fit .*given 1"):
        draw_attributions(path, VALUES, titles=["a"])
    with pytest.raises(DataError, match=r"\(n, d\) finite"):
        draw_attributions(path, VALUES[0])
    with pytest.raises(ConfigError, match="most must be at least 1"):
        draw_attributions(path, VALUES, most=0)
    with pytest.raises(ConfigError, match=r"\.png"):
        draw_attributions(tmp_path / "bars.jpg", VALUES)
