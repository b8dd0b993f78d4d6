"""Where a name is looked for, and what is said when it is nowhere."""

import subprocess
import sys

import numpy as np
import pytest

from jaxad.data import contaminate, list_datasets, load_dataset
from jaxad.errors import ConfigError, DataError

X = np.arange(8.0).reshape(4, 2)
Y = np.array([0, 0, 1, 1])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "adbench").mkdir()
    for name in ("adbench/6_cardio", "adbench/31_satimage-2", "own", "adbench/45_wine"):
        np.savez(tmp_path / f"{name}.npz", X=X, y=Y)
    monkeypatch.setenv("JAXAD_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("digits", (1797, 64), 10), ("breast_cancer", (569, 30), 2), ("wine", (178, 13), 3)],
)
def test_bundled_data(name, shape, classes):
    data = load_dataset(name)
    assert data.x.shape == shape
    assert data.classes == tuple(range(classes))
    assert data.name == name


def test_bundled_classes_mean_what_they_say():
    cancer = load_dataset("breast_cancer")
    assert cancer.anomaly
    assert cancer.class_names == ("benign", "malignant")
    assert cancer.y.sum() == 212
    digits = load_dataset("digits")
    assert digits.x.min() == 0
    assert digits.x.max() == 16


def test_digits_are_scaled_by_one_range():
    """Every column would blow up that is nearly constant in training."""
    split = contaminate("digits", 0, normal_class=0, contamination=0)
    assert split.scaling.kind == "range"
    assert split.test.x.max() <= 1
    assert np.abs(contaminate("digits", 0, normal_class=0, scaling="standard").test.x).max() > 5


@pytest.mark.parametrize(
    "name",
    ["cardio", "6_cardio", "6_cardio.npz", "adbench/6_cardio.npz", "CARDIO", "cardio.npz"],
)
def test_name_finds_its_file_in_the_data_folder(folder, name):
    assert load_dataset(name).name == "6_cardio"


def test_kinds_of_dashes_are_one(folder):
    assert load_dataset("satimage_2").name == "31_satimage-2"


def test_bundled_comes_first_and_a_number_asks_for_the_file(folder):
    assert len(load_dataset("wine").x) == 178
    assert len(load_dataset("45_wine").x) == 4


def test_argument_comes_before_the_environment(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    np.savez(other / "own.npz", X=X[:3], y=Y[:3])
    assert len(load_dataset("own", data_dir=other).x) == 3


def test_names_are_listed(folder):
    names = list_datasets()
    assert {"digits", "blobs", "6_cardio", "own"} <= set(names)
    assert names == sorted(names)
    assert "own" not in list_datasets(folder / "adbench")


@pytest.mark.parametrize("digest", ["", "-" + "0a" * 16])
def test_files_of_results_are_no_data_sets(folder, digest):
    start = f"20261128T120000.000000Z-0123abcd{digest}"
    (folder / "adbench" / f"{start}.parquet").write_bytes(b"PAR1")
    (folder / f"{start}.npz").write_bytes(b"")
    assert [name for name in list_datasets() if name.startswith("2026")] == [start]


def test_ambiguous_name_lists_the_files(folder):
    np.savez(folder / "7_cardio.npz", X=X, y=Y)
    with pytest.raises(ConfigError, match=r"'cardio' may be any of .*7_cardio.npz.*6_cardio.npz"):
        load_dataset("cardio")
    assert load_dataset("7_cardio").name == "7_cardio"


def test_exact_name_is_not_ambiguous(folder):
    np.savez(folder / "cardio.npz", X=X[:3], y=Y[:3])
    assert len(load_dataset("cardio").x) == 3


def test_unknown_name_says_the_nearest_and_the_ways(folder, monkeypatch):
    with pytest.raises(ConfigError, match=r"'cardo'. Did you mean 'cardio'.*tfds:NAME"):
        load_dataset("cardo")
    monkeypatch.delenv("JAXAD_DATA")
    with pytest.raises(ConfigError, match=r"'digit'. Did you mean 'digits'.*no data folder is set"):
        load_dataset("digit")


def test_folder_without_data_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"not a folder of idx files.* holds nothing"):
        load_dataset(tmp_path)
    with pytest.raises(ConfigError, match=r"data_dir=.*none: no such folder"):
        load_dataset("own", data_dir=tmp_path / "none")


def test_other_things_are_refused():
    with pytest.raises(ConfigError, match="source cannot be of type int"):
        load_dataset(3)


def test_import_is_light():
    heavy = "pandas", "sklearn", "tensorflow_datasets", "pyarrow"
    code = f"import jaxad.data, sys; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
