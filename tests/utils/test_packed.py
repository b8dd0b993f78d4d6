"""Packed files: what they unpack to or declare is compared with their size, before it is read."""

import gzip
import io
import resource
import struct
import time
import zipfile
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from jaxad.data.sources.files import load_table, read_file
from jaxad.data.sources.idx import read_idx
from jaxad.data.tables.reading import read_table
from jaxad.data.text.vectors import read_vectors
from jaxad.errors import DataError
from jaxad.results import read_results
from jaxad.utils import columnar, packed
from jaxad.utils.packed import read_npz


@contextmanager
def refused(match):
    """A `DataError`, in less than 5 seconds of processor time and half a GiB."""
    start, most = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=match):
        yield
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 2**19  # KiB


def write_gzip(path, block, count, end=b""):
    """Write a gzip file of a block of a MiB that is repeated, one member for each, with an end."""
    one = gzip.compress(block * (2**20 // len(block)), 6)
    path.write_bytes(one * count + gzip.compress(end))
    return path


@pytest.mark.parametrize(
    ("name", "block", "read"),
    [
        ("rows.csv.gz", b"x" * 4095 + b"\n", read_table),
        ("texts.jsonl.gz", b'{"text": "word", "label": 1}' + b" " * 4067 + b"\n", read_file),
        ("vectors.txt.gz", b"word 1 2" + b" " * 4087 + b"\n", read_vectors),
        ("a-idx3-ubyte.gz", b"\0", read_idx),
    ],
)
def test_files_that_unpack_to_far_more_are_refused(tmp_path, monkeypatch, name, block, read):
    monkeypatch.setattr(packed, "MOST_TEXT", 2**21)
    path = write_gzip(tmp_path / name, block, 4)
    if name.startswith("a-"):
        head = gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 2**22))
        path.write_bytes(head + path.read_bytes())
    with refused("unpack to"):
        read(path)
    monkeypatch.setattr(packed, "MOST_RATIO", 2000)  # more than gzip reaches
    read(path)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(tmp_path):
    path = write_gzip(tmp_path / "rows.csv.gz", b"x" * 4095 + b"\n", 200)
    with refused("unpack to"):
        read_table(path)


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
@pytest.mark.parametrize("byte", [b"\0", b",", b'"', b"x"])
def test_a_row_without_an_end_is_refused(tmp_path, name, byte):
    content = byte * 40_000_000
    (tmp_path / name).write_bytes(gzip.compress(content, 1) if name.endswith("gz") else content)
    with refused("longer than"):
        read_table(tmp_path / name)
    content = b"a,b\n1,2\n" + content[:9_000_000] + b"\n"
    (tmp_path / name).write_bytes(gzip.compress(content, 1) if name.endswith("gz") else content)
    with refused("longer than|values for|read after"):
        read_table(tmp_path / name)


def test_a_table_of_too_many_columns_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"1," * 200_000 + b"1\n")
    with refused("200001 values; tables have at most 131072 columns"):
        read_table(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("name", "read"), [("a.jsonl", read_file), ("a.txt", read_vectors), ("a.jsonl.gz", read_file)]
)
def test_lines_that_are_too_long_are_refused(tmp_path, monkeypatch, name, read):
    path = tmp_path / name
    content = b"word " + b"1 " * 600_000
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with refused("line 1 "):
        read(path)


