"""Hostile arrays of saved detectors and checkpoints: refused before they are unpacked."""

import json
import resource
import shutil
import time

import numpy as np
import pyarrow as pa
import pytest
import tensorstore as ts

from jaxad.errors import DataError
from jaxad.saving.arrays import read_arrays
from jaxad.utils.arrays import check_chunks, write_arrays

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.float32(2), "c": np.zeros((300, 40))}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays") / "kept"
    write_arrays(ARRAYS, folder)
    return folder


@pytest.fixture
def folder(kept, tmp_path):
    shutil.copytree(kept, tmp_path / "arrays")
    return tmp_path / "arrays"


def open_store(folder):
    return ts.KvStore.open({"driver": "ocdbt", "base": folder.as_uri()}).result()


def change(folder, name, **changes):
    """Change what an array declares, as tensorstore would write it."""
    store = open_store(folder)
    about = json.loads(store.read(f"{name}/.zarray").result().value)
    store.write(f"{name}/.zarray", json.dumps(about | changes).encode()).result()


def read(folder):
    return read_arrays(folder, lambda saved: dict(saved), str)


def test_whole_arrays_are_read(folder):
    found = read(folder)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("a", {"chunks": [2, 10**9]}),
        ("a", {"shape": [2, 10**9], "chunks": [2, 10**9]}),
        ("a", {"chunks": [2]}),
        ("a", {"chunks": [0, 3]}),
        ("a", {"chunks": [-2, -3]}),
        ("a", {"compressor": {"id": "blosc", "cname": "lz4", "clevel": 1, "shuffle": 0}}),
        ("a", {"compressor": None}),
        ("b", {"dtype": "|V1000000000"}),
        ("c", {"chunks": [10**6, 10**6]}),
    ],
)
def test_arrays_that_declare_huge_chunks_are_refused(folder, name, changes):
    change(folder, name, **changes)
    start, most = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"arrays|configuration"):
        read(folder)
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 2**18  # KiB


def test_a_chunk_that_unpacks_to_a_gigabyte_is_refused(folder):
    """Of one block of zeros, which is repeated as zstd does for a long run."""
    block = pa.Codec("zstd").compress(bytes(2**22), asbytes=True)
    open_store(folder).write("b/0", block * 256).result()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="too small"):
        check_chunks(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 2**16  # KiB


def test_arrays_of_another_format_are_refused(folder):
    about = json.loads((folder / "_METADATA").read_text())
    (folder / "_METADATA").write_text(json.dumps(about | {"use_zarr3": True}))
    with pytest.raises(DataError, match="format 3"):
        check_chunks(folder)
