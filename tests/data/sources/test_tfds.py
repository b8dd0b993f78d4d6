"""Data prepared by tensorflow-datasets itself, read back without TensorFlow.

Its image feature encodes arrays by TensorFlow, but takes encoded files as they are; so the images
here are given as PNG files. Tensors need no encoding.
"""

import io
import sys

import numpy as np
import pytest

from jaxad.data import contaminate, load_dataset
from jaxad.errors import ConfigError, DataError

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("array_record")

SIZES = {"train": 20, "test": 8}


def png(value: int) -> io.BytesIO:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(np.full((4, 5), value, np.uint8)).save(file, "png")
    file.seek(0)
    return file


def prepare(folder, name, feature, value, *, sizes=SIZES, keys=("image", "label")):
    """Write a data set with tensorflow-datasets: value(i) is the feature of example i."""

    class Tiny(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {"image": feature, "label": tfds.features.ClassLabel(names=["cat", "dog"])}
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(features),
                supervised_keys=keys,
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(n) for split, n in sizes.items()}

        def _generate_examples(self, n):
            for i in range(n):
                yield i, {"image": value(i), "label": i % 2}

    Tiny.name = name
    Tiny(data_dir=folder, file_format="array_record").download_and_prepare()


def test_images_are_read_with_their_parts_and_class_names(tmp_path):
    prepare(tmp_path, "tiny_png", tfds.features.Image(shape=(4, 5, 1)), png)
    data = load_dataset("tfds:tiny_png", data_dir=tmp_path)
    assert data.x.shape == (20, 4, 5, 1)
    assert data.x.dtype == np.uint8
    assert data.class_names == ("cat", "dog")
    # Examples are stored in an order of their own; each still has its label.
    np.testing.assert_array_equal(data.x[:, 0, 0, 0] % 2, data.y)
    assert data.y_test is not None
    assert len(data.y_test) == 8
    assert "tensorflow" not in sys.modules
    split = contaminate(data, 0, normal_class="cat", contamination=0.1)
    assert len(split.test.x) == 8


def test_tensors_are_a_table_and_the_environment_names_the_folder(tmp_path, monkeypatch):
    feature = tfds.features.Tensor(shape=(3,), dtype=np.float32)
    prepare(
        tmp_path, "tiny_table", feature, lambda i: np.full(3, i, np.float32), sizes={"train": 6}
    )
    monkeypatch.setenv("JAXAD_DATA", str(tmp_path))
    data = load_dataset("tfds:tiny_table")
    np.testing.assert_array_equal(np.sort(data.x[:, 0]), np.arange(6.0))
    np.testing.assert_array_equal(data.x[:, 0] % 2, data.y)
    assert data.x_test is None


def test_data_without_supervised_keys_is_refused(tmp_path):
    feature = tfds.features.Tensor(shape=(3,), dtype=np.float32)
    prepare(tmp_path, "tiny_keyless", feature, lambda i: np.zeros(3, np.float32), keys=None)
    with pytest.raises(DataError, match=r"does not define which.*(image, label|label, image)"):
        load_dataset("tfds:tiny_keyless", data_dir=tmp_path)


def test_rows_of_several_shapes_are_refused(tmp_path):
    feature = tfds.features.Tensor(shape=(None,), dtype=np.float32)
    prepare(tmp_path, "tiny_ragged", feature, lambda i: np.zeros(i + 1, np.float32))
    with pytest.raises(DataError, match="cannot be read as rows of one shape"):
        load_dataset("tfds:tiny_ragged", data_dir=tmp_path)


def test_data_that_is_not_prepared_says_how_to_prepare_it(tmp_path):
    if "tensorflow" in sys.modules or _has_tensorflow():
        pytest.skip("with TensorFlow the data would be downloaded and prepared")
    with pytest.raises(DataError, match=r"not prepared in .*pip install 'jaxad\[tfds\]'.*data_dir"):
        load_dataset("tfds:mnist", data_dir=tmp_path)


def test_unknown_name_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="tfds:mnist_of_mine cannot be found"):
        load_dataset("tfds:mnist_of_mine", data_dir=tmp_path)


def test_missing_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install 'jaxad\[tfds\]'"):
        load_dataset("tfds:anything", data_dir=tmp_path)


def _has_tensorflow() -> bool:
    from importlib.util import find_spec

    return find_spec("tensorflow") is not None
