"""Masks of anomalous pixels: from files and arrays to splits, batches and checkpoints."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxad
from jaxad.data import load_table
from jaxad.errors import DataError
from jaxad.padding import pad_to_buckets
from jaxad.sampling.base import ShuffledEpochs
from jaxad.training.resume import _fingerprint
from jaxad.types import State

SIZE = 6


def arrays(n=60, seed=0):
    """Noise of which every third image has a bright square, its class and where the square is."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 50, (n, SIZE, SIZE), np.uint8)
    y = (np.arange(n) % 3 == 0).astype(int)
    mask = np.zeros((n, SIZE, SIZE), np.uint8)
    for i in np.flatnonzero(y):
        row, column = rng.integers(0, SIZE - 2, 2)
        mask[i, row : row + 2, column : column + 2] = 1
    return np.where(mask == 1, np.uint8(250), x), y, mask


def split_of(**settings):
    x, y, mask = arrays()
    data = jaxad.from_arrays(x, y, mask=mask)
    settings = {"contamination": 0.1, "labelled_anomalies": 3} | settings
    return jaxad.contaminate(data, 0, **settings), mask


def test_training_knows_the_masks_of_labelled_anomalies_alone():
    split, mask = split_of()
    train = split.train
    assert split.hidden.sum() > 0 and (train.label < 0).sum() == 3
    for row, label, known in zip(split.train_rows, train.label, train.mask, strict=True):
        np.testing.assert_array_equal(known, mask[row] if label < 0 else 0 * mask[row])


def test_the_test_has_every_mask():
    split, mask = split_of()
    np.testing.assert_array_equal(split.test.mask, mask[split.test_rows])
    np.testing.assert_array_equal(split.test.mask.any(axis=(1, 2)), split.test.label == 1)


def test_data_without_masks_has_none():
    x, y, _ = arrays()
    split = jaxad.contaminate(jaxad.from_arrays(x, y), 0, seeds=2)
    assert split.train.mask is None and split.test.mask is None
    assert split.seed(1).train.mask is None


def test_masks_of_seeds_are_stacked_padded_and_taken_apart_again():
    split, mask = split_of(seeds=3)
    assert split.train.mask.shape == (*split.train.label.shape, SIZE, SIZE)
    for i in range(3):
        one = split.seed(i)
        np.testing.assert_array_equal(one.test.mask, mask[one.test_rows])
    padded = pad_to_buckets(split.train)
    n = split.train.label.shape[1]
    assert padded.mask.shape[:2] == padded.label.shape
    np.testing.assert_array_equal(padded.mask[:, :n], split.train.mask)
    assert not padded.mask[:, n:].any()


def test_exposed_rows_have_no_anomalous_pixels():
    x, y, mask = arrays()
    data = jaxad.from_arrays(x, y, mask=mask)
    exposure = jaxad.from_arrays(*arrays(20, seed=1)[:2])
    train = jaxad.contaminate(data, 0, exposure=exposure).train
    assert train.mask.shape == train.x.shape[:3]
    assert not train.mask[-20:].any()


def test_a_file_s_masks_are_read(tmp_path):
    x, y, mask = arrays()
    np.savez(tmp_path / "tiles.npz", x=x, y=y, mask=255 * mask)
    data = jaxad.load_dataset(tmp_path / "tiles.npz")
    np.testing.assert_array_equal(data.mask, mask)
    np.testing.assert_array_equal(load_table(tmp_path / "tiles.npz").mask, mask)
    parts = {"x_train": x, "y_train": y, "x_test": x[:9], "y_test": y[:9]}
    np.savez(tmp_path / "parts.npz", **parts, mask_train=mask, mask_test=mask[:9])
    split = jaxad.contaminate(tmp_path / "parts.npz", 0)
    np.testing.assert_array_equal(split.test.mask, mask[:9])
    np.savez(tmp_path / "half.npz", **parts, mask_train=mask)
    with pytest.raises(DataError, match="masks do not match the parts"):
        jaxad.load_dataset(tmp_path / "half.npz")


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((60, 5, 6)), r"mask has shape \(60, 5, 6\).*need \(60, 6, 6\)"),
        (np.zeros((59, 6, 6)), r"need \(60, 6, 6\)"),
        (np.full((60, 6, 6), 2), "mask holds 2"),
        (np.full((60, 6, 6), "a"), "of type"),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask, message):
    x, y, _ = arrays()
    with pytest.raises(DataError, match=message):
        jaxad.from_arrays(x, y, mask=mask)


def test_masks_of_a_table_are_refused():
    with pytest.raises(DataError, match="mask marks anomalous pixels and needs images"):
        jaxad.from_arrays([[0.0], [1.0]], [0, 1], mask=np.zeros((2, 1)))


def test_a_fit_refuses_masks_of_another_shape():
    x, _, mask = arrays()
    train = jaxad.as_train_data(x, np.where(np.arange(60) == 3, -1, 0), mask)
    assert train.mask.any()
    detector = jaxad.make("autoencoder", train, epochs=1)
    with pytest.raises(DataError, match=r"train\.mask must have shape \(60, 6, 6\)"):
        jaxad.fit(detector, train._replace(mask=mask[:, :5]))
    with pytest.raises(DataError, match=r"train\.mask must be of uint8"):
        jaxad.fit(detector, train._replace(mask=3 * mask))


def masks_seen(state, batch, key):
    """An update that remembers the mask that it saw of every row."""
    del key
    seen = state.extras.at[batch.index].set(batch.mask)
    return state._replace(extras=seen), {"loss": jnp.zeros(())}


def test_a_batch_has_the_masks_of_its_rows():
    split, _ = split_of(seeds=2)
    detector = jaxad.Detector(
        init=lambda key, data: State({}, {}, jnp.full(data.mask.shape, 7, jnp.uint8), (), ()),
        update=masks_seen,
        score=lambda state, x: jnp.zeros(len(x)),
        sampler=ShuffledEpochs(16),
        epochs=1,
    )
    fitted = jaxad.fit(detector, split.train)
    n = split.train.label.shape[1]
    np.testing.assert_array_equal(fitted.state.extras[:, :n], split.train.mask)


def test_a_checkpoint_is_of_one_set_of_masks():
    split, _ = split_of()
    detector = jaxad.make("autoencoder", split.train, epochs=1)
    prints = [
        _fingerprint([detector], split.train._replace(mask=mask), jax.random.key(0))["data"]
        for mask in (None, split.train.mask, 0 * split.train.mask)
    ]
    assert len(set(prints)) == 3