@pytest.mark.parametrize(
    ("axes", "values"),
    [
        ([2**32 - 1] * 3, b""),
        ([2**32 - 1], bytes(60)),
        ([60, 0], bytes(60)),
        ([1] * 255, b"\0"),
        ([], b""),
        ([5], bytes(6)),
        ([5], bytes(4)),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_files_that_declare_other_sizes_are_refused(tmp_path, axes, values, suffix):
    path = tmp_path / f"a-ubyte{suffix}"
    content = bytes([0, 0, 8, len(axes)]) + struct.pack(f">{len(axes)}I", *axes) + values
    path.write_bytes(gzip.compress(content) if suffix else content)
    with refused("do not match its shape"):
        read_idx(path)


def write_npz(path, header, data=b"", compression=zipfile.ZIP_STORED, name="X.npy"):
    text = header.encode().ljust(117) + b"\n"
    with zipfile.ZipFile(path, "w", compression) as archive:
        npy = b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text + data
        archive.writestr(name, npy)
    return path


@pytest.mark.parametrize(
    ("shape", "dtype", "data"),
    [
        ("(1000000000000,)", "<f8", b""),
        ("(1000000000000, 0)", "<f8", b""),
        (f"({10**30}, 0)", "<f8", b""),
        ("(1000000000000,)", "|V0", b""),
        ("(1000000000000,)", "<U0", b""),
        ("(-1,)", "<f8", bytes(8)),
        ("(2,)", "<f8", bytes(8)),
        ("(1,)", "|O", bytes(8)),
    ],
)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_npz_files_that_declare_other_sizes_are_refused(tmp_path, shape, dtype, data, compression):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}"
    path = write_npz(tmp_path / "a.npz", header, data, compression)
    for read in (load_table, read_file, read_vectors):
        with refused("a.npz: "):
            read(path)


@pytest.mark.parametrize("code", [0x110000, 2**31, 0xD800])
@pytest.mark.parametrize("order", "<>")
def test_npz_files_of_strings_that_are_not_unicode_are_refused(tmp_path, code, order):
    header = f"{{'descr': '{order}U2', 'fortran_order': False, 'shape': (2,)}}"
    for codes, fine in (([97, 0x10FFFF, 98, 0], True), ([97, 98, code, 99], False)):
        data = np.array(codes, f"{order}u4").tobytes()
        path = write_npz(tmp_path / "a.npz", header, data, name="words.npy")
        if fine:
            assert read_npz(path)["words"].tolist() == ["a\U0010ffff", "b"]
        else:
            with refused("not Unicode"):
                read_npz(path)


def test_npz_files_that_unpack_to_far_more_are_refused(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((500, 500)))
    assert read_npz(tmp_path / "a.npz")["X"].shape == (500, 500)
    monkeypatch.setattr(packed, "MOST_UNPACKED", 10_000)
    with refused("a.npz: not a complete npz file.*unpack to"):
        load_table(tmp_path / "a.npz")


def write_constants(path, rows=100_000, **options):
    table = pa.table({"a": np.zeros(rows), "b": ["x" * 50] * rows})
    write = parquet.write_table if path.suffix == ".parquet" else feather.write_feather
    write(table, path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "module", "limit", "options"),
    [
        ("a.parquet", columnar, "MOST_VALUES", {}),
        ("a.parquet", packed, "MOST_UNPACKED", {"use_dictionary": False, "compression": "zstd"}),
        ("a.feather", packed, "MOST_UNPACKED", {"compression": "zstd"}),
    ],
)
def test_tables_that_unpack_to_far_more_are_refused(
    tmp_path, monkeypatch, name, module, limit, options
):
    path = write_constants(tmp_path / name, **options)
    assert read_table(path).num_rows == 100_000
    monkeypatch.setattr(module, limit, 1000)
    monkeypatch.setattr(packed, "MOST_RATIO", 1)
    monkeypatch.setattr(columnar, "MOST_RATIO", 1)
    with refused(f"{name}: cannot be read"):
        read_table(path)
    if name == "a.parquet":
        with refused("a.parquet is damaged"):
            read_results(tmp_path)


def test_texts_that_are_not_unicode_are_refused(tmp_path):
    broken = pa.StringArray.from_buffers(
        2, pa.py_buffer(struct.pack("<3i", 0, 1, 2)), pa.py_buffer(b"a\xff")
    )
    table = pa.table({"a": broken, "b": [1, 2]})
    for name, write in (("a.parquet", parquet.write_table), ("a.feather", feather.write_feather)):
        write(table, tmp_path / name)
        with refused("UTF8"):
            read_table(tmp_path / name)


def test_indices_beyond_their_categories_are_refused(tmp_path):
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int32()), ["x"], safe=False)
    out = io.BytesIO()
    with pa.ipc.new_file(out, pa.schema([("a", codes.type)])) as writer:
        writer.write_batch(pa.record_batch({"a": codes}))
    (tmp_path / "a.arrow").write_bytes(out.getvalue())
    with refused("a.arrow: cannot be read"):
        read_table(tmp_path / "a.arrow")


@pytest.mark.parametrize("stream", [False, True])
def test_batches_of_files_and_streams_are_checked(tmp_path, monkeypatch, stream):
    schema = pa.schema([("a", pa.float64()), ("k", pa.dictionary(pa.int32(), pa.string()))])
    batch = pa.record_batch(
        {"a": np.zeros(5000), "k": pa.array(["x", "y"] * 2500).dictionary_encode()}, schema=schema
    )
    write = pa.ipc.new_stream if stream else pa.ipc.new_file
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    out = io.BytesIO()
    with write(out, schema, options=options) as writer:
        writer.write_batch(batch)
        writer.write_batch(batch)
    (tmp_path / "a.arrow").write_bytes(out.getvalue())
    sizes = []
    monkeypatch.setattr(columnar, "check_ratio", lambda size, total: sizes.append(total))
    assert read_table(tmp_path / "a.arrow").num_rows == 10_000
    assert 2 * 60_000 <= sizes[-1] < 2 * 61_000
