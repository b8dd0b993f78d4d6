"""MNIST's file format, written here by its description."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from jaxad.data import load_dataset
from jaxad.data.sources import idx
from jaxad.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5), np.uint8)
LABELS = np.array([0, 1, 2, 3, 9, 1], np.uint8)


def encoded(array: np.ndarray, kind: int = 0x08) -> bytes:
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape)
    return head + array.tobytes()


def write(folder, *, packed=True, test=True, images=IMAGES, labels=LABELS):
    folder.mkdir(exist_ok=True)
    for part in ("train", "t10k") if test else ("train",):
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            path = folder / f"{part}-{name}-ubyte{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(encoded(array)) if packed else encoded(array))
    return folder


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("test", [True, False])
def test_folder_is_read(tmp_path, packed, test):
    data = load_dataset(write(tmp_path / "mnist", packed=packed, test=test))
    np.testing.assert_array_equal(data.x[..., 0], IMAGES)
    np.testing.assert_array_equal(data.y, LABELS)
    assert (data.x_test is not None) == test
    assert data.name == "mnist"
    assert data.class_names == ()


def test_fashion_has_its_class_names(tmp_path):
    data = load_dataset(write(tmp_path / "my-fashion"))
    assert data.class_name(9) == "Ankle boot"
    assert data.class_number("Trouser") == 1


def test_files_of_fashion_mnist_are_verified(tmp_path, monkeypatch):
    folder = write(tmp_path / "fashion-mnist", packed=False)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte: the SHA-256 differs"):
        load_dataset(folder)
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
    }
    assert digests.keys() == idx.FASHION_DIGESTS.keys()
    monkeypatch.setattr(idx, "FASHION_DIGESTS", digests)
    assert len(load_dataset(folder).x) == 6
    packed = write(tmp_path / "FashionMNIST")
    assert len(load_dataset(packed).x) == 6


def test_missing_labels_are_named(tmp_path):
    folder = write(tmp_path / "mnist")
    (folder / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte \(or .*\) is missing"):
        load_dataset(folder)


def test_labels_of_another_length_are_refused(tmp_path):
    with pytest.raises(DataError, match="x has 6 rows, y has 5"):
        load_dataset(write(tmp_path / "mnist", labels=LABELS[:5]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encoded(IMAGES)[:-1], r"135 bytes do not match its shape \(6, 4, 5\)"),
        (encoded(IMAGES) + b"0", "bytes do not match its shape"),
        (encoded(IMAGES)[:9], "9 bytes"),
        (b"", "not an idx file of unsigned bytes"),
        (encoded(IMAGES.astype(np.float32), 0x0D), "not an idx file of unsigned bytes"),
        (b"PNG!" + encoded(IMAGES), "not an idx file of unsigned bytes"),
    ],
)
def test_broken_files_are_named(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"train-images-idx3-ubyte: .*{message}"):
        idx.read_idx(path)


@pytest.mark.parametrize("cut", [slice(0, -20), slice(0, 30), slice(5, None)])
def test_broken_archive_is_named(tmp_path, cut):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(encoded(IMAGES))[cut])
    with pytest.raises(DataError, match=r"ubyte.gz: cannot be unpacked"):
        idx.read_idx(path)
