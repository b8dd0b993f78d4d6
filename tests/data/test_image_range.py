"""Images in another range than those of training are an error that says both ranges."""

import re

import numpy as np
import pytest

import jaxad
from jaxad.cli import main
from jaxad.data import fit_scaling
from jaxad.data.image_range import ImageRange
from jaxad.errors import DataError

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (40, 8, 8, 1)).astype(np.uint8)
UNIT = (BYTES / 255).astype(np.float32)
WIDE = BYTES.astype(np.uint16) * 257
OTHERS = {
    "float32 of 0..255": BYTES.astype(np.float32),
    "int64 of 0..255": BYTES.astype(np.int64),
    "uint16": WIDE,
    "booleans": (BYTES > 127).astype(np.float32),  # as they are read
    "uint8": BYTES,
    "float32 of 0..1": UNIT,
}
# Training images, their scaling, and the others that are not refused: those that mean the same, and
# floats that may be nearly black images of whole numbers.
TRAINED = [
    (BYTES, "auto", {"uint8", "float32 of 0..1"}),
    (UNIT, "auto", {"uint8", "float32 of 0..1", "booleans"}),
    (BYTES, "minmax", {"uint8", "float32 of 0..255", "int64 of 0..255"}),
    (BYTES * 1.0, "auto", {"uint8", "float32 of 0..255", "int64 of 0..255", "booleans"}),
    (WIDE.astype(float), "auto", {"uint16", "float32 of 0..255", "int64 of 0..255", "booleans"}),
    (BYTES, "gcn", set(OTHERS)),
]


@pytest.mark.parametrize("x, kind, same", TRAINED)
@pytest.mark.parametrize("given", OTHERS)
def test_other_ranges_are_refused_when_rows_are_scaled(x, kind, same, given):
    scaling = fit_scaling(x, kind)
    if given in same:
        scaling.apply(OTHERS[given])
        return
    with pytest.raises(DataError, match="another range") as error:
        scaling.apply(OTHERS[given])
    assert re.search("given (uint8|numbers) .*, trained on (uint8|numbers) ", str(error.value))


def test_dark_and_bright_images_are_scored():
    for x, kind in ((BYTES, "auto"), (BYTES.astype(float), "auto"), (UNIT, "auto")):
        scaling = fit_scaling(x, kind)
        for factor in (0, 0.5, 1.5):
            scaling.apply((x * factor).astype(x.dtype))
    fit_scaling(BYTES.astype(float)).apply(np.ones((1, 8, 8, 1)))


def test_a_fit_knows_the_range_of_its_rows_and_keeps_it(tmp_path):
    train = jaxad.as_train_data(BYTES)
    fit = jaxad.fit(jaxad.make("autoencoder", train, epochs=1), train, seeds=2)
    scaling = fit_scaling(BYTES)
    assert fit.images == scaling.images == ImageRange("uint8", 0.0, 255.0)
    loaded, kept = jaxad.load(jaxad.save(fit, tmp_path / "saved", scaling=scaling))
    assert loaded.images == fit.images and kept.images == scaling.images
    np.testing.assert_array_equal(jaxad.score(loaded, BYTES), jaxad.score(fit, BYTES))
    for known in (fit, loaded):
        with pytest.raises(DataError, match="given numbers from 0 to 255, trained on uint8"):
            jaxad.score(known, BYTES.astype(np.float32))
        with pytest.raises(DataError, match="given numbers from 0 to 1, trained on uint8"):
            jaxad.score(known, (BYTES > 127).astype(np.float32))
    np.testing.assert_allclose(jaxad.score(fit, UNIT), jaxad.score(fit, BYTES), rtol=1e-3)


def test_ranges_of_seeds_are_joined():
    split = jaxad.contaminate("digits", 0, normal_class=1, seeds=2)
    assert split.scaling.images is None  # rows of a table
    one, two = ImageRange("float", 0.0, 0.5), ImageRange("float", 0.1, 0.9)
    assert one.merge(two) == ImageRange("float", 0.0, 0.9)


def test_the_command_line_says_both_ranges(tmp_path, capsys):
    train, new = tmp_path / "train.npz", tmp_path / "new.npz"
    np.savez(train, X=BYTES)
    np.savez(new, X=WIDE)
    saved = str(tmp_path / "saved")
    assert main(["fit", str(train), "autoencoder", "--epochs", "1", "--out", saved]) == 0
    assert main(["score", saved, str(new), "--out", str(tmp_path / "out.csv")]) == 1
    assert "given numbers from" in (error := capsys.readouterr().err)
    assert "trained on uint8 in 0..255" in error
